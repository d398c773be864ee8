"""The states of the circuit breaker."""

from pillarbox.domain.queue.model import Health
from pillarbox.pipeline.outbound import breaker
from pillarbox.pipeline.outbound.breaker import WELL, BreakerOptions

OPTIONS = BreakerOptions()


def after_failures(count: int, now_ms: int = 1000) -> Health:
    health = WELL
    for _ in range(count):
        health = breaker.failed(health, now_ms, OPTIONS)
    return health


def test_closes_after_five_in_a_row() -> None:
    assert not breaker.is_closed(after_failures(4), 1000)
    closed = after_failures(5)
    assert closed == Health(5, 0, 301_000)
    assert breaker.is_closed(closed, 300_999)
    assert not breaker.is_closed(closed, 301_000)


def test_a_success_between_starts_the_count_anew() -> None:
    health = breaker.succeeded(after_failures(4), OPTIONS)
    assert health == WELL
    assert not breaker.is_closed(breaker.failed(health, 1000, OPTIONS), 1000)


def test_two_successes_on_trial_open_it() -> None:
    health = breaker.succeeded(after_failures(5), OPTIONS)
    assert breaker.on_trial(health)
    assert breaker.succeeded(health, OPTIONS) == WELL


def test_one_failure_on_trial_closes_it_again() -> None:
    health = breaker.succeeded(after_failures(5), OPTIONS)
    again = breaker.failed(health, 400_000, OPTIONS)
    assert again == Health(6, 0, 700_000)


def test_what_had_begun_before_does_not_close_it_for_longer() -> None:
    assert breaker.failed(after_failures(5), 2000, OPTIONS).closed_until_ms == 301_000
