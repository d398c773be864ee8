"""The runner on a real queue, in front of hosts that do what a test says."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import update

from kit.clock import FakeClock
from kit.outbound import (
    DAY_MS,
    LATER,
    NOBODY,
    SENDER,
    TAKEN,
    Held,
    Post,
    direct,
    fails,
    open_post,
    says,
    says_to,
)
from pillarbox.base.errors import Unavailable
from pillarbox.domain.queue import inspect, lease, steer, suppression
from pillarbox.domain.queue.model import (
    Outcome,
    Outgoing,
    OutgoingRecipient,
    Stage,
    Status,
)
from pillarbox.domain.queue.tables import queue_messages
from pillarbox.formats.dsn.model import Action
from pillarbox.pipeline.outbound.destination import PULL
from pillarbox.pipeline.outbound.model import RouteFailure
from pillarbox.pipeline.outbound.pace import NotYet
from pillarbox.pipeline.outbound.runner import OutboundOptions
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx
from pillarbox.wire.smtp.replies import Reply

ANN, BEN = "ann@elsewhere.test", "ben@elsewhere.test"
MX = "mx.elsewhere.test"
MINUTE_MS = 60_000


@pytest.fixture
def post(database: Database, tmp_path: Path, clock: FakeClock) -> Post:
    return open_post(database, tmp_path, clock)


async def until(condition: Callable[[], object]) -> None:
    """Wait until a function of no arguments says yes."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what it is about has no event
            await asyncio.sleep(0.005)


async def test_delivers_and_forgets_the_content(post: Post) -> None:
    message = await post.enqueue(ANN, BEN, "zoe@third.test")
    await post.work()
    assert sorted(post.hosts.sent) == [
        (MX, message, (ANN, BEN)),
        ("mx.third.test", message, ("zoe@third.test",)),
    ]
    found = await post.get(message)
    assert {one.status for one in found.recipients} == {Status.DELIVERED}
    assert not found.content_kept
    (line, _) = [line for line in await post.log(message) if line.address in (ANN, BEN)]
    assert (line.outcome, line.code, line.enhanced) == (Outcome.DELIVERED, 250, "2.0.0")
    assert line.way.host == MX
    assert line.way.tls == "TLSv1.3 TLS_AES_256_GCM_SHA384"
    assert line.way.route == "direct"
    assert not post.reports.told
    assert await post.database.read(inspect.destinations) == []


async def test_removes_the_file_of_large_content(post: Post, tmp_path: Path) -> None:
    await post.enqueue(ANN, content=b"Subject: x\r\n\r\n" + os.urandom(2 << 20))
    assert list((tmp_path / "blobs").glob("??/??/*"))
    await post.work()
    assert post.hosts.sent
    assert not list((tmp_path / "blobs").glob("??/??/*"))


async def test_tries_again_by_the_ladder(post: Post, clock: FakeClock) -> None:
    post.hosts.on(MX, *[says(LATER, Stage.RCPT)] * 3)
    message = await post.enqueue(ANN)
    for attempts, pause_min in ((1, 5), (2, 15), (3, 30)):
        await post.work()
        recipient = await post.recipient(message)
        assert (recipient.state, recipient.attempts) == ("deferred", attempts)
        assert recipient.last_reply == "greylisted"
        assert recipient.next_attempt_ms == clock.now_ms() + pause_min * MINUTE_MS
        clock.advance(minutes=pause_min, seconds=-1)
        await post.work()
        assert len(post.hosts.sent) == attempts
        clock.advance(seconds=1)
    await post.work()
    assert (await post.recipient(message)).status is Status.DELIVERED
    outcomes = [line.outcome for line in await post.log(message)]
    assert sorted(outcomes) == [Outcome.DELIVERED, *[Outcome.DEFERRED] * 3]


async def test_one_of_several_recipients_is_rejected(post: Post) -> None:
    post.hosts.on(MX, says_to({BEN: NOBODY}))
    message = await post.enqueue(ANN, BEN)
    await post.work()
    assert (await post.recipient(message, ANN)).status is Status.DELIVERED
    assert (await post.recipient(message, BEN)).status is Status.FAILED
    assert post.reports.told == [(ANN, Action.RELAYED, "taken"), (BEN, Action.FAILED, NOBODY.text)]
    assert post.reports.filed == 1
    assert (await post.get(message)).content_kept  # somebody may want to try again


async def test_expires_and_tells(post: Post, clock: FakeClock) -> None:
    post.hosts.always[MX] = says(LATER, Stage.RCPT)
    message = await post.enqueue(ANN, age_ms=DAY_MS)
    while (await post.recipient(message)).status is Status.PENDING:
        recipient = await post.recipient(message)
        assert recipient.next_attempt_ms <= recipient.expires_ms
        clock.advance(seconds=(recipient.next_attempt_ms - clock.now_ms()) / 1000)
        await post.work()
    assert (await post.recipient(message)).status is Status.EXPIRED
    (address, kind, reply) = post.reports.told[-1]
    assert (address, kind) == (ANN, Action.FAILED)
    assert "greylisted" in reply
    assert (await post.recipient(message)).finished_ms == clock.now_ms()


async def test_tells_of_a_delay_once(post: Post, clock: FakeClock) -> None:
    post.hosts.always[MX] = says(LATER, Stage.RCPT)
    recipient = OutgoingRecipient(ANN, notify="DELAY,FAILURE")
    began_ms = clock.now_ms()
    message = await post.enqueue(outgoing=Outgoing(SENDER, (recipient,)))
    for _ in range(9):
        await post.work()
        found = await post.recipient(message)
        told = [kind for _, kind, _ in post.reports.told]
        waited_ms = clock.now_ms() - began_ms
        assert told == ([Action.DELAYED] if waited_ms >= 240 * MINUTE_MS else [])
        clock.advance(seconds=(found.next_attempt_ms - clock.now_ms()) / 1000)
    assert post.reports.filed == 1


async def test_breaker_leaves_a_dead_destination_alone(post: Post, clock: FakeClock) -> None:
    post.hosts.always[MX] = fails()
    messages = [await post.enqueue(f"u{number}@elsewhere.test") for number in range(30)]
    await post.work()
    tried = post.hosts.count(MX)
    assert 5 <= tried <= 10  # what had begun when the fifth failed may end
    (found,) = await post.database.read(inspect.destinations)
    assert found.health.closed_until_ms == found.due_ms == clock.now_ms() + 5 * MINUTE_MS
    attempts = [(await post.recipient(message)).attempts for message in messages]
    assert sorted(attempts) == [0] * (30 - tried) + [1] * tried
    # On trial it is one at a time, and one failure closes it again.
    clock.advance(minutes=5)
    await post.work()
    assert post.hosts.count(MX) == tried + 1
    # Two successes open it.
    post.hosts.always[MX] = says(TAKEN)
    post.hosts.most_at_once = 0
    clock.advance(minutes=5)
    await post.work()
    assert post.hosts.most_at_once > 1
    clock.advance(minutes=20)
    await post.work()
    assert {(await post.recipient(message)).status for message in messages} == {Status.DELIVERED}


async def test_rejected_recipients_do_not_close_the_breaker(post: Post) -> None:
    post.hosts.always[MX] = says(NOBODY, Stage.RCPT)
    messages = [await post.enqueue(f"u{number}@elsewhere.test") for number in range(30)]
    await post.work()
    assert {(await post.recipient(message)).status for message in messages} == {Status.FAILED}


async def test_what_a_closed_breaker_holds_expires(post: Post, clock: FakeClock) -> None:
    post.hosts.always[MX] = fails()
    for number in range(6):
        await post.enqueue(f"u{number}@elsewhere.test")
    await post.work()
    message = await post.enqueue(ANN, age_ms=2 * MINUTE_MS)
    await post.work()
    assert (await post.recipient(message)).attempts == 0
    clock.advance(minutes=5)
    await post.work()
    assert (await post.recipient(message)).status is Status.EXPIRED
    assert (ANN, Action.FAILED) in [told[:2] for told in post.reports.told]


async def test_the_next_host_takes_what_the_first_can_not(post: Post) -> None:
    post.map.journeys["elsewhere.test"] = direct("one", "two", "three")
    post.hosts.on("one", fails())
    post.hosts.on("two", says(LATER, Stage.MAIL))
    message = await post.enqueue(ANN)
    await post.work()
    assert [sent[0] for sent in post.hosts.sent] == ["one", "two", "three"]
    assert (await post.recipient(message)).status is Status.DELIVERED
    await post.enqueue(BEN)
    await post.work()  # the host that failed a moment ago is not the first any more
    assert post.hosts.sent[-1][0] == "two"


async def test_fails_only_where_every_host_says_so(post: Post) -> None:
    gone = Reply(554, "5.3.2", ("no mail here",))
    post.map.journeys["elsewhere.test"] = direct("one", "two")
    post.hosts.on("one", fails(gone, Stage.GREETING, ours=False))
    post.hosts.on("two", fails())
    first = await post.enqueue(ANN)
    await post.work()
    assert (await post.recipient(first)).state == "deferred"
    post.hosts.on("one", fails(gone, Stage.GREETING, ours=False))
    post.hosts.on("two", fails(gone, Stage.GREETING, ours=False))
    second = await post.enqueue(BEN)
    await post.work()
    assert (await post.recipient(second)).status is Status.FAILED
    assert (await post.log(second))[0].stage == Stage.GREETING


async def test_fallback_for_refusals_but_not_of_recipients(post: Post) -> None:
    policy = Reply(554, "5.7.1", ("your network is listed",))
    post.map.journeys["elsewhere.test"] = direct("one", fallback=("relay",))
    for act, by_relay in (
        (fails(), 1),
        (fails(policy, Stage.GREETING, ours=False), 1),
        (says(policy, Stage.MAIL), 1),
        (says(NOBODY, Stage.RCPT), 0),
        (says(policy, Stage.CONTENT), 0),
    ):
        before = post.hosts.count("relay")
        post.hosts.on("one", act)
        message = await post.enqueue(ANN)
        await post.work()
        assert post.hosts.count("relay") - before == by_relay
        expected = Status.DELIVERED if by_relay else Status.FAILED
        assert (await post.recipient(message)).status is expected


async def test_no_way(post: Post) -> None:
    null_mx = RouteFailure(Stage.DNS, Reply(556, "5.1.10", ("it takes no mail",)), "direct")
    no_answer = RouteFailure(Stage.DNS, Reply(451, "4.4.3", ("no name server answers",)))
    post.map.journeys |= {"never.test": null_mx, "later.test": no_answer}
    message = await post.enqueue("a@never.test", "b@later.test")
    await post.work()
    assert (await post.recipient(message, "a@never.test")).status is Status.FAILED
    deferred = await post.recipient(message, "b@later.test")
    assert (deferred.state, deferred.last_reply) == ("deferred", "no name server answers")


async def test_a_fault_defers_one_message_and_ends_nothing(post: Post) -> None:
    def break_down(*_: object) -> None:
        raise RuntimeError("a fault")

    post.hosts.on(MX, break_down)  # type: ignore[arg-type]
    first, second = await post.enqueue(ANN), await post.enqueue(BEN)
    await post.work()
    states = {(await post.recipient(message)).state for message in (first, second)}
    assert states == {"deferred", "delivered"}


async def test_content_that_can_not_be_opened(post: Post, clock: FakeClock) -> None:
    message = await post.enqueue(ANN, age_ms=DAY_MS)
    await post.database.write(_damage)
    await post.work()
    recipient = await post.recipient(message)
    assert recipient.state == "deferred"
    assert "could not read the message" in (recipient.last_reply or "")
    clock.advance(days=1)
    await post.work()
    assert (await post.recipient(message)).status is Status.EXPIRED


def _damage(tx: Tx) -> None:
    tx.change(update(queue_messages).values(blob_id=7))


async def test_a_report_that_fails_holds_nothing_up(post: Post) -> None:
    post.reports.failing = True
    post.hosts.on(MX, says(NOBODY, Stage.RCPT))
    message = await post.enqueue(ANN)
    await post.work()
    assert (await post.recipient(message)).status is Status.FAILED
    assert len(post.hosts.sent) == 1


async def test_suppressed_and_given_up(post: Post) -> None:
    first = await post.enqueue(ANN, BEN)
    await post.database.write(suppression.add, None, ANN, "complained")
    await post.work()
    assert (await post.recipient(first, ANN)).status is Status.FAILED
    assert (await post.recipient(first, BEN)).status is Status.DELIVERED
    (line,) = [line for line in await post.log(first) if line.address == ANN]
    assert (line.outcome, line.enhanced) == (Outcome.SUPPRESSED, "5.7.1")
    assert [sent[2] for sent in post.hosts.sent] == [(BEN,)]


async def test_a_pace_puts_off_without_an_attempt(post: Post, clock: FakeClock) -> None:
    pace = Held()
    post.paces.append(pace)
    pace.refusal = NotYet(clock.now_ms() + 60_000, "as many as this hour allows")
    message = await post.enqueue(ANN)
    await post.work()
    assert (await post.recipient(message)).attempts == 0
    (found,) = await post.database.read(inspect.destinations)
    assert found.due_ms == clock.now_ms() + 60_000
    pace.refusal = None
    clock.advance(minutes=1)
    await post.work()
    assert (await post.recipient(message)).status is Status.DELIVERED


async def test_two_processes_share_the_work(post: Post) -> None:
    post.per_destination = 1
    runners = [post.runner(name, OutboundOptions(destinations=10)) for name in ("one", "two")]
    for number in range(60):
        await post.enqueue(f"u{number}@d{number % 20}.test")
    post.hosts.gate = asyncio.Event()
    await asyncio.gather(*(runner.look() for runner in runners))
    assert [len(runner._running) for runner in runners] == [10, 10]
    post.hosts.gate.set()
    await asyncio.gather(*(post.work(runner) for runner in runners))
    assert len(post.hosts.sent) == 60
    assert len({sent[1] for sent in post.hosts.sent}) == 60


async def test_takes_over_from_the_dead(post: Post, clock: FakeClock) -> None:
    message = await post.enqueue(ANN)
    await post.database.write(lease.take_destinations, "dead", 10, 60_000)
    assert await post.database.write(lease.pull, "dead", "elsewhere.test", 10)
    await post.work()
    assert not post.hosts.sent
    clock.advance(seconds=61)
    await post.work()
    recipient = await post.recipient(message)
    assert (recipient.status, recipient.attempts) == (Status.DELIVERED, 2)


async def test_stops_where_the_lease_was_lost(post: Post, clock: FakeClock) -> None:
    post.per_destination = 1
    runner = post.runner()
    for number in range(10):
        await post.enqueue(f"u{number}@elsewhere.test")
    post.hosts.gate = asyncio.Event()
    await runner.look()
    await until(lambda: post.hosts.waiting)
    clock.advance(seconds=61)
    taken = await post.database.write(lease.take_destinations, "other", 10, 60_000)
    assert [one.domain for one in taken] == ["elsewhere.test"]
    held = await post.database.write(lease.renew, "one", 60_000)
    (destination,) = runner._running
    assert destination.domain not in held
    destination.lose()
    post.hosts.gate.set()
    await runner.idle()
    assert len(post.hosts.sent) == 1
    pulled = await post.database.write(lease.pull, "other", "elsewhere.test", 100)
    assert sum(len(message.recipients) for message in pulled) == 9


async def test_close_lets_end_what_is_under_way_and_gives_the_rest_back(post: Post) -> None:
    post.per_destination = 1
    runner = post.runner()
    messages = [await post.enqueue(f"u{number}@elsewhere.test") for number in range(10)]
    post.hosts.gate = asyncio.Event()
    await runner.look()
    await until(lambda: post.hosts.waiting)
    closing = asyncio.ensure_future(runner.close())
    await asyncio.sleep(0)
    post.hosts.gate.set()
    await closing
    found = [await post.recipient(message) for message in messages]
    assert sorted(one.status for one in found) == [Status.PENDING] * 9 + [Status.DELIVERED]
    assert sum(one.attempts for one in found) == 1
    (destination,) = await post.database.read(inspect.destinations)
    assert (destination.owner, destination.lease_ms) == ("", 0)


async def test_close_cuts_off_what_does_not_end(post: Post) -> None:
    runner = post.runner(options=OutboundOptions(close_s=0.05))
    await post.enqueue(ANN)
    post.hosts.gate = asyncio.Event()
    await runner.look()
    await until(lambda: post.hosts.waiting)
    await runner.close()
    (destination,) = await post.database.read(inspect.destinations)
    assert destination.owner == ""
    post.hosts.gate = None
    await post.work(post.runner("two"))
    assert len(post.hosts.sent) == 2


async def test_wakes_by_the_bus(post: Post) -> None:
    runner = post.runner()
    running = asyncio.create_task(runner.run())
    try:
        await asyncio.sleep(0)
        message = await post.enqueue(ANN)
        await until(lambda: post.hosts.sent)
        await runner.idle()
        assert (await post.recipient(message)).status is Status.DELIVERED
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_slow_message_keeps_no_other_waiting(post: Post) -> None:
    runner = post.runner()
    running = asyncio.create_task(runner.run())
    try:
        await asyncio.sleep(0)
        post.hosts.gate = asyncio.Event()
        await post.enqueue(ANN)
        await until(lambda: post.hosts.waiting)
        await post.enqueue(BEN)
        await until(lambda: post.hosts.waiting == 2)
        post.hosts.gate.set()
        await until(lambda: not post.hosts.waiting)
        await runner.idle()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_an_admin_retries_what_failed(post: Post) -> None:
    post.hosts.on(MX, says(NOBODY, Stage.RCPT))
    message = await post.enqueue(ANN)
    await post.work()
    assert (await post.recipient(message)).status is Status.FAILED
    await post.database.write(steer.retry, message)
    await post.work()
    assert (await post.recipient(message)).status is Status.DELIVERED
    assert len(post.hosts.sent) == 2


async def test_many_recipients_of_one_message(post: Post) -> None:
    addresses = tuple(f"u{number}@elsewhere.test" for number in range(350))
    message = await post.enqueue(*addresses)
    await post.work()
    given = [address for sent in post.hosts.sent for address in sent[2]]
    assert sorted(given) == sorted(addresses)
    assert max(len(sent[2]) for sent in post.hosts.sent) <= PULL
    assert {one.status for one in (await post.get(message)).recipients} == {Status.DELIVERED}


class Stubborn:
    """A database that can't be written for as long as a test says."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.failing: set[str] = set()
        self.slow: asyncio.Event | None = None
        self.asked = asyncio.Event()

    def __getattr__(self, name: str) -> object:
        return getattr(self._database, name)

    async def write(self, fn: Callable[..., object], *args: object) -> object:
        if fn.__name__ in self.failing:
            raise Unavailable("The database does not answer")
        found = await self._database.write(fn, *args)
        if self.slow is not None and fn.__name__ == "_take":
            self.asked.set()
            await self.slow.wait()
        return found


async def test_what_can_not_be_given_back_is_given_back_later(post: Post) -> None:
    stubborn = Stubborn(post.database)
    post.database = cast("Database", stubborn)
    pace = Held()
    post.paces.append(pace)
    pace.refusal = NotYet(post.clock.now_ms() + 60_000, "later")
    runner = post.runner()
    await post.enqueue(ANN)
    stubborn.failing.add("_release")
    await runner.look()
    await runner.idle()
    (found,) = await post.database.read(inspect.destinations)
    assert found.owner == "one"
    stubborn.failing.clear()
    await runner.close()
    (found,) = await post.database.read(inspect.destinations)
    assert found.owner == ""
    assert found.due_ms == post.clock.now_ms() + 60_000


async def test_what_is_being_taken_at_the_end_is_given_back(post: Post) -> None:
    stubborn = Stubborn(post.database)
    post.database = cast("Database", stubborn)
    runner = post.runner()
    message = await post.enqueue(ANN)
    stubborn.slow = asyncio.Event()
    running = asyncio.create_task(runner.run())
    await stubborn.asked.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    closing = asyncio.create_task(runner.close())
    await asyncio.sleep(0)
    stubborn.slow.set()
    await closing
    assert post.hosts.sent == []
    assert (await post.recipient(message)).attempts == 0
    (found,) = await post.database.read(inspect.destinations)
    assert found.owner == ""
