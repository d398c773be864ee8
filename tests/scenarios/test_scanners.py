"""Scanners and milters of the composed server: what clients are told and what users find."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kit.app import PASSWORD, AppUnderTest
from kit.daemon import daemon, hangs, nobody, says
from kit.milter import FakeMilter
from kit.nameserver import HOST, NameServer
from kit.wire import ImapWire, SmtpWire
from pillarbox.domain.policy import policies
from pillarbox.net.daemon_address import DaemonAddress

CLIENT = "192.0.2.7"
SENDER, ALICE, BOB = "sue@sender.test", "alice@example.test", "bob@example.test"
MAIL = (
    b"From: sue@sender.test\r\nTo: alice@example.test\r\nSubject: hi\r\n"
    b"Date: Thu, 01 Jan 2026 12:00:00 +0000\r\nMessage-ID: <1@sender.test>\r\n\r\nhello\r\n"
)
VIRUS = says(b"stream: Some.Virus-1 FOUND\0")


@pytest.fixture
async def nowhere() -> DaemonAddress:
    return await nobody()


@asynccontextmanager
async def running(folder: Path, settings: dict[str, str]) -> AsyncIterator[AppUnderTest]:
    asking = ("greylist", "spf", "dkim_verify", "dmarc")
    wanted = {f"{name}_enabled": "false" for name in asking}
    async with NameServer() as names:
        known = {"DNS_PRIMARY": HOST, "DNS_PORT": str(names.port), "SMTP_GREETING_PAUSE": "0"}
        async with AppUnderTest(folder, {**known, **settings}) as server:
            await server.add_users("alice", "bob")
            await server.services.database.write(policies.set_values, "_default", wanted)
            yield server


async def mail_comes(server: AppUnderTest, content: bytes = MAIL) -> tuple[int, str]:
    """A message from elsewhere for Alice; gives the reply to its content."""
    smtp = await SmtpWire.open(server.ports["smtp"], ip=CLIENT)
    async with smtp.wire:
        return await smtp.data(SENDER, (ALICE,), content)


async def bob_sends(server: AppUnderTest) -> tuple[int, str]:
    """A message of a user; gives the reply to its content."""
    smtp = await SmtpWire.open(server.ports["submission"])
    async with smtp.wire:
        await smtp.login(BOB, PASSWORD)
        return await smtp.data(BOB, (ALICE,), MAIL.replace(SENDER.encode(), BOB.encode()))


async def found(server: AppUnderTest, mailbox: str = "INBOX") -> bytes:
    """The only message of Alice's mailbox."""
    port = server.ports["imap"]
    imap = await ImapWire.open(port, ALICE, PASSWORD, select=mailbox)
    async with imap.wire:
        (content,) = (await imap.bodies()).values()
        return content


async def test_a_virus_is_refused_both_ways(tmp_path: Path) -> None:
    async with (
        daemon(VIRUS) as address,
        running(tmp_path, {"CLAMAV_SOCKET": str(address)}) as server,
    ):
        for code, text in (await mail_comes(server), await bob_sends(server)):
            assert (code, text) == (550, "5.7.1 The message has a virus: Some.Virus-1")


async def test_users_can_be_left_alone(tmp_path: Path) -> None:
    async with daemon(VIRUS) as address:
        settings = {"CLAMAV_SOCKET_PATH": str(address), "CLAMAV_OUTGOING": "false"}
        async with running(tmp_path, settings) as server:
            assert (await mail_comes(server))[0] == 550
            assert (await bob_sends(server))[0] == 250


async def test_dead_scanners_stop_no_mail(tmp_path: Path, nowhere: DaemonAddress) -> None:
    settings = {
        "CLAMAV_SOCKET": str(nowhere),
        "SPAMASSASSIN": str(nowhere),
        "RSPAMD_URL": f"http://{nowhere}",
        "MILTERS": f"inet:{nowhere}",
    }
    async with running(tmp_path, settings) as server:
        for _ in range(4):  # the last when they are left alone
            assert (await mail_comes(server))[0] == 250
        assert (await bob_sends(server))[0] == 250


async def test_hanging_scanners_delay_mail_by_their_time(tmp_path: Path) -> None:
    async with daemon(hangs()) as address:
        settings = {
            "CLAMAV_SOCKET": str(address),
            "CLAMAV_TIMEOUT": "1",
            "SPAMASSASSIN": str(address),
            "SPAMASSASSIN_TIMEOUT": "1",
            "RSPAMD_URL": f"http://{address}",
            "RSPAMD_TIMEOUT": "1",
            "MILTERS": f"inet:{address},timeout=1,fail=tempfail",
        }
        async with running(tmp_path, settings) as server:
            assert (await mail_comes(server)) == (451, "4.7.1 Try again later")


async def test_spam_for_spamassassin_goes_to_junk(tmp_path: Path) -> None:
    answer = b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; 7.0 / 5.0\r\n\r\nSOME_RULE"
    async with (
        daemon(says(answer)) as address,
        running(tmp_path, {"SPAMASSASSIN": str(address)}) as server,
    ):
        assert (await mail_comes(server))[0] == 250
        assert b"Subject: hi" in await found(server, "Junk")


async def test_what_a_milter_adds_is_found_in_the_mail(tmp_path: Path) -> None:
    fake = FakeMilter(answers={"E": [[b"hX-Seen\0by a milter\0", b"c"]]})
    async with (
        fake.listening() as address,
        running(tmp_path, {"MILTERS": f"inet:{address}"}) as server,
    ):
        assert (await mail_comes(server))[0] == 250
        content = await found(server)
    assert content.index(b"\r\nX-Seen: by a milter\r\n") < content.index(b"\r\nFrom: ")
    assert fake.all("M") == [b"<sue@sender.test>\0"]
    assert fake.all("C")[0].endswith(b"192.0.2.7\0")


async def test_a_milter_refuses_in_its_own_words(tmp_path: Path) -> None:
    fake = FakeMilter(answers={"E": [[b"y550 5.7.1 We have no room for this\0"]]})
    async with (
        fake.listening() as address,
        running(tmp_path, {"MILTERS": f"inet:{address}"}) as server,
    ):
        assert await mail_comes(server) == (550, "5.7.1 We have no room for this")
