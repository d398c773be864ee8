"""Runs the checks of a stage: all at once, each with its deadline, each timed.

A check that fails or takes too long is noted in its `Run`, and comes to what its `failed` says.
Called by `screening` and `judging`.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from time import perf_counter_ns

from pillarbox.base.errors import Failure
from pillarbox.base.log import logger
from pillarbox.domain.judgement.model import Finding, Kind, Run, Stage
from pillarbox.domain.policy.model import Policy
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check, RecipientCheck
from pillarbox.pipeline.inbound.message import Recipient

FINDINGS_MAX = 50
"""Of one check; what one message can make large is not all kept."""
NAMES_S = 10.0
"""For so long name servers are waited for, from MAIL on, by all stages of a message together."""
NAMES_LEAST_S = 2.0
"""For the answers of name servers in a stage, however long others took before."""
_FAILURE_MAX = 200

_log = logger("checks")


class Runner:
    """The checks of a process, by stage."""

    def __init__(
        self, checks: Iterable[Check] = (), recipient_checks: Iterable[RecipientCheck] = ()
    ) -> None:
        self._stages: defaultdict[Stage, list[Check]] = defaultdict(list)
        for check in checks:
            self._stages[check.stage].append(check)
        self._of_recipients = tuple(recipient_checks)

    @property
    def kinds(self) -> dict[str, tuple[Kind, ...]]:
        """Everything that can be found, by the name of the check."""
        found = {one.name: one.kinds for stage in Stage for one in self._stages[stage]}
        return found | {one.name: one.kinds for one in self._of_recipients}

    def looks_at_recipients(self, policy: Policy) -> bool:
        """Whether a domain's recipients are checked one by one."""
        return any(policy.has(one.name) for one in self._of_recipients)

    async def run(self, stage: Stage, arrival: Arrival) -> tuple[Run, ...]:
        """Run the checks of a stage; never raises but for cancellation.

        Those that ask nobody follow one another while the others wait for their answers: a task for
        each would cost more than many of them do.
        """
        asking: list[Check] = []
        here: list[Check] = []
        for one in self._stages[stage]:
            if arrival.wants(one.name):
                (here if one.asks_nobody else asking).append(one)
        if not here:
            return await _all(asking, arrival)
        waiting = asyncio.create_task(_all(asking, arrival)) if asking else None
        try:
            runs = [await _run(one, arrival) for one in here]
            return (*(await waiting), *runs) if waiting is not None else tuple(runs)
        finally:
            if waiting is not None:
                waiting.cancel()

    async def run_recipient(self, arrival: Arrival, recipient: Recipient) -> tuple[Run, ...]:
        """Run the checks of one recipient, one after the other, up to the first that refuses."""
        runs: list[Run] = []
        for check in self._of_recipients:
            policy = arrival.policies.get(recipient.domain)
            if policy is not None and not policy.has(check.name):
                continue
            work = partial(check.run, arrival, recipient)
            run = await _timed(check, Stage.RCPT, arrival, work)
            runs.append(run)
            if any(one.action is not None for one in run.findings):
                break
        return tuple(runs)


async def _all(checks: Sequence[Check], arrival: Arrival) -> tuple[Run, ...]:
    if len(checks) == 1:
        runs = [await _run(checks[0], arrival)]
    else:
        runs = await asyncio.gather(*(_run(one, arrival) for one in checks))
    waited_us = [
        run.took_us
        for check, run in zip(checks, runs, strict=True)
        if check.asks_names and run.stage is not Stage.CONNECT
    ]
    arrival.names_waited_s += max(waited_us, default=0) / 1_000_000
    return tuple(runs)


async def _run(check: Check, arrival: Arrival) -> Run:
    return await _timed(check, check.stage, arrival, partial(check.run, arrival))


async def _timed(
    check: Check | RecipientCheck,
    stage: Stage,
    arrival: Arrival,
    work: Callable[[], Awaitable[Sequence[Finding]]],
) -> Run:
    began_ns = perf_counter_ns()
    limit_s = check.deadline_s
    if check.asks_names:
        limit_s = min(limit_s, max(NAMES_S - arrival.names_waited_s, NAMES_LEAST_S))
    why = ""
    findings: tuple[Finding, ...] = ()
    try:
        async with asyncio.timeout(limit_s):
            findings = tuple(await work())
    except TimeoutError:
        why = f"no answer within {limit_s:.3g} s"
    except Failure as failure:
        why = failure.cause or failure.public
    except Exception as error:
        _log.exception("a check failed", check=check.name)
        why = type(error).__name__
    if why:
        findings = tuple(check.failed(arrival, why))
    took_us = (perf_counter_ns() - began_ns) // 1000
    return Run(check.name, stage, took_us, findings[:FINDINGS_MAX], why[:_FAILURE_MAX])
