"""Mail that leaves: the composed server, a name server and a host on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from kit.app import PASSWORD, AppUnderTest
from kit.nameserver import NameServer
from kit.sink import Drop, Say, Sink, running
from kit.wire import ImapWire, SmtpWire
from pillarbox.domain.queue import inspect, log
from pillarbox.domain.queue.log import LogFilter
from pillarbox.domain.queue.model import LogLine, Outcome, QueuedMessage, Status
from pillarbox.storage.tx import Tx

ALICE = "alice@example.test"
ANN, BEN = "ann@elsewhere.test", "ben@elsewhere.test"
DOMAINS = ("elsewhere.test", "third.test", "dead.test")
PATIENCE_S = 30.0


@dataclass
class Out:
    """A server whose mail goes to the sink."""

    server: AppUnderTest
    names: NameServer
    sink: Sink

    async def send(self, *recipients: str, marker: str = "one", extra: str = "") -> None:
        """Submit a message from Alice."""
        smtp = await SmtpWire.open(self.server.ports["submission"])
        async with smtp.wire:
            await smtp.login(ALICE, PASSWORD)
            head = f"From: {ALICE}\r\nSubject: hello\r\nX-Marker: {marker}\r\n{extra}\r\n"
            code, text = await smtp.data(ALICE, recipients, f"{head}Words.\r\n".encode())
            assert code == 250, text

    async def queue(self) -> list[QueuedMessage]:
        return await self.server.services.database.read(inspect.list_of)

    async def log(self) -> list[LogLine]:
        return await self.server.services.database.read(_whole_log)

    async def until(self, condition: Callable[[list[QueuedMessage]], bool]) -> list[QueuedMessage]:
        """Wait until the queue is as it should be."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition(found := await self.queue()):  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.02)
        return found

    async def settled(self, status: Status) -> QueuedMessage:
        """Wait until all recipients of the first message have this status."""
        found = await self.until(
            lambda queue: {one.status for one in queue[0].recipients} == {status}
        )
        return found[0]

    async def inbox(self) -> list[bytes]:
        """Alice's mail."""
        imap = await ImapWire.open(self.server.ports["imap"], ALICE, PASSWORD, select="INBOX")
        async with imap.wire:
            return list((await imap.bodies()).values())


def _whole_log(tx: Tx) -> list[LogLine]:
    return log.search(tx, LogFilter())


def zones() -> dict[str, str]:
    found = dict.fromkeys(DOMAINS, "@ MX 10 mx\nmx A 127.0.0.1")
    return found | {"test": "@ TXT all-others-do-not-exist"}


def settings(names: NameServer, sink: Sink) -> dict[str, str]:
    return {
        "DNS_PRIMARY": "127.0.0.1",
        "DNS_PORT": str(names.port),
        "OUTBOUND_INSIDE": "true",
        "OUTBOUND_PORT": str(sink.port),
        "QUEUE_RETRY_MINS": "1s",
        "DKIM_ALGO": "none",
        "SENDING_USER_MESSAGES_HOUR": "0",
        "SENDING_USER_RECIPIENTS_DAY": "0",
        "SENDING_USER_NEWCOMERS_DAY": "0",
    }


@pytest.fixture
async def out(tmp_path: Path, database_settings: dict[str, str]) -> AsyncIterator[Out]:
    async with NameServer(zones()) as names, running(Sink()) as sink:
        chosen = settings(names, sink) | database_settings
        async with AppUnderTest(tmp_path / "data", chosen) as server:
            await server.add_users("alice", "bob")
            async with server.sending():
                yield Out(server, names, sink)


async def test_leaves_at_once_and_whole(out: Out) -> None:
    await out.send(ANN, "zoe@third.test")
    await out.sink.wait_for(2)
    await out.settled(Status.DELIVERED)
    assert sorted(one.recipients for one in out.sink.taken) == [(ANN,), ("zoe@third.test",)]
    assert {one.sender for one in out.sink.taken} == {ALICE}
    first = out.sink.taken[0].content
    assert first.startswith(b"Received: ")
    assert b"\r\n\r\nWords.\r\n" in first
    assert out.sink.faults == []
    (line, _) = await out.log()
    assert (line.outcome, line.code, line.way.ip) == (Outcome.DELIVERED, 250, "127.0.0.1")
    assert (line.way.port, line.way.route) == (out.sink.port, "direct")


async def test_tempfail_then_success(out: Out) -> None:
    out.sink.on("RCPT", Say("451 4.7.1 Greylisted, come back"), times=2)
    await out.send(ANN)
    await out.sink.wait_for(1)
    message = await out.settled(Status.DELIVERED)
    assert message.recipients[0].attempts == 3
    outcomes = sorted(line.outcome for line in await out.log())
    assert outcomes == [Outcome.DELIVERED, Outcome.DEFERRED, Outcome.DEFERRED]
    assert out.sink.delivered == {("one", ANN): 1}


async def test_one_of_several_is_rejected_and_the_sender_told(out: Out) -> None:
    out.sink.on("RCPT", Say("550 5.1.1 No such user"), of=BEN)
    await out.send(ANN, BEN)
    await out.until(lambda queue: all(one.finished_ms for one in queue[0].recipients))
    (message,) = await out.queue()
    states = {one.address: one.status for one in message.recipients}
    assert states == {ANN: Status.DELIVERED, BEN: Status.FAILED}
    assert out.sink.delivered == {("one", ANN): 1}
    (report,) = await out.inbox()
    assert b"multipart/report" in report
    assert b"Final-Recipient: rfc822; " + BEN.encode() in report
    assert b"550 5.1.1 No such user" in report or b"No such user" in report
    assert ANN.encode() not in report.partition(b"message/delivery-status")[2].partition(b"--")[0]


@pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "READ", "CONTENT"])
async def test_dropped_anywhere_and_sent_again(out: Out, stage: str) -> None:
    out.sink.on(stage, Drop(), times=1)
    await out.send(ANN)
    await out.sink.wait_for(1)
    await out.settled(Status.DELIVERED)
    assert out.sink.delivered == {("one", ANN): 1}


async def test_closed_after_the_content_is_never_delivered(out: Out) -> None:
    out.sink.on("CONTENT", Drop(), times=2)
    await out.send(ANN)
    await out.sink.wait_for(1)
    await out.settled(Status.DELIVERED)
    outcomes = sorted(line.outcome for line in await out.log())
    assert outcomes.count(Outcome.DELIVERED) == 1
    assert Outcome.DEFERRED in outcomes


async def test_nobody_there_closes_the_breaker(out: Out) -> None:
    out.sink.on("CONNECT", Say("421 4.3.2 Not now"))
    for number in range(12):
        await out.send(f"u{number}@dead.test", marker=str(number))
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = await out.server.services.database.read(inspect.destinations)
            if found and found[0].health.closed_until_ms and not found[0].owner:
                break
            await asyncio.sleep(0.02)
    assert found[0].health.failures >= 5
    sessions = out.sink.sessions
    await out.send("more@dead.test")
    await asyncio.sleep(1.5)  # it is quiet, which has no event
    assert out.sink.sessions == sessions
    out.sink.well()
    await out.send(ANN, marker="other")
    await out.sink.wait_for(1)  # others are served meanwhile
    assert out.sink.delivered == {("other", ANN): 1}


async def test_no_such_domain_comes_back(out: Out) -> None:
    await out.send("ann@nowhere.test")
    await out.settled(Status.FAILED)
    (report,) = await out.inbox()
    assert b"nowhere.test" in report


async def test_two_workers_share_the_load(
    tmp_path: Path, database_settings: dict[str, str]
) -> None:
    count = 120
    async with NameServer(zones()) as names, running(Sink()) as sink:
        for number in range(40):
            names.add(f"d{number}.test", "@ MX 10 mx\nmx A 127.0.0.1")
        chosen = settings(names, sink) | database_settings
        folder = tmp_path / "data"
        async with (
            AppUnderTest(folder, chosen) as first,
            AppUnderTest(folder, chosen, index=1) as second,
        ):
            await first.add_users("alice")
            out = Out(first, names, sink)
            for number in range(count):
                await out.send(f"u@d{number % 40}.test", marker=str(number))
            async with first.sending(), second.sending():
                await sink.wait_for(count)
                await out.until(
                    lambda queue: all(m.recipients[0].status is Status.DELIVERED for m in queue)
                )
            assert sink.messages == count
            assert set(sink.counts.values()) == {1}
