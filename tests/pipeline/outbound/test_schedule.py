"""When attempts follow one another, and when the sender hears of it."""

from dataclasses import replace

import pytest

from pillarbox.base.ids import QueueId
from pillarbox.domain.queue.model import LeasedMessage, LeasedRecipient
from pillarbox.pipeline.outbound.schedule import (
    HOUR_MS,
    MINUTE_MS,
    Schedule,
    ScheduleOptions,
)

NOW = 1_000_000_000_000
MESSAGE = LeasedMessage(QueueId(1), None, "a@example.test", 10, NOW, ())
ANN = LeasedRecipient(1, "ann@elsewhere.test", 0, NOW + 168 * HOUR_MS)


def middle(low: float, high: float) -> float:
    return (low + high) / 2


@pytest.mark.parametrize(
    ("attempts", "minutes"),
    [
        (0, 5),
        (1, 15),
        (2, 30),
        (3, 60),
        (4, 120),
        (5, 240),
        (6, 480),
        (7, 960),
        (8, 1440),
        (50, 1440),
    ],
)
def test_ladder(attempts: int, minutes: int) -> None:
    recipient = replace(ANN, attempts=attempts)
    plan = Schedule(ScheduleOptions(), middle).deferral(MESSAGE, recipient, NOW, tell=False)
    assert plan.next_attempt_ms == NOW + minutes * MINUTE_MS
    assert not plan.delay_told


def test_jitter_is_a_tenth_either_way() -> None:
    found = set()
    schedule = Schedule(ScheduleOptions())
    for _ in range(500):
        plan = schedule.deferral(MESSAGE, replace(ANN, attempts=8), NOW, tell=False)
        assert plan.next_attempt_ms is not None
        found.add(round((plan.next_attempt_ms - NOW) / (24 * HOUR_MS), 2))
    assert min(found) >= 0.9
    assert max(found) <= 1.1
    assert len(found) > 15


def test_never_later_than_its_end() -> None:
    schedule = Schedule(ScheduleOptions(), middle)
    recipient = replace(ANN, attempts=8, expires_ms=NOW + HOUR_MS)
    assert schedule.deferral(MESSAGE, recipient, NOW, tell=False).next_attempt_ms == NOW + HOUR_MS
    over = schedule.deferral(MESSAGE, recipient, NOW + HOUR_MS, tell=False)
    assert over.next_attempt_ms is None


def test_delay_is_told_at_an_attempt_of_its_time() -> None:
    schedule = Schedule(ScheduleOptions(), middle)
    recipient = replace(ANN, attempts=6)
    before = schedule.deferral(MESSAGE, recipient, NOW + 3 * HOUR_MS, tell=True)
    assert (before.next_attempt_ms, before.delay_told) == (NOW + 4 * HOUR_MS, False)
    then = schedule.deferral(MESSAGE, recipient, NOW + 4 * HOUR_MS, tell=True)
    assert (then.next_attempt_ms, then.delay_told) == (NOW + 12 * HOUR_MS, True)
    told = replace(recipient, delay_told_ms=NOW + 4 * HOUR_MS)
    assert not schedule.deferral(MESSAGE, told, NOW + 5 * HOUR_MS, tell=True).delay_told


def test_deliver_by_sets_the_time_of_the_notice() -> None:
    schedule = Schedule(ScheduleOptions(), middle)
    recipient = replace(ANN, notify_delay_ms=NOW + 10 * MINUTE_MS)
    plan = schedule.deferral(MESSAGE, recipient, NOW + 10 * MINUTE_MS, tell=True)
    assert plan.delay_told


def test_no_notices_at_all() -> None:
    schedule = Schedule(ScheduleOptions(delay_notice_ms=0), middle)
    assert not schedule.deferral(MESSAGE, ANN, NOW + 100 * HOUR_MS, tell=True).delay_told


def test_what_was_held_is_not_delayed_by_that() -> None:
    schedule = Schedule(ScheduleOptions(), middle)
    let_go = NOW + 48 * HOUR_MS
    held = replace(ANN, attempts=1, expires_ms=let_go + 168 * HOUR_MS)
    assert not schedule.deferral(MESSAGE, held, let_go + HOUR_MS, tell=True).delay_told
    assert schedule.deferral(MESSAGE, held, let_go + 4 * HOUR_MS, tell=True).delay_told
