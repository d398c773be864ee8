"""Whether those who passed a message on sealed it (ARC, RFC 8617), and whether one is trusted.

What a trusted one found when the message came there counts in `dmarc`, where the message fails only
because it was passed on.
"""

from collections.abc import Collection, Sequence
from functools import partial

from pillarbox.base.clock import Clock
from pillarbox.base.cpu import Cpu
from pillarbox.base.errors import GrammarError
from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.formats.mailauth.arc import ChainResult, ChainVerification
from pillarbox.formats.mailauth.arc_trust import last_sealer
from pillarbox.formats.mailauth.message import read_message
from pillarbox.formats.mailauth.results import Status
from pillarbox.net.dns import Resolver
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.key_lookup import look_up_keys

DEADLINE_S = 10.0
LOOKUP_S = 8.0
INLINE_BYTES = 64 * 1024
INLINE_KEYS = 2

TRUSTED = Kind("arc_trusted", -1.0, "was passed on by a host whose seals are trusted (ARC)")
FAIL = Kind("arc_fail", 0.5, "has a broken chain of seals (ARC)")
TEMPERROR = Kind("arc_temperror", 0.0, "has seals that could not be checked (ARC)")


class ArcCheck(Check):
    """Checks the chain; writes `results.arc` and `results.trusted_sealer`.

    `trusted` are the domains (d=) whose seals are believed, in A-labels and lower case; not those
    below them.
    """

    name = "arc"
    stage = Stage.DATA
    asks_names = True
    kinds = (TRUSTED, FAIL, TEMPERROR)
    deadline_s = DEADLINE_S

    def __init__(
        self, resolver: Resolver, cpu: Cpu, clock: Clock, trusted: Collection[str] = ()
    ) -> None:
        self._resolver = resolver
        self._cpu = cpu
        self._clock = clock
        self._trusted = frozenset(trusted)

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Check the seals of the message; most have none."""
        if arrival.content is None:
            return ()
        chain = await self._chain(arrival.content.data)
        sealer = last_sealer(chain, self._trusted)
        arrival.results.arc, arrival.results.trusted_sealer = chain, sealer
        if sealer:
            return (TRUSTED.found(sealer),)
        if chain.status is Status.FAIL:
            return (FAIL.found(chain.reason),)
        return (TEMPERROR.found(chain.reason),) if chain.status is Status.TEMPERROR else ()

    async def _chain(self, data: bytes) -> ChainResult:
        try:
            verification = ChainVerification(read_message(data))
        except GrammarError as error:
            return ChainResult(Status.FAIL, error.text)
        questions = verification.questions
        answers = await look_up_keys(self._resolver, questions, LOOKUP_S) if questions else {}
        work = partial(verification.result, answers, self._clock.now_ms() // 1000)
        large = len(data) > INLINE_BYTES or len(questions) > INLINE_KEYS
        return await self._cpu.run(work) if questions and large else work()

    def failed(self, arrival: Arrival, why: str) -> Sequence[Finding]:
        """Nothing is known of the seals."""
        return (TEMPERROR.found(why),)
