"""The composed server and mail from elsewhere: who sends it, what becomes of it, how it is told."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit.app import PASSWORD, AppUnderTest
from kit.clock import FakeClock
from kit.nameserver import NameServer
from kit.wire import ImapWire, SmtpWire
from pillarbox.app.cli.trace import told
from pillarbox.domain.accounts import aliases
from pillarbox.domain.accounts.domains import require
from pillarbox.domain.accounts.model import TOPIC as DIRECTORY
from pillarbox.domain.judgement.model import Action
from pillarbox.domain.policy import policies
from pillarbox.domain.policy.model import TOPIC
from pillarbox.domain.quarantine import rows
from pillarbox.domain.quarantine.model import KeptMessage
from pillarbox.domain.queue import inspect
from pillarbox.domain.sender_lists import lists
from pillarbox.domain.sender_lists import model as sender_lists
from pillarbox.domain.signing import keys as signing_keys
from pillarbox.domain.signing.make import KeyChoice, first_keys
from pillarbox.domain.trace import store
from pillarbox.domain.trace.model import Trace
from pillarbox.formats.mailauth.keys import KeyAlgorithm, key_record, new_key
from pillarbox.formats.mailauth.message import read_message
from pillarbox.formats.mailauth.sign import Signer, sign
from pillarbox.formats.mime.date import format_date
from pillarbox.storage.tx import Tx

KEY = new_key(KeyAlgorithm.ED25519)
SIGNER = Signer("sender.test", "ed", KEY)
SENDER, STRANGER = "192.0.2.7", "198.51.100.66"
"""The host of sender.test, and one on a block list."""
ALICE, BOB = "alice@example.test", "bob@example.test"
ZONES = {
    "sender.test": f"""
        @ MX 10 mx
        @ TXT "v=spf1 ip4:{SENDER} -all"
        mx A {SENDER}
        _dmarc TXT "v=DMARC1; p=reject; rua=mailto:reports@sender.test"
        ed._domainkey TXT "{key_record(KeyAlgorithm.ED25519, KEY.public())}"
    """,
    "careful.test": '@ TXT "v=spf1 -all"\n_dmarc TXT "v=DMARC1; p=quarantine"',
    "2.0.192.in-addr.arpa": "7 PTR mx.sender.test.",
    "100.51.198.in-addr.arpa": "1 PTR nobody.test.",
    "zen.spamhaus.org": '66.100.51.198 A 127.0.0.2\n66.100.51.198 TXT "It sends junk"',
    "spamcop.net": "@ TXT none",
    "dnswl.org": "@ TXT none",
    "dbl.spamhaus.org": "@ TXT none",
    "surbl.org": "@ TXT none",
    "test": "@ TXT none",
}


@dataclass
class House:
    server: AppUnderTest
    clock: FakeClock
    names: NameServer

    async def letter(self, sender: str, body: str = "Shall we meet at eight?") -> bytes:
        date = format_date(self.clock.now())
        return (
            f"From: Ann <{sender}>\r\nTo: {ALICE}\r\nSubject: Friday\r\nDate: {date}\r\n"
            f"Message-ID: <{self.clock.now_ms()}.{len(body)}@sender.test>\r\n\r\n{body}\r\n"
        ).encode()

    async def send(
        self, ip: str, sender: str, content: bytes, to: tuple[str, ...] = (ALICE,)
    ) -> tuple[int, str]:
        smtp = await SmtpWire.open(self.server.ports["smtp"], ip=ip)
        async with smtp.wire:
            return await smtp.data(sender, to, content)

    async def mailbox(self, name: str, user: str = ALICE) -> list[bytes]:
        port = self.server.ports["imap"]
        imap = await ImapWire.open(port, user, PASSWORD, select=name)
        async with imap.wire:
            return list((await imap.bodies()).values())

    async def traces(self, what: str) -> list[Trace]:
        services = self.server.services
        return await services.database.read(store.find, services.keys, what)

    async def kept(self) -> list[KeptMessage]:
        services = self.server.services
        return await services.database.read(rows.list_of, services.keys, None)

    async def set_policy(self, **values: str) -> None:
        services = self.server.services
        await services.database.write(policies.set_values, "_default", values)
        services.bus.publish(TOPIC)


@pytest.fixture
async def house(
    tmp_path: Path, clock: FakeClock, database_settings: dict[str, str]
) -> AsyncIterator[House]:
    async with NameServer(ZONES) as names:
        settings = {
            **database_settings,
            "DNS_PRIMARY": "127.0.0.1",
            "DNS_PORT": str(names.port),
            "SMTP_TARPIT": "0",
        }
        async with AppUnderTest(tmp_path / "data", settings, clock=clock) as server:
            await server.add_users("alice", "bob")
            made = House(server, clock, names)
            await made.set_policy(greylist_enabled="false")
            yield made


def header(content: bytes) -> str:
    """The fields above the message, unfolded."""
    return content.split(b"From: Ann")[0].decode().replace("\r\n\t", " ").replace("\r\n ", " ")


async def test_honest_mail_arrives_and_says_who_vouches_for_it(house: House) -> None:
    content = await house.letter("ann@sender.test")
    signed = sign(read_message(content), (SIGNER,), house.clock.now_ms() // 1000) + content
    assert (await house.send(SENDER, "ann@sender.test", signed))[0] == 250
    (kept,) = await house.mailbox("INBOX")
    above = header(kept)
    assert above.startswith("Return-Path: <ann@sender.test>\r\nAuthentication-Results: mx.example")
    for word in ("dmarc=pass", "spf=pass", "dkim=pass", "header.d=sender.test", "iprev=pass"):
        assert word in above
    assert above.index("Authentication-Results") < above.index("Received:")


async def test_what_a_domain_disowns_is_refused_and_can_be_rescued(house: House) -> None:
    code, text = await house.send(
        STRANGER, "ann@sender.test", await house.letter("ann@sender.test")
    )
    assert (code, text[:5]) == (550, "5.7.1")
    assert "sender.test" in text
    assert await house.mailbox("INBOX") == await house.mailbox("Junk") == []
    (kept,) = await house.kept()
    assert (kept.account_id, kept.kept.subject) != (0, "")


FORGED = (
    '"ann@sender.test"',
    "=?utf-8?q?Ann_<ann=40sender=2Etest>?=",
    "<x@evil.test> <ann@sender.test>",
    "ann@sender.test x@evil.test",
    "ann@a_b.sender.test",
    "ann@sender..test",
    ", ".join(f"x@d{number}.evil.test" for number in range(5)) + ", ann@sender.test",
    "Ann <ann@sender.test>\r\nList-Id: <list.evil.test>\r\nList-Unsubscribe-Post: "
    "List-Unsubscribe=One-Click\r\nList-Unsubscribe: <https://list.evil.test/1>",
)


async def test_no_spelling_of_a_forged_author_gets_into_the_inbox(house: House) -> None:
    """From a host that vouches for itself in every way."""
    house.names.add(
        "evil.test",
        f'''
            @ MX 10 mx
            @ TXT "v=spf1 ip4:203.0.113.9 -all"
            mx A 203.0.113.9
            ed._domainkey TXT "{key_record(KeyAlgorithm.ED25519, KEY.public())}"
        ''',
    )
    signer = Signer("evil.test", "ed", KEY)
    letter = await house.letter("x@evil.test")
    for author in FORGED:
        content = letter.replace(b"Ann <x@evil.test>", author.encode())
        assert content != letter
        seal = sign(read_message(content), (signer,), house.clock.now_ms() // 1000)
        assert (await house.send("203.0.113.9", "x@evil.test", seal + content))[0] in (250, 550)
    assert await house.mailbox("INBOX") == []
    for kept in await house.mailbox("Junk"):
        assert b"dmarc=pass" not in kept
        assert b"spf=pass" in kept
        assert b"dkim=pass" in kept


async def test_what_a_list_passed_on_goes_to_junk_unless_it_is_let_in(house: House) -> None:
    house.names.add("list.test", '@ TXT "v=spf1 ip4:203.0.113.9 -all"')
    content = await house.letter("ann@sender.test")
    content = content.replace(b"To: ", b"List-Id: <cooks.list.test>\r\nTo: ", 1)
    assert (await house.send("203.0.113.9", "bounces@list.test", content))[0] == 250
    assert len(await house.mailbox("Junk")) == 1
    services = house.server.services
    await services.database.write(
        lists.add, services.keys, sender_lists.SERVER, "list.test", Action.ALLOW
    )
    services.bus.publish(sender_lists.TOPIC)
    assert (await house.send("203.0.113.9", "bounces@list.test", content))[0] == 250
    assert len(await house.mailbox("INBOX")) == 1


async def test_a_domain_may_keep_what_others_disown_in_quarantine(house: House) -> None:
    await house.set_policy(dmarc_action="quarantine")
    content = await house.letter("ann@sender.test")
    assert (await house.send(STRANGER, "ann@sender.test", content))[0] == 250
    assert await house.mailbox("INBOX") == await house.mailbox("Junk") == []
    assert len(await house.kept()) == 1


async def test_what_a_domain_suspects_goes_to_junk(house: House) -> None:
    content = await house.letter("x@careful.test")
    assert (await house.send("198.51.100.1", "x@careful.test", content))[0] == 250
    assert len(await house.mailbox("Junk")) == 1
    assert await house.mailbox("INBOX") == []


async def test_a_trace_tells_what_would_have_changed_the_outcome(house: House) -> None:
    content = await house.letter("x@plain.test")
    assert (await house.send(STRANGER, "x@plain.test", content))[0] == 250
    (trace,) = await house.traces("x@plain.test")
    lines = "\n".join(told(trace))
    assert "alice@example.test: put into Junk" in lines
    assert "the block list zen.spamhaus.org has" in lines
    assert "It sends junk" in lines
    assert all(one.took_us >= 0 and not one.failure for one in trace.runs)


async def test_strangers_are_asked_to_come_again(house: House) -> None:
    await house.set_policy(greylist_enabled="true")
    content = await house.letter("x@plain.test")
    smtp = await SmtpWire.open(house.server.ports["smtp"], ip="198.51.100.1")
    async with smtp.wire:
        with pytest.raises(AssertionError, match=r"4\.7\.1"):
            await smtp.data("x@plain.test", (ALICE,), content)
    house.clock.advance(minutes=6)
    assert (await house.send("198.51.100.1", "x@plain.test", content))[0] == 250
    await house.server.services.checking.traces.close()
    found = await house.traces(ALICE)
    assert len(found) == 2
    assert sum(bool(one.message_id) for one in found) == 1


async def test_results_that_others_forged_in_our_name_are_gone(house: House) -> None:
    content = b"Authentication-Results: MX.example.test; dkim=pass\r\n" + await house.letter(
        "ann@sender.test"
    )
    assert (await house.send(SENDER, "ann@sender.test", content))[0] == 250
    (kept,) = await house.mailbox("INBOX")
    assert kept.count(b"Authentication-Results") == 1
    assert b"dkim=pass" not in kept


async def test_without_name_servers_mail_still_arrives(house: House) -> None:
    house.names.failing.update({"sender.test", "_dmarc.sender.test", f"TXT {SENDER}"})
    content = await house.letter("ann@sender.test")
    assert (await house.send(SENDER, "ann@sender.test", content))[0] == 250
    assert len(await house.mailbox("INBOX")) == 1


async def test_what_is_forwarded_says_what_was_found(house: House) -> None:
    services = house.server.services

    def prepared(tx: Tx) -> None:
        aliases.create(tx, "away@example.test", ("ann@elsewhere.test",))
        made = first_keys(KeyChoice.ED25519, "mail")
        signing_keys.add_first(tx, services.keys, require(tx, "example.test").id, made)

    await services.database.write(prepared)
    services.bus.publish(DIRECTORY)
    content = await house.letter("ann@sender.test")
    assert (await house.send(SENDER, "ann@sender.test", content, ("away@example.test",)))[0] == 250

    def queued(tx: Tx) -> bytes:
        (one,) = inspect.list_of(tx)
        store_ = services.content
        return inspect.content(tx, store_.keys, store_.blobs, one.id)

    sealed = await services.database.read(queued)
    assert b"ARC-Authentication-Results: i=1; mx.example.test;" in sealed
    field = sealed.split(b"ARC-Authentication-Results")[1].split(b"\r\nARC-")[0]
    assert b"dmarc=pass" in field
