"""Which domains signed a message (DKIM, RFC 6376), and how well.

All signatures up to the eighth are checked; one good one is enough. A bad one alone says no more
than that there is none (RFC 6376 §6.1), but few who mean well send mail that neither SPF nor DKIM
vouches for.
"""

from collections.abc import Sequence
from functools import partial

from pillarbox.base.clock import Clock
from pillarbox.base.cpu import Cpu
from pillarbox.base.errors import GrammarError
from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.formats.mailauth.keys import KeyAlgorithm
from pillarbox.formats.mailauth.message import read_message
from pillarbox.formats.mailauth.results import SignatureResult, Status
from pillarbox.formats.mailauth.spf.result import SpfResult, SpfStatus
from pillarbox.formats.mailauth.verify import Verification
from pillarbox.net.dns import Resolver
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.key_lookup import look_up_keys

DEADLINE_S = 10.0
LOOKUP_S = 8.0
INLINE_BYTES = 64 * 1024
"""Larger messages are hashed in a thread, and those with more than two signatures."""
INLINE_SIGNATURES = 2
WEAK_BITS = 2048
MISSING_POINTS = 0.5
"""Where SPF passed, or is not known to have failed: so much less than `dkim_none` says."""

PASS = Kind("dkim_pass", -0.2, "is signed by a domain (DKIM)")
FAIL = Kind("dkim_fail", 3.0, "has DKIM signatures, none of which is good")
NONE = Kind("dkim_none", 3.0, "has no DKIM signature")
PARTIAL = Kind("dkim_partial", 2.0, "has text behind what its DKIM signature is over")
WEAK = Kind("dkim_weak_key", 0.2, "is signed with a short DKIM key")
TEMPERROR = Kind("dkim_temperror", 0.0, "has DKIM signatures that could not be checked")


class DkimCheck(Check):
    """Checks signatures; writes `results.dkim`."""

    name = "dkim"
    stage = Stage.DATA
    asks_names = True
    kinds = (PASS, FAIL, NONE, PARTIAL, WEAK, TEMPERROR)
    deadline_s = DEADLINE_S

    def __init__(self, resolver: Resolver, cpu: Cpu, clock: Clock) -> None:
        self._resolver = resolver
        self._cpu = cpu
        self._clock = clock

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Check every signature of the message."""
        if arrival.content is None:
            return ()
        data = arrival.content.data
        try:
            verification = Verification(read_message(data))
        except GrammarError as error:
            arrival.results.dkim = (SignatureResult(Status.PERMERROR, error.text),)
            return found(arrival.results.dkim, arrival)
        answers = await look_up_keys(self._resolver, verification.questions, LOOKUP_S)
        work = partial(verification.results, answers, self._clock.now_ms() // 1000)
        large = len(data) > INLINE_BYTES or len(verification.questions) > INLINE_SIGNATURES
        arrival.results.dkim = await self._cpu.run(work) if large else work()
        return found(arrival.results.dkim, arrival)

    def failed(self, arrival: Arrival, why: str) -> Sequence[Finding]:
        """Nothing is known of the signatures, so nothing is held against the message."""
        return (TEMPERROR.found(why),)


def found(signatures: Sequence[SignatureResult], arrival: Arrival) -> list[Finding]:
    """What the outcomes come to. Failures under keys that are only tried out do not count."""
    findings = []
    passed = [one for one in signatures if one.status is Status.PASS]
    whole = [one for one in passed if not one.beyond]
    if whole:
        findings.append(PASS.found(", ".join(dict.fromkeys(one.domain for one in whole))))
        if all(_is_weak(one) for one in whole):
            findings.append(WEAK.found(f"{whole[0].key_bits} bits, {whole[0].domain}"))
        return findings
    if passed:
        longest = max(passed, key=lambda one: one.beyond)
        return [PARTIAL.found(f"{longest.beyond} octets, signed by {longest.domain}")]
    open_ones = [one for one in signatures if one.status is Status.TEMPERROR]
    if open_ones:
        return [TEMPERROR.found(_named(open_ones[0]))]
    bad = [one for one in signatures if not one.testing]
    if bad:
        return [FAIL.found(_named(bad[0]))]
    return [NONE.found(points=None if _fails(arrival.results.spf) else MISSING_POINTS)]


def _is_weak(one: SignatureResult) -> bool:
    return one.algorithm is KeyAlgorithm.RSA and one.key_bits < WEAK_BITS


def _fails(spf: SpfResult | None) -> bool:
    """Whether SPF vouches for nobody either."""
    return spf is not None and spf.status not in (SpfStatus.PASS, SpfStatus.TEMPERROR)


def _named(one: SignatureResult) -> str:
    return f"{one.domain}: {one.reason}" if one.domain else one.reason
