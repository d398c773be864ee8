"""SPF: whether the client may send for the domain of the reverse-path, and for its HELO name."""

import asyncio
from collections.abc import Sequence

from pillarbox.base.clock import Clock
from pillarbox.base.errors import GrammarError, Unavailable
from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.domain.policy.model import DEFAULT, Policy
from pillarbox.formats.address import ascii_domain
from pillarbox.formats.mailauth.spf.check import Checking, Request, check_host, mail_from
from pillarbox.formats.mailauth.spf.question import Answer, Question, QuestionKind
from pillarbox.formats.mailauth.spf.result import SpfResult, SpfStatus
from pillarbox.net.dns import Resolver
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.inbound.policies import Policies

FAIL = Kind("spf_fail", 4.0, "comes from a host that its sender's domain does not allow (SPF)")
SOFTFAIL = Kind(
    "spf_softfail", 2.0, "comes from a host that its sender's domain hardly allows (SPF)"
)
NEUTRAL = Kind("spf_neutral", 0.0, "comes from a host of which its sender's domain says nothing")
NONE = Kind("spf_none", 0.0, "comes from a sender whose domain does not say which hosts it has")
PASS = Kind("spf_pass", -0.1, "comes from a host that its sender's domain allows (SPF)")
PERMERROR = Kind("spf_permerror", 0.5, "comes from a sender whose domain has a broken SPF record")
TEMPERROR = Kind("spf_temperror", 0.0, "comes from a sender whose SPF record could not be had")
HELO_FAIL = Kind("spf_helo_fail", 1.0, "comes from a host that may not use its HELO name (SPF)")

_KINDS = {
    SpfStatus.FAIL: FAIL,
    SpfStatus.SOFTFAIL: SOFTFAIL,
    SpfStatus.NEUTRAL: NEUTRAL,
    SpfStatus.NONE: NONE,
    SpfStatus.PASS: PASS,
    SpfStatus.PERMERROR: PERMERROR,
    SpfStatus.TEMPERROR: TEMPERROR,
}


class SpfCheck(Check):
    """Checks both identities at once (RFC 7208 §2.3, §2.4); the null path is HELO's.

    What becomes of a fail is policy: an action for the names `spf_fail` and `spf_softfail`. Of how
    many terms are followed, and how long an answer may take, the policy of `_default` decides,
    since no recipient is known yet.
    """

    name = "spf"
    stage = Stage.MAIL
    asks_names = True
    kinds = (*_KINDS.values(), HELO_FAIL)
    deadline_s = 10.0

    def __init__(
        self, resolver: Resolver, clock: Clock, hostname: str, policies: Policies | None = None
    ) -> None:
        self._policies = policies
        self._resolver = resolver
        self._clock = clock
        self._hostname = hostname

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Ask about the reverse-path and the HELO name."""
        if not arrival.peer.outside:
            return ()
        results = arrival.results
        policy = Policy(DEFAULT) if self._policies is None else await self._policies.of("")
        await asyncio.gather(self._check_helo(arrival, policy), self._check_sender(arrival, policy))
        if results.spf is None:
            results.spf = results.helo_spf
        return self._found(arrival)

    def failed(self, arrival: Arrival, why: str) -> Sequence[Finding]:
        """Name servers that take too long are a temporary error; what is known by then counts.

        So the name servers of a HELO name can't keep a fail of the reverse-path from us.
        """
        results = arrival.results
        if results.spf is None:
            results.spf = SpfResult(SpfStatus.TEMPERROR, arrival.sender_domain, reason=why)
        return self._found(arrival)

    def _found(self, arrival: Arrival) -> Sequence[Finding]:
        path, helo = arrival.results.spf, arrival.results.helo_spf
        found = [] if path is None else [_found(path, arrival.peer.ip)]
        if arrival.reverse_path and helo is not None and helo.status is SpfStatus.FAIL:
            found.append(HELO_FAIL.found(f"{helo.domain}: {helo.mechanism}"))
        return found

    async def _check_helo(self, arrival: Arrival, policy: Policy) -> None:
        sender = mail_from("", arrival.helo)
        arrival.results.helo_spf = await self._check(arrival, sender, policy)

    async def _check_sender(self, arrival: Arrival, policy: Policy) -> None:
        if arrival.reverse_path:
            arrival.results.spf = await self._check(arrival, arrival.reverse_path, policy)

    async def _check(self, arrival: Arrival, sender: str, policy: Policy) -> SpfResult:
        local, _, domain = sender.rpartition("@")
        try:
            known = domain if domain.isascii() else ascii_domain(domain)
        except GrammarError:
            return SpfResult(SpfStatus.NONE, domain, reason="not the name of a domain")
        request = Request(
            arrival.peer.ip,
            f"{local}@{known}",
            arrival.helo,
            self._hostname,
            self._clock.now_ms() // 1000,
        )
        checking = check_host(request, policy.spf_max_lookups)
        return await answered(checking, self._resolver, policy.spf_answer_s)


async def answered(
    checking: Checking, resolver: Resolver, answer_s: float | None = None
) -> SpfResult:
    """The outcome of a check that this resolver answers; `answer_s` is how long one may take."""
    try:
        question = next(checking)
        while True:
            question = checking.send(await _answer(question, resolver, answer_s))
    except StopIteration as stop:
        result: SpfResult = stop.value
        return result


async def _answer(question: Question, resolver: Resolver, answer_s: float | None) -> Answer:
    try:
        async with asyncio.timeout(answer_s):
            return await _asked(question, resolver)
    except (Unavailable, TimeoutError):
        return None


async def _asked(question: Question, resolver: Resolver) -> Answer:
    kind, name = question.kind, question.name
    if kind is QuestionKind.TXT:
        return await resolver.txt(name)
    if kind is QuestionKind.A:
        return await resolver.a(name)
    if kind is QuestionKind.AAAA:
        return await resolver.aaaa(name)
    if kind is QuestionKind.PTR:
        return await resolver.reverse(name)
    return tuple(host.name for host in (await resolver.mx(name)).hosts)


def _found(result: SpfResult, ip: str) -> Finding:
    kind = _KINDS[result.status]
    why = result.mechanism or result.reason
    detail = f"{result.domain}: {why}" if why else result.domain
    if result.status not in (SpfStatus.FAIL, SpfStatus.SOFTFAIL):
        return kind.found(detail)
    reply = f"{result.domain} does not allow mail from {ip} (SPF, {result.mechanism})"
    if result.explanation:
        reply = f"{reply}; {result.domain} explains: {result.explanation}"
        detail = f"{detail}; explained: {result.explanation}"
    return kind.found(detail, reply=reply)
