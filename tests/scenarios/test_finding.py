"""Sorting, threading and searching many mailboxes with a client library, in the composed server."""

import asyncio

import imapclient

from kit.app import PASSWORD, AppUnderTest
from kit.wire import ImapWire, trusting_context

ALICE = "alice@example.test"


def mail(number: int, subject: str, answers: int = 0) -> bytes:
    lines = [
        f"From: p{number % 3}@example.test",
        f"Subject: {subject}",
        f"Date: Thu, 01 Jan 2026 10:{59 - number:02}:00 +0000",
        f"Message-ID: <{number}@example.test>",
    ]
    if answers:
        lines.append(f"References: <{answers}@example.test>")
    return ("\r\n".join(lines) + f"\r\n\r\nWords of {number}\r\n").encode()


MAILS = (
    mail(1, "Lunch"),
    mail(2, "Re: Lunch", 1),
    mail(3, "Accounts"),
    mail(4, "Re: Lunch", 2),
    mail(5, "Budget"),
)


async def test_a_client_sorts_threads_and_searches(server: AppUnderTest) -> None:
    await asyncio.to_thread(_work, server.ports["imaps"])
    imap = await ImapWire.open(server.ports["imap"], ALICE, PASSWORD)
    told = await imap.ok("ESEARCH IN (personal) RETURN (COUNT ALL) SUBJECT lunch")
    lines = [pieces[0] for pieces in told if pieces[0].startswith(b"* ESEARCH ")]
    assert len(lines) == 2
    assert b'MAILBOX "INBOX"' in lines[0]
    assert b'MAILBOX "Lists"' in lines[1]
    assert all(line.endswith(b"UID COUNT 3 ALL 1:2,4") for line in lines)
    await imap.wire.close()


def _work(port: int) -> None:
    with imapclient.IMAPClient(
        "127.0.0.1", port, ssl=True, ssl_context=trusting_context(), timeout=20
    ) as client:
        client.login(ALICE, PASSWORD)
        for name in (b"SORT", b"THREAD=REFERENCES", b"MULTISEARCH", b"ESORT", b"PARTIAL"):
            assert client.has_capability(name.decode())
        client.create_folder("Lists")
        for name in ("INBOX", "Lists"):
            for content in MAILS:
                client.append(name, content)
        client.select_folder("INBOX")
        assert client.sort(["SUBJECT", "REVERSE DATE"]) == [3, 5, 1, 2, 4]
        assert client.sort("REVERSE ARRIVAL", ["FROM", "p1"])[0] in (1, 4)
        assert client.thread("REFERENCES") == ((5,), (3,), (1, 2, 4))
        assert client.thread("ORDEREDSUBJECT", ["TEXT", "words"]) == ((5,), (4, (2,), (1,)), (3,))
        threads = client.fetch([1, 2, 4, 5], ["THREADID"])
        ids = [threads[uid][b"THREADID"] for uid in (1, 2, 4, 5)]
        assert ids[0] == ids[1] == ids[2] != ids[3]
        found = client.search(["THREADID", ids[0][0].decode()])
        assert found == [1, 2, 4]
