"""The circuit breaker of a destination: hosts that keep failing are left alone for a while.

Only what says something of the hosts counts, never a reply about one recipient. The state is in
the destination's row (`Health`), so it holds for every process. Called by `destination`.
"""

from dataclasses import dataclass

from pillarbox.domain.queue.model import Health

WELL = Health()


@dataclass(frozen=True, slots=True)
class BreakerOptions:
    """After so many failures in a row nothing is tried for `closed_ms`, then one thing at a time
    until there were so many `successes`."""

    failures: int = 5
    closed_ms: int = 300_000
    successes: int = 2


def is_closed(health: Health, now_ms: int) -> bool:
    """Whether nothing may be tried now."""
    return health.closed_until_ms > now_ms


def on_trial(health: Health) -> bool:
    """Whether the destination was closed and has not shown since that it is well."""
    return health.closed_until_ms > 0


def failed(health: Health, now_ms: int, options: BreakerOptions) -> Health:
    """The state after an attempt for which no host could be used."""
    failures = health.failures + 1
    if is_closed(health, now_ms):  # one that had begun before
        return Health(failures, 0, health.closed_until_ms)
    if on_trial(health) or failures >= options.failures:
        return Health(failures, 0, now_ms + options.closed_ms)
    return Health(failures)


def succeeded(health: Health, options: BreakerOptions) -> Health:
    """The state after an attempt in which a host did its work, whatever it said of recipients."""
    if not on_trial(health):
        return WELL
    successes = health.successes + 1
    if successes >= options.successes:
        return WELL
    return Health(health.failures, successes, health.closed_until_ms)
