"""The filter learns from what users do over IMAP, at once, and loses nothing when it is killed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kit.accounts import PASSWORD as LIVE_PASSWORD
from kit.app import PASSWORD, AppUnderTest
from kit.live import LiveServer, kill
from kit.wire import ImapWire, SmtpWire
from pillarbox.domain.accounts import users
from pillarbox.domain.policy import policies
from pillarbox.domain.reputation import history
from pillarbox.domain.reputation.model import Kind
from pillarbox.domain.spam import results, training
from pillarbox.domain.spam.model import Results
from pillarbox.storage.tx import Tx

CLIENT = "192.0.2.7"
ALICE, BOB = "alice@example.test", "bob@example.test"
WAIT_S = 30.0
NO_LISTS = {"SPAM_DNSBL": "", "SPAM_DNSWL": "", "SPAM_URIBL": ""}
OFFER = " ".join(f"casino{number} bonus{number}" for number in range(60))


def letter(number: int) -> bytes:
    return (
        f"From: Offers <offers@news.test>\r\nTo: alice@example.test\r\n"
        f"Subject: Your bonus {number}\r\nMessage-ID: <{number}@news.test>\r\n"
        f"Date: Thu, 01 Jan 2026 12:00:00 +0000\r\n\r\nDear friend number{number},\r\n{OFFER}\r\n"
    ).encode()


class House:
    """A server that learns, and its users."""

    def __init__(self, server: AppUnderTest) -> None:
        self.server = server
        self.services = server.services

    async def begin(self) -> None:
        """Mail is to be judged the first time it comes, and no name server to be asked."""
        asking = ("greylist", "spf", "dkim_verify", "dmarc")
        wanted = {f"{check}_enabled": "0" for check in asking}
        await self.services.database.write(policies.set_values, "_default", wanted)
        self.services.bus.publish("policy")

    async def send(self, number: int, *to: str) -> None:
        smtp = await SmtpWire.open(self.server.ports["smtp"], ip=CLIENT)
        async with smtp.wire:
            await smtp.begin("offers@news.test", to or (ALICE,))
            await smtp.say("DATA", 354)
            await smtp.wire.send(letter(number) + b".\r\n")
            await smtp.expect(250)

    @asynccontextmanager
    async def imap(self, select: str, user: str = ALICE) -> AsyncIterator[ImapWire]:
        port = self.server.ports["imap"]
        imap = await ImapWire.open(port, user, PASSWORD, select=select)
        async with imap.wire:
            yield imap

    async def learnt(self) -> None:
        """Wait until everything that was noted is learnt."""
        async with asyncio.timeout(WAIT_S):
            while await self.services.database.read(training.count_waiting):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def count(self, mailbox: str, user: str = ALICE) -> int:
        async with self.imap(mailbox, user) as imap:
            return (await imap.status(mailbox))["MESSAGES"]

    async def results(self) -> Results:
        await self.services.learning.outcomes.flush()
        return await self.services.database.read(_results)


def _results(tx: Tx) -> Results:
    return results.of(tx, users.require(tx, ALICE).account_id)


@pytest.fixture
async def house(tmp_path: Path, database_settings: dict[str, str]) -> AsyncIterator[House]:
    """A server whose learning runs, as in a worker."""
    settings = {**database_settings, **NO_LISTS}
    async with AppUnderTest(tmp_path / "data", settings) as server:
        await server.add_users("alice", "bob")
        found = House(server)
        await found.begin()
        running = asyncio.create_task(server.services.learning.training.run())
        yield found
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_moved_to_junk_the_next_one_goes_there_and_back_again(house: House) -> None:
    await house.send(1)
    assert await house.count("INBOX") == 1
    async with house.imap("INBOX") as imap:
        await imap.ok("UID MOVE 1:* Junk")
    await house.learnt()
    await house.send(2, ALICE, BOB)
    assert await house.count("Junk") == 2
    assert await house.count("INBOX") == 0
    # What alice calls spam is not for bob to miss.
    assert await house.count("INBOX", BOB) == 1
    assert await house.results() == Results(junked=1, kept=1, missed=1)
    async with house.imap("Junk") as imap:
        await imap.ok("UID MOVE 1:* INBOX")
    await house.learnt()
    await house.send(3)
    assert await house.count("INBOX") == 3
    # The first was no mistake after all; the second was.
    assert await house.results() == Results(junked=1, kept=2, false_alarms=1, missed=0)


@pytest.mark.parametrize("keyword", ["$Junk", "Junk"])
async def test_a_keyword_says_it_too(house: House, keyword: str) -> None:
    await house.send(1)
    async with house.imap("INBOX") as imap:
        await imap.ok(f"UID STORE 1:* +FLAGS ({keyword})")
    await house.learnt()
    await house.send(2)
    assert await house.count("Junk") == 1


async def test_delivery_into_junk_teaches_nothing(house: House) -> None:
    await house.send(1)
    async with house.imap("INBOX") as imap:
        await imap.ok("UID COPY 1:* Junk")
        await imap.ok("UID STORE 1:* +FLAGS.SILENT (\\Deleted)")
        await imap.ok("UID EXPUNGE 1:*")
    await house.learnt()
    for number in range(2, 5):
        await house.send(number)
    assert await house.count("Junk") == 4
    assert await house.services.database.read(training.count_waiting) == 0
    found = await house.services.database.read(_learnt)
    assert found == (1, 0)


def _learnt(tx: Tx) -> tuple[int, int]:
    from sqlalchemy import select

    from pillarbox.domain.spam.tables import spam_scopes

    who = users.require(tx, ALICE).account_id
    columns = select(spam_scopes.c.spam, spam_scopes.c.ham).where(spam_scopes.c.scope == who)
    ((spam, ham),) = tx.select(columns)
    return spam, ham


async def test_where_it_is_not_wanted_nothing_is_learnt(house: House) -> None:
    wanted = {"spam_learning_enabled": "0"}
    await house.services.database.write(policies.set_values, "_default", wanted)
    await house.send(1)
    async with house.imap("INBOX") as imap:
        await imap.ok("UID MOVE 1:* Junk")
    await house.learnt()
    await house.send(2)
    assert await house.count("INBOX") == 1


async def test_the_host_of_spam_gets_a_name(house: House) -> None:
    await house.send(1)
    async with house.imap("INBOX") as imap:
        await imap.ok("UID MOVE 1:* Junk")
    await house.learnt()

    def standing(tx: Tx) -> float:
        who = users.require(tx, ALICE).account_id
        return history.standing(tx, house.services.keys, who, Kind.IP, CLIENT).badness

    async with asyncio.timeout(WAIT_S):
        while await house.services.database.read(standing) < 0.8:
            await house.services.learning.outcomes.flush()


async def test_killed_while_it_learns_it_learns_each_once(tmp_path: Path) -> None:
    server = LiveServer(tmp_path, {"TLS_MODE": "off", "LOG_LEVEL": "error", "WORKERS": "2"})
    server.start()
    try:
        imap = await ImapWire.open(server.port("IMAP"), ALICE, LIVE_PASSWORD, select="INBOX")
        async with imap.wire:
            for number in range(40):
                await imap.append("INBOX", letter(number))
            await imap.ok("UID MOVE 1:* Junk")
        kill(server.supervisor())
        for pid in server.workers():
            kill(pid)
        server.reap()
        server.start()
        async with asyncio.timeout(90):
            while True:
                said = await asyncio.to_thread(server.command, "spam", "status", ALICE, "--json")
                (row,) = json.loads(said)
                if not row["waiting"]:
                    break
        assert (row["spam"], row["ham"]) == (40, 0)
    finally:
        server.end()
