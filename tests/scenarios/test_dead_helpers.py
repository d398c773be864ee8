"""Name servers and scanners that are there and say nothing: mail waits so long and no more.

The times are those of the settings, or of the checks, made short. Each test has its own bound, far
below what the waits would come to if they added up.
"""

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.app import PASSWORD, AppUnderTest
from kit.daemon import daemon, hangs
from kit.nameserver import NameServer
from kit.wire import ImapWire, SmtpWire
from pillarbox.domain.policy import policies, weights
from pillarbox.domain.policy.model import DEFAULT, TOPIC
from pillarbox.domain.trace import store
from pillarbox.domain.trace.model import Trace
from pillarbox.pipeline.inbound import running
from pillarbox.storage.tx import Tx

CLIENT = "192.0.2.7"
SENDER, ALICE = "sue@sender.test", "alice@example.test"
_HASH, _SIGNATURE = base64.b64encode(bytes(32)), base64.b64encode(bytes(256))
MAIL = (
    b"From: sue@sender.test\r\nTo: alice@example.test\r\nSubject: hi\r\n"
    b"DKIM-Signature: v=1; a=rsa-sha256; d=sender.test; s=k; h=From;\r\n"
    b"\tbh=" + _HASH + b";\r\n\tb=" + _SIGNATURE + b"\r\n"
    b"Date: Thu, 01 Jan 2026 12:00:00 +0000\r\nMessage-ID: <1@sender.test>\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nLook at https://shop.test/x\r\n"
)
BOUND_S = 9.0


class Silence(asyncio.DatagramProtocol):
    """A name server that hears everything."""

    def __init__(self) -> None:
        self.heard = 0

    def datagram_received(self, data: bytes, source: tuple[str | bytes, int]) -> None:
        self.heard += 1


@pytest.fixture
async def silence() -> AsyncIterator[tuple[Silence, int]]:
    loop = asyncio.get_running_loop()
    transport, made = await loop.create_datagram_endpoint(Silence, ("127.0.0.1", 0))
    yield made, transport.get_extra_info("sockname")[1]
    transport.close()


@pytest.fixture
async def names() -> AsyncIterator[dict[str, str]]:
    """Settings of a server whose name server knows nothing, and says so at once."""
    async with NameServer({".": "@ TXT none"}) as server:
        yield {"DNS_PRIMARY": "127.0.0.1", "DNS_PORT": str(server.port)}


async def prepared(server: AppUnderTest, **policy: str) -> None:
    await server.add_users("alice")
    wanted = {"greylist_enabled": "false", **policy}
    await server.services.database.write(policies.set_values, "_default", wanted)
    server.services.bus.publish(TOPIC)


async def mail_comes(server: AppUnderTest) -> tuple[tuple[int, str], float]:
    """A message for Alice; the reply to its content, and the seconds since the client connected."""
    begun = time.monotonic()
    async with asyncio.timeout(BOUND_S):
        smtp = await SmtpWire.open(server.ports["smtp"], ip=CLIENT)
        async with smtp.wire:
            reply = await smtp.data(SENDER, (ALICE,), MAIL)
    return reply, time.monotonic() - begun


async def kept(server: AppUnderTest) -> list[bytes]:
    """What Alice has got, as wanted mail or as junk."""
    found: list[bytes] = []
    for mailbox in ("INBOX", "Junk"):
        imap = await ImapWire.open(server.ports["imap"], ALICE, PASSWORD, select=mailbox)
        async with imap.wire:
            found += (await imap.bodies()).values()
    return found


async def trace(server: AppUnderTest) -> Trace:
    services = server.services
    (found,) = await services.database.read(store.find, services.keys, SENDER)
    return found


def failures(found: Trace) -> dict[str, str]:
    return {run.check: run.failure for run in found.runs if run.failure}


async def test_silent_name_servers_delay_mail_once_and_not_at_every_stage(
    tmp_path: Path, silence: tuple[Silence, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "NAMES_S", 1.0)
    monkeypatch.setattr(running, "NAMES_LEAST_S", 0.3)
    heard, port = silence
    settings = {"DNS_PRIMARY": "127.0.0.1", "DNS_PORT": str(port), "SMTP_TARPIT": "0"}
    async with AppUnderTest(tmp_path / "data", settings) as server:
        await prepared(server)
        reply, took_s = await mail_comes(server)
        assert reply[0] == 250
        assert took_s < 5.0  # 1.6 and what a busy machine adds; the checks' own deadlines: 30
        assert heard.heard > 5
        (content,) = await kept(server)
        assert b"spf=temperror" in content
        assert b"dkim=pass" not in content
        found = await trace(server)
    assert set(failures(found)) >= {"spf", "dkim", "dmarc"}
    waited_s = {run.check: run.took_us / 1e6 for run in found.runs}
    assert waited_s["spf"] > 0.9
    assert waited_s["dkim"] < 0.9 > waited_s["dmarc"]


async def test_the_failure_action_of_silent_name_servers_is_the_domains(
    tmp_path: Path, silence: tuple[Silence, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "NAMES_S", 0.5)
    monkeypatch.setattr(running, "NAMES_LEAST_S", 0.2)
    settings = {"DNS_PRIMARY": "127.0.0.1", "DNS_PORT": str(silence[1]), "SMTP_TARPIT": "0"}
    async with AppUnderTest(tmp_path / "data", settings) as server:
        await prepared(server)
        await server.services.database.write(_put_off, "dmarc_temperror")
        server.services.bus.publish(TOPIC)
        reply, _ = await mail_comes(server)
        assert reply[0] == 451
        assert await kept(server) == []


def _put_off(tx: Tx, name: str) -> None:
    weights.set_weight(tx, DEFAULT, name, 0.0, "defer")


async def test_all_that_is_asked_of_name_servers_has_its_end() -> None:
    """What a message waits for at most, by default: the limits above, not the sum of the stages."""
    assert running.NAMES_S + 2 * running.NAMES_LEAST_S <= 15.0


@pytest.mark.parametrize("action", ["accept", "tempfail", "reject"])
async def test_a_hanging_milter_comes_to_its_failure_action(
    tmp_path: Path, names: dict[str, str], action: str
) -> None:
    async with daemon(hangs()) as address:
        settings = {**names, "MILTERS": f"inet:{address},timeout=1,fail={action}"}
        async with AppUnderTest(tmp_path / "data", settings) as server:
            await prepared(server)
            reply, took_s = await mail_comes(server)
            assert reply[0] == {"accept": 250, "tempfail": 451, "reject": 550}[action]
            assert 0.9 < took_s < 4.0
            assert len(await kept(server)) == (action == "accept")


@pytest.mark.parametrize("scanner", ["clamav", "rspamd", "spamassassin"])
async def test_a_hanging_scanner_delays_mail_by_its_time_and_keeps_none_away(
    tmp_path: Path, names: dict[str, str], scanner: str
) -> None:
    async with daemon(hangs()) as address:
        settings = {
            "clamav": {"CLAMAV_SOCKET": str(address), "CLAMAV_TIMEOUT": "1"},
            "rspamd": {"RSPAMD_URL": f"http://{address}", "RSPAMD_TIMEOUT": "1"},
            "spamassassin": {"SPAMASSASSIN": str(address), "SPAMASSASSIN_TIMEOUT": "1"},
        }[scanner]
        async with AppUnderTest(tmp_path / "data", names | settings) as server:
            await prepared(server)
            reply, took_s = await mail_comes(server)
            assert reply[0] == 250
            assert 0.9 < took_s < 4.0
            assert len(await kept(server)) == 1
            assert scanner in failures(await trace(server))


async def test_hanging_scanners_hang_at_the_same_time(
    tmp_path: Path, names: dict[str, str]
) -> None:
    async with daemon(hangs()) as address:
        settings = {
            **names,
            "CLAMAV_SOCKET": str(address),
            "CLAMAV_TIMEOUT": "1",
            "RSPAMD_URL": f"http://{address}",
            "RSPAMD_TIMEOUT": "1",
            "SPAMASSASSIN": str(address),
            "SPAMASSASSIN_TIMEOUT": "1",
        }
        async with AppUnderTest(tmp_path / "data", settings) as server:
            await prepared(server)
            reply, took_s = await mail_comes(server)
            assert reply[0] == 250
            assert took_s < 2.9  # three seconds would be one after the other


async def test_others_are_served_while_a_message_waits(
    tmp_path: Path, silence: tuple[Silence, int]
) -> None:
    async with daemon(hangs()) as address:
        settings = {
            "DNS_PRIMARY": "127.0.0.1",
            "DNS_PORT": str(silence[1]),
            "CLAMAV_SOCKET": str(address),
            "CLAMAV_TIMEOUT": "60",
        }
        async with AppUnderTest(tmp_path / "data", settings) as server:
            await prepared(server)
            waiting = asyncio.create_task(mail_comes(server))
            begun = time.monotonic()
            for _ in range(20):
                assert await kept(server) == []
            assert time.monotonic() - begun < 5.0
            assert not waiting.done()
            waiting.cancel()
            await asyncio.wait((waiting,))


async def test_hostile_content_keeps_nobody_waiting(tmp_path: Path, names: dict[str, str]) -> None:
    """A large message that is hard to read is looked at beside the event loop."""
    markup = b"<a href='http://x.test/" + b"<b " * 200 + b"'>" * 40 + b"&#" * 80 + b"\r\n"
    hostile = MAIL.replace(b"text/plain", b"text/html") + markup * 1000
    async with AppUnderTest(tmp_path / "data", names) as server:
        await prepared(server)
        await mail_comes(server)  # what is loaded at first use is another matter
        smtp = await SmtpWire.open(server.ports["smtp"], ip=CLIENT)
        late_s: list[float] = []
        watch = asyncio.create_task(_late(late_s))
        async with smtp.wire:
            code, _ = await smtp.data(SENDER, (ALICE,), hostile)
        watch.cancel()
        assert code in (250, 550)
    late_s.sort()
    assert len(late_s) > 5  # a quick machine is done soon
    assert late_s[len(late_s) // 2] < 0.02
    assert late_s[-1] < 0.5


async def _late(late_s: list[float]) -> None:
    """How late the event loop comes back, again and again."""
    while True:
        begun = time.monotonic()
        await asyncio.sleep(0.001)
        late_s.append(time.monotonic() - begun - 0.001)
