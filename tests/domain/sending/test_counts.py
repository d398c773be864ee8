"""Counts of what is sent: never over a limit, whoever counts at the same time."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from kit.clock import FakeClock
from pillarbox.base.errors import Denied
from pillarbox.base.ids import AccountId, DomainId
from pillarbox.domain.accounts import users
from pillarbox.domain.accounts.model import User
from pillarbox.domain.sending import alerts, counts
from pillarbox.domain.sending.model import (
    LimitReached,
    Limits,
    Period,
    Scope,
    Sending,
    SendingLimits,
    Unit,
)
from pillarbox.storage.db import Database
from pillarbox.storage.dialect.sqlite import SqliteDialect
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: bytes(32)})
ALICE, BOB = AccountId(7), AccountId(8)
DOMAIN = DomainId(3)


def by(account: AccountId, recipients: int = 1, *elsewhere: str) -> Sending:
    return Sending(account, DOMAIN, recipients, elsewhere)


async def count(database: Database, limits: SendingLimits, sending: Sending) -> None:
    await database.write(counts.count, KEYS, limits, sending)


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        (SendingLimits(user=Limits(messages_hour=3)), "You can send 3 messages within an hour"),
        (SendingLimits(user=Limits(messages_day=3)), "You can send 3 messages within a day"),
        (SendingLimits(user=Limits(recipients_hour=6)), "You can send to 6 recipients"),
        (SendingLimits(user=Limits(recipients_day=6)), "You can send to 6 recipients"),
        (SendingLimits(domain=Limits(messages_hour=3)), "Your domain can send 3 messages"),
        (SendingLimits(server=Limits(recipients_day=6)), "This server can send to 6 recipients"),
    ],
)
async def test_the_message_over_a_limit_is_refused_until_the_period_is_over(
    database: Database, clock: FakeClock, limits: SendingLimits, what: str
) -> None:
    for _ in range(3):
        await count(database, limits, by(ALICE, 2))
    clock.advance(minutes=20)
    with pytest.raises(LimitReached) as caught:
        await count(database, limits, by(ALICE, 2))
    assert caught.value.public.startswith(what)
    room = "40 minutes" if "hour" in caught.value.public.partition(";")[0] else "24 hours"
    assert caught.value.public.endswith(f"there is room again in {room}")
    with pytest.raises(LimitReached):
        await database.read(counts.require_room, limits, ALICE, DOMAIN)
    clock.advance(hours=24)
    await database.read(counts.require_room, limits, ALICE, DOMAIN)
    await count(database, limits, by(ALICE, 2))


async def test_what_is_refused_is_not_counted(database: Database) -> None:
    limits = SendingLimits(user=Limits(messages_hour=5, recipients_day=4))
    await count(database, limits, by(ALICE, 3))
    with pytest.raises(LimitReached):
        await count(database, limits, by(ALICE, 2))
    await count(database, limits, by(ALICE, 1))
    counted = await database.read(counts.counted, Scope.USER, ALICE)
    assert counted[Period.HOUR][Unit.MESSAGES] == 2
    assert counted[Period.DAY][Unit.RECIPIENTS] == 4


async def test_users_have_a_count_each_and_a_domain_one_for_all(database: Database) -> None:
    limits = SendingLimits(user=Limits(messages_hour=1), domain=Limits(messages_day=2))
    await count(database, limits, by(ALICE))
    await count(database, limits, by(BOB))
    with pytest.raises(LimitReached) as caught:
        await count(database, limits, by(AccountId(9)))
    assert caught.value.scope is Scope.DOMAIN


async def test_without_limits_nothing_is_written(database: Database) -> None:
    await count(database, SendingLimits(), by(ALICE, 1, "ann@elsewhere.test"))
    assert await database.read(counts.counted, Scope.USER, ALICE) == {}


async def test_new_recipients_are_limited_after_the_first_week(
    database: Database, clock: FakeClock
) -> None:
    limits = SendingLimits(user=Limits(newcomers_day=2))
    first = [f"{number}@elsewhere.test" for number in range(10)]
    await count(database, limits, by(ALICE, 10, *first))
    clock.advance(days=7, seconds=1)
    await count(database, limits, by(ALICE, 4, "new1@x.test", "new2@x.test", "NEW1@x.test"))
    await count(database, limits, by(ALICE, 11, *first, "new2@x.test"))
    for _ in range(2):
        with pytest.raises(LimitReached) as caught:
            await count(database, limits, by(ALICE, 1, "new3@x.test"))
    assert caught.value.unit is Unit.NEWCOMERS
    await count(database, limits, by(BOB, 1, "new3@x.test"))
    clock.advance(hours=24)
    await count(database, limits, by(ALICE, 1, "new3@x.test"))


async def test_a_message_that_never_fits_is_refused_for_good(
    database: Database, clock: FakeClock
) -> None:
    with pytest.raises(Denied, match="4 recipients here, this one has 5"):
        await count(database, SendingLimits(domain=Limits(recipients_hour=4)), by(ALICE, 5))
    limits = SendingLimits(user=Limits(newcomers_day=2))
    await count(database, limits, by(ALICE, 1, "a@x.test"))
    clock.advance(days=8)
    with pytest.raises(Denied, match="2 new recipients here, this one has 3"):
        await count(database, limits, by(ALICE, 3, "b@x.test", "c@x.test", "d@x.test"))


async def test_a_known_recipient_stays_known_under_a_new_key(
    database: Database, clock: FakeClock
) -> None:
    limits = SendingLimits(user=Limits(newcomers_day=1))
    await count(database, limits, by(ALICE, 2, "a@x.test", "b@x.test"))
    clock.advance(days=8)
    both = KeyRing({1: bytes(32), 2: bytes([1] * 32)})
    for known in (("a@x.test",), ("a@x.test", "b@x.test")):
        await database.write(counts.count, both, limits, by(ALICE, 2, *known))
    counted = await database.read(counts.counted, Scope.USER, ALICE)
    assert counted[Period.DAY][Unit.NEWCOMERS] == 0


async def test_several_at_once_do_not_exceed_a_limit(database: Database) -> None:
    limits = SendingLimits(user=Limits(messages_hour=5, newcomers_day=100))
    done = await asyncio.gather(
        *(count(database, limits, by(ALICE, 1, f"{n}@x.test")) for n in range(20)),
        return_exceptions=True,
    )
    assert sum(one is None for one in done) == 5
    assert all(one is None or isinstance(one, LimitReached) for one in done)


async def test_users_do_not_wait_for_one_another(database: Database) -> None:
    if isinstance(database.dialect, SqliteDialect):
        pytest.skip("SQLite has one writer")
    limits = SendingLimits(user=Limits(messages_hour=5, newcomers_day=5))
    await count(database, limits, by(ALICE))
    await count(database, limits, by(BOB))
    counted, go_on = threading.Event(), threading.Event()

    def slowly(tx: Tx) -> None:
        counts.count(tx, KEYS, limits, by(ALICE, 1, "ann@x.test"))
        counted.set()
        assert go_on.wait(20)

    slow = asyncio.ensure_future(database.write(slowly))
    try:
        assert await asyncio.to_thread(counted.wait, 20)
        await asyncio.wait_for(count(database, limits, by(BOB, 1, "ann@x.test")), 10)
    finally:
        go_on.set()
        await slow


async def test_a_count_can_be_reset(database: Database) -> None:
    limits = SendingLimits(user=Limits(messages_day=1))
    await count(database, limits, by(ALICE))
    await database.write(counts.reset, Scope.USER, ALICE)
    await count(database, limits, by(ALICE))


async def test_nothing_is_kept_of_a_user_who_went(
    database: Database, add_user: Callable[..., User]
) -> None:
    user = await database.write(add_user, "ann@example.org")
    limits = SendingLimits(user=Limits(messages_day=1, newcomers_day=1))
    await count(database, limits, by(user.account_id, 1, "x@y.test"))
    await database.write(alerts.note, user.account_id, Unit.MESSAGES)
    await database.write(users.delete, user.account_id)
    assert await database.read(counts.counted, Scope.USER, user.account_id) == {}
    assert await database.read(alerts.list_of) == []


async def test_an_alert_is_told_once_a_day(database: Database, clock: FakeClock) -> None:
    told = []
    for hours in (0, 1, 1, 23, 1):
        clock.advance(hours=hours)
        told.append(await database.write(alerts.note, ALICE, Unit.NEWCOMERS))
    assert told == [True, False, False, True, False]
    assert await database.write(alerts.note, ALICE, Unit.MESSAGES)
    found = await database.read(alerts.list_of)
    assert {(one.what, one.refused) for one in found} == {(Unit.NEWCOMERS, 2), (Unit.MESSAGES, 1)}
