"""imapclient calls all that it has, and understands the answers."""

import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from email import policy
from email.message import EmailMessage

import imapclient
import pytest
from imapclient.exceptions import CapabilityError, IMAPClientError

from interop.programs import ALICE, BOB, HOST
from kit.live import LiveServer
from kit.wire import trusting_context

AT = datetime(2026, 3, 1, 12, 30, tzinfo=timezone(timedelta(hours=2)))


def connect(server: LiveServer, user: str) -> imapclient.IMAPClient:
    client = imapclient.IMAPClient(
        HOST, server.port("IMAPS"), ssl_context=trusting_context(), timeout=30
    )
    client.login(user, server.password)
    client.normalise_times = False
    return client


def letter(subject: str, text: str = "Hello.\n", refers: str = "") -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = f"Ann <{ALICE}>", BOB, subject
    made["Date"] = AT
    made["Message-ID"] = f"<{subject.replace(' ', '.')}@example.test>"
    if refers:
        made["References"] = f"<{refers}@example.test>"
    made.set_content(text)
    return made.as_bytes(policy=policy.SMTP)


@pytest.fixture
def client(server: LiveServer) -> Iterator[imapclient.IMAPClient]:
    with connect(server, ALICE) as made:
        yield made
        for flags, _, name in made.list_folders("", "Probe*")[::-1]:
            if b"\\NonExistent" not in flags:
                made.delete_folder(name)


def test_ways_in(server: LiveServer) -> None:
    made = imapclient.IMAPClient(HOST, server.port("IMAP"), ssl=False, timeout=30)
    assert b"IMAP4rev1" in made.welcome
    assert made.has_capability("STARTTLS")
    context = trusting_context()
    made.starttls(context)
    assert isinstance(made.socket(), ssl.SSLSocket)
    made.plain_login(ALICE, server.password)
    assert made.noop()[0] == b"NOOP completed"
    made.logout()
    token = server.command("token", "mint", ALICE).strip()
    for name in ("oauth2_login", "oauthbearer_login"):
        made = imapclient.IMAPClient(HOST, server.port("IMAPS"), ssl_context=context, timeout=30)
        getattr(made, name)(ALICE, token)
        assert made.folder_exists("INBOX")
        made.logout()


def test_folders(client: imapclient.IMAPClient) -> None:
    assert client.namespace().personal == (("", "/"),)
    assert client.id_({"name": "tests"})
    assert client.find_special_folder(b"\\Sent") == "Sent"
    client.create_folder("Probe/Kästchen & Co")
    assert client.folder_exists("Probe/Kästchen & Co")
    client.rename_folder("Probe/Kästchen & Co", "Probe/Ärger")
    client.subscribe_folder("Probe/Ärger")
    assert "Probe/Ärger" in [name for _, _, name in client.list_sub_folders("", "Probe/*")]
    client.unsubscribe_folder("Probe/Ärger")
    assert not client.list_sub_folders("", "Probe/*")
    assert client.folder_status("Probe/Ärger", ["MESSAGES", "UIDNEXT"]) == {
        b"MESSAGES": 0,
        b"UIDNEXT": 1,
    }
    with pytest.raises(IMAPClientError, match=r"\[NONEXISTENT\]"):
        client.select_folder("Probe/nowhere")
    with pytest.raises(CapabilityError):
        client.xlist_folders()


def test_messages(client: imapclient.IMAPClient) -> None:
    client.create_folder("Probe")
    answer = client.append("Probe", letter("one"), [imapclient.SEEN, b"$Work"], AT)
    assert b"APPENDUID" in answer
    client.multiappend("Probe", [letter("two"), {"msg": letter("three"), "flags": [b"\\Flagged"]}])
    selected = client.select_folder("Probe")
    assert selected[b"EXISTS"] == 3
    assert b"$Work" in selected[b"FLAGS"]
    found = client.fetch([1, 2, 3], ["FLAGS", "ENVELOPE", "INTERNALDATE", "BODY.PEEK[]", "MODSEQ"])
    assert found[1][b"ENVELOPE"].subject == b"one"
    assert found[1][b"ENVELOPE"].date == AT
    assert found[1][b"INTERNALDATE"] == AT
    assert found[2][b"BODY[]"] == letter("two")
    assert set(found[3][b"FLAGS"]) >= {b"\\Flagged"}
    client.add_flags(2, [b"\\Answered", b"$Later"])
    assert set(client.get_flags(2)[2]) >= {b"\\Answered", b"$Later"}
    client.remove_flags(2, [b"$Later"])
    assert set(client.set_flags(2, [b"\\Draft"])[2]) == {b"\\Draft", b"\\Recent"}
    client.copy([1], "Probe")
    assert client.search(["KEYWORD", "$Work"]) == [1, 4]
    client.create_folder("Probe2")
    client.move([4], "Probe2")
    client.delete_messages([1, 2])
    client.uid_expunge([1])
    assert client.search() == [2, 3]
    assert client.expunge()[0].endswith(b"EXPUNGE completed")
    assert client.search("ALL") == [3]
    client.unselect_folder()
    client.select_folder("Probe", readonly=True)
    with pytest.raises(IMAPClientError):
        client.delete_messages([3])
    client.close_folder()


def test_searches(client: imapclient.IMAPClient) -> None:
    client.create_folder("Probe")
    client.append("Probe", letter("Zebra", "Grüße aus Köln\n"))
    client.append("Probe", letter("apple", refers="Zebra"))
    client.append("Probe", letter("Mango"))
    client.select_folder("Probe")
    assert client.search(["TEXT", "köln"], "UTF-8") == [1]
    assert client.search(["NOT", ["SUBJECT", "apple", "SINCE", AT.date()]]) == [1, 3]
    assert client.search(["MODSEQ", 1]).modseq
    assert client.sort("SUBJECT") == [2, 3, 1]
    assert client.sort(["REVERSE SUBJECT"], ["NOT", "DELETED"]) == [1, 3, 2]
    assert client.thread("REFERENCES") == ((1, 2), (3,))
    assert client.thread("ORDEREDSUBJECT") == ((1,), (2,), (3,))


def test_rights_and_quota(server: LiveServer, client: imapclient.IMAPClient) -> None:
    client.create_folder("Probe")
    client.setacl("Probe", BOB, "lrs")
    assert (BOB.encode(), b"lrs") in client.getacl("Probe")
    with connect(server, BOB) as other:
        shared = f"Other Users/{ALICE}/Probe"
        assert other.folder_exists(shared)
        other.select_folder(shared)
        with pytest.raises(IMAPClientError, match=r"\[NOPERM\]"):
            other.append(shared, letter("no"))
    client.setacl("Probe", BOB, "-lrs")
    roots, quotas = client.get_quota_root("Probe")
    assert roots.quota_roots == []  # alice has no limit
    assert quotas == []
    server.command("group", "add", "team@example.test", ALICE, "--quota", "5M")
    roots, quotas = client.get_quota_root("Shared/team@example.test/INBOX")
    assert roots.quota_roots == ["team@example.test"]
    (quota,) = quotas
    assert (quota.resource, quota.usage, quota.limit) == ("STORAGE", 0, 5 * 1024)


def test_what_is_enabled(client: imapclient.IMAPClient) -> None:
    assert client.enable("CONDSTORE", "X-NONE") == [b"CONDSTORE"]
    assert client.enable("UTF8=ACCEPT") == [b"UTF8=ACCEPT"]
