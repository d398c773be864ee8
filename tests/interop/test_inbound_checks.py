"""swaks sends from elsewhere: who it says it is, what it brings, what becomes of it and why."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from interop.programs import ALICE, HOST, needs, run
from kit import scanners
from kit.app import PASSWORD, AppUnderTest
from kit.clock import FakeClock
from kit.nameserver import NameServer
from kit.proxy import PROXY
from kit.scanners import EICAR, GTUBE
from kit.wire import ImapWire
from pillarbox.app.cli.trace import told
from pillarbox.domain.judgement.model import Verdict
from pillarbox.domain.policy import policies
from pillarbox.domain.policy.model import TOPIC
from pillarbox.domain.trace import store
from pillarbox.domain.trace.model import Trace
from pillarbox.formats.mime.date import format_date

pytestmark = needs("swaks")

HONEST, STRANGER, LISTED = "192.0.2.7", "198.51.100.1", "198.51.100.66"
"""The host of sender.test, one of nobody's, and one on a block list."""
RECIPIENT_REFUSED, CONTENT_REFUSED = 24, 26
ZONES = {
    "sender.test": f"""
        @ MX 10 mx
        @ TXT "v=spf1 ip4:{HONEST} -all"
        mx A {HONEST}
        mx TXT "v=spf1 a -all"
    """,
    "strict.test": f"""
        @ MX 10 mx
        @ TXT "v=spf1 ip4:{HONEST} -all"
        _dmarc TXT "v=DMARC1; p=reject"
        mx A {HONEST}
    """,
    "plain.test": "@ MX 10 mx\nmx A 198.51.100.1",
    "2.0.192.in-addr.arpa": "7 PTR mx.sender.test.",
    "100.51.198.in-addr.arpa": "1 PTR mx.plain.test.",
    "zen.spamhaus.org": '66.100.51.198 A 127.0.0.2\n66.100.51.198 TXT "It sends junk"',
    "spamcop.net": "@ TXT none",
    "dnswl.org": "@ TXT none",
    "dbl.spamhaus.org": "@ TXT none",
    "surbl.org": "@ TXT none",
    "test": "@ TXT none",
}


@dataclass
class House:
    """The whole server, names of its own, and swaks as any client in the world."""

    server: AppUnderTest
    clock: FakeClock

    async def swaks(
        self, ip: str, sender: str, *options: str, status: int = 0, helo: str = ""
    ) -> str:
        """Send to Alice from that address; gives the whole conversation."""
        name = f"{sender}-{self.clock.now_ms()}"
        command = (
            "swaks", "--server", HOST, "--port", str(self.server.ports["smtp"]),
            "--local-interface", PROXY, "--proxy-version", "1", "--proxy-family", "TCP4",
            "--proxy-source", ip, "--proxy-source-port", "40000",
            "--proxy-dest", HOST, "--proxy-dest-port", "25",
            "--helo", helo or f"mx.{sender.partition('@')[2]}", "--from", sender, "--to", ALICE,
            "--h-From", f"Ann <{sender}>", "--h-Subject", "Friday",
            "--h-Date", format_date(self.clock.now()), "--h-Message-Id", f"<{name}>",
            "--body", "Shall we meet at eight?", *options,
        )  # fmt: skip
        return await asyncio.to_thread(run, *command, status=status)

    async def mailbox(self, name: str) -> list[str]:
        imap = await ImapWire.open(self.server.ports["imap"], ALICE, PASSWORD, select=name)
        async with imap.wire:
            return [content.decode() for content in (await imap.bodies()).values()]

    async def only(self, name: str) -> str:
        """The only message there is, which is in that mailbox; its header unfolded."""
        (found,) = await self.mailbox(name)
        assert await self.mailbox("Junk" if name == "INBOX" else "INBOX") == []
        return found.replace("\r\n\t", " ").replace("\r\n ", " ")

    async def traces(self, what: str = ALICE) -> list[Trace]:
        await self.server.services.checking.traces.close()
        services = self.server.services
        return await services.database.read(store.find, services.keys, what)

    async def trace(self, verdict: Verdict, *names: str) -> str:
        """The only trace, which has that verdict and those findings; gives its words."""
        (found,) = await self.traces()
        decision = found.recipients[0].decision
        assert decision is not None
        assert decision.verdict is verdict, told(found)
        seen = {finding.name for one in found.runs for finding in one.findings}
        assert seen >= set(names), seen
        assert not [one for one in found.runs if one.failure]
        return "\n".join(told(found, everything=True))

    async def set_policy(self, **values: str) -> None:
        services = self.server.services
        await services.database.write(policies.set_values, "_default", values)
        services.bus.publish(TOPIC)


@asynccontextmanager
async def opened(folder: Path, clock: FakeClock, **more: str) -> AsyncIterator[House]:
    async with NameServer(ZONES) as names:
        settings = {
            "DNS_PRIMARY": "127.0.0.1",
            "DNS_PORT": str(names.port),
            "SMTP_TARPIT": "0",
            **more,
        }
        async with AppUnderTest(folder / "data", settings, clock=clock) as server:
            await server.add_users("alice")
            made = House(server, clock)
            await made.set_policy(greylist_enabled="false")
            yield made


@pytest.fixture
async def house(tmp_path: Path, clock: FakeClock) -> AsyncIterator[House]:
    async with opened(tmp_path, clock) as made:
        yield made


@pytest.mark.parametrize("options", [(), ("--pipeline",)], ids=["one by one", "pipelined"])
async def test_a_host_that_may_send(house: House, options: tuple[str, ...]) -> None:
    await house.swaks(HONEST, "ann@sender.test", *options)
    found = await house.only("INBOX")
    results = found.split("\r\n")[1]
    assert results.startswith("Authentication-Results: mx.example.test;")
    for word in ("spf=pass", "smtp.mailfrom=sender.test", "iprev=pass", "policy.iprev=192.0.2.7"):
        assert word in results.replace("=ann@sender.test", "=sender.test"), results
    assert "mx.sender.test [192.0.2.7]" in found
    text = await house.trace(Verdict.ACCEPT)
    assert "envelope sender <ann@sender.test>, From ann@sender.test" in text
    assert "alice@example.test: accepted (INBOX)" in text


async def test_a_host_that_may_not(house: House) -> None:
    await house.swaks(STRANGER, "ann@sender.test", helo="mx.plain.test")
    found = (await house.mailbox("INBOX")) + (await house.mailbox("Junk"))
    assert len(found) == 1
    assert "spf=fail" in found[0]
    (trace,) = await house.traces()
    assert "spf_fail" in "\n".join(told(trace))


async def test_a_domain_that_wants_it_refused(house: House) -> None:
    said = await house.swaks(STRANGER, "ann@strict.test", status=CONTENT_REFUSED)
    assert "550 5.7.1" in said
    assert "strict.test" in said
    assert await house.mailbox("INBOX") == await house.mailbox("Junk") == []
    assert "refused" in await house.trace(Verdict.REFUSE, "spf_fail")


async def test_a_stranger_comes_again(house: House) -> None:
    await house.set_policy(greylist_enabled="true")
    said = await house.swaks(STRANGER, "x@plain.test", status=RECIPIENT_REFUSED)
    assert "451 4.7.1" in said
    assert await house.mailbox("INBOX") == []
    (trace,) = await house.traces()
    assert trace.recipients[0].reply
    house.clock.advance(minutes=1)
    await house.swaks(STRANGER, "x@plain.test", status=RECIPIENT_REFUSED)
    house.clock.advance(minutes=6)
    await house.swaks(STRANGER, "x@plain.test")
    assert "Friday" in await house.only("INBOX")
    assert len(await house.traces()) == 3


async def test_a_host_on_a_block_list(house: House) -> None:
    await house.swaks(LISTED, "x@plain.test")
    await house.only("Junk")
    text = await house.trace(Verdict.JUNK)
    assert "It sends junk" in text
    assert "zen.spamhaus.org" in text
    assert "it would have been accepted" in text


async def test_the_test_string_of_filters(house: House) -> None:
    await house.swaks(HONEST, "ann@sender.test", "--body", GTUBE)
    await house.only("Junk")
    await house.trace(Verdict.JUNK, "gtube")


async def test_a_program_that_is_attached(house: House, tmp_path: Path) -> None:
    path = tmp_path / "invoice.pdf.exe"
    path.write_bytes(b"MZ" + bytes(200))
    await house.swaks(HONEST, "ann@sender.test", "--attach", f"@{path}")
    assert await house.mailbox("INBOX") == await house.mailbox("Junk") == []
    assert "kept in quarantine" in await house.trace(Verdict.QUARANTINE)


async def test_results_in_our_name_that_others_wrote(house: House) -> None:
    forged = "Authentication-Results: mx.example.test; dkim=pass header.d=bank.test"
    other = "Authentication-Results: mx.other.test; dkim=pass header.d=bank.test"
    await house.swaks(HONEST, "ann@sender.test", "--add-header", forged, "--add-header", other)
    found = await house.only("INBOX")
    assert found.count("Authentication-Results: mx.example.test;") == 1
    assert forged not in found
    assert other in found


async def test_a_test_virus_and_clamd(tmp_path: Path, clock: FakeClock) -> None:
    if scanners.needs("clamd").args[0]:
        pytest.skip("needs clamd")
    path = tmp_path / "letter.txt"
    path.write_text(EICAR)
    folder = tmp_path / "clamd"
    folder.mkdir()
    with scanners.clamd(folder) as socket:
        async with opened(tmp_path, clock, CLAMAV_SOCKET=str(socket)) as house:
            sent = ("--attach-type", "text/plain", "--attach-name", "letter.txt")
            said = await house.swaks(
                HONEST, "ann@sender.test", *sent, "--attach", f"@{path}", status=CONTENT_REFUSED
            )
            assert "5.7.1" in said
            assert await house.mailbox("INBOX") == await house.mailbox("Junk") == []
            assert "Test.Eicar" in await house.trace(Verdict.REFUSE)
