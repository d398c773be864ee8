"""Whether the domain in From vouches for a message, and what it wants done otherwise (DMARC).

Goes by what SPF, DKIM and ARC found. A message that fails but comes from a mailing list that is
known to be one is not refused, since lists change what they pass on: it only gets points.
"""

import asyncio
import random
from collections.abc import Callable, Collection, Sequence

from pillarbox.domain.judgement.model import Action, Finding, Kind, Stage
from pillarbox.domain.policy.model import DEFAULT, Policy
from pillarbox.formats.mailauth.arc_trust import believed_results, vouched_before
from pillarbox.formats.mailauth.dmarc.authors import Authors, read_authors
from pillarbox.formats.mailauth.dmarc.evaluate import Disposition, DmarcResult, evaluate
from pillarbox.formats.mailauth.organizational import load_suffixes, registrable
from pillarbox.formats.mailauth.results import Status
from pillarbox.formats.mailauth.spf.result import SpfStatus
from pillarbox.formats.mime.header import HEADER_BYTES
from pillarbox.pipeline.dmarc_lookup import Names, answered
from pillarbox.pipeline.inbound.checks.arrival import Arrival, Results
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.inbound.checks.content import Content
from pillarbox.pipeline.inbound.policies import Policies

DEADLINE_S = 10.0
UNDECIDED_POINTS = 2.0
"""Where the domain asks for something, but it could not be found out whether the message fails."""
AUTHORS_MOST = 4
"""Domains in From that are evaluated; whoever names more is not believed at all."""
UNCLEAR_POINTS = 6.0
"""Where readers may show an author whose domain was not asked, so that only Junk is safe."""

PASS = Kind("dmarc_pass", -0.5, "is vouched for by the domain in its From (DMARC)")
REJECT = Kind(
    "dmarc_reject", 5.0, "fails DMARC, and its domain wants such mail refused", Action.REFUSE
)
QUARANTINE = Kind(
    "dmarc_quarantine", 4.0, "fails DMARC, and its domain calls such mail suspicious", Action.JUNK
)
NONE_FAIL = Kind("dmarc_none_fail", 1.0, "fails DMARC, and its domain asks for nothing")
# More than what reaches Junk: the good signs that anybody can give a list of theirs come to -0.8.
LIST = Kind("dmarc_list", 6.0, "fails DMARC after a mailing list passed it on")
FORWARDED = Kind("dmarc_forwarded", 0.0, "fails DMARC only because a trusted host passed it on")
AUTHORS = Kind("dmarc_authors", 3.0, "has no From with one domain that could vouch for it")
TEMPERROR = Kind("dmarc_temperror", 0.0, "has a From whose DMARC policy could not be applied now")
PERMERROR = Kind("dmarc_permerror", 0.0, "has a From whose DMARC policy can't be understood")


class DmarcCheck(Check):
    """Evaluates DMARC; writes `results.dmarc`, for the worst domain if From names several.

    `trusted` are the domains whose ARC seals are believed, as for `ArcCheck`; `chance` gives
    numbers from 0 to below 1 for policies that are for a percentage of mail only. The policy of
    `_default` says how long an answer of the name servers may take.
    """

    name = "dmarc"
    stage = Stage.AUTHOR
    asks_names = True
    kinds = (PASS, REJECT, QUARANTINE, NONE_FAIL, LIST, FORWARDED, AUTHORS, TEMPERROR, PERMERROR)
    deadline_s = DEADLINE_S

    def __init__(
        self,
        resolver: Names,
        trusted: Collection[str] = (),
        chance: Callable[[], float] = random.random,
        policies: Policies | None = None,
    ) -> None:
        self._policies = policies
        self._resolver = resolver
        self._trusted = frozenset(trusted)
        self._chance = chance

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Evaluate the domains in From; not for clients of our own networks."""
        if arrival.content is None or not arrival.peer.outside:
            return ()
        named = authors(arrival.content)
        domains = named.domains
        unclear = named.unclear or len(domains) > AUTHORS_MOST
        points = UNCLEAR_POINTS if unclear else None
        if not domains:
            result = DmarcResult(Status.PERMERROR, "", reason="From has no domain")
            arrival.results.dmarc = result
            return (AUTHORS.found(result.reason, points=points),)
        results, chance = arrival.results, self._chance()
        evaluated = await asyncio.gather(
            *(self._evaluate(one, results, chance) for one in domains[:AUTHORS_MOST])
        )
        worst = max(evaluated, key=_severity)
        if named.certain:
            results.dmarc = worst
            return await self._findings(worst, arrival, arrival.content)
        findings = [AUTHORS.found(", ".join(domains[: AUTHORS_MOST + 1]), points=points)]
        if worst.status in (Status.PASS, Status.NONE):  # of one author, or of those looked at
            results.dmarc = DmarcResult(Status.PERMERROR, "", reason="From is not of one domain")
            return findings
        results.dmarc = worst
        return [*findings, *await self._findings(worst, arrival, arrival.content)]

    async def _evaluate(self, domain: str, results: Results, chance: float) -> DmarcResult:
        if domain.startswith("["):
            return DmarcResult(Status.NONE, domain, reason="an address has no policy")
        asking = evaluate(domain, results.spf, results.dkim, chance)
        policy = Policy(DEFAULT) if self._policies is None else await self._policies.of("")
        return await answered(self._resolver, asking, policy.dmarc_answer_s)

    async def _findings(
        self, result: DmarcResult, arrival: Arrival, content: Content
    ) -> list[Finding]:
        domain, detail = result.domain, f"{result.domain}: {result.reason}"
        if result.status is Status.NONE:
            return []
        if result.status is Status.PASS:
            return [PASS.found(domain)]
        if result.status is Status.PERMERROR:
            return [PERMERROR.found(detail)]
        if result.status is Status.TEMPERROR:
            return [_undecided(result, detail)]
        if await self._was_forwarded(domain, arrival.results):
            return [FORWARDED.found(f"{domain}, by {arrival.results.trusted_sealer}")]
        if self._may_be_forwarded(arrival.results):
            return [_undecided(result, f"{domain}: its seals could not be checked")]
        if result.disposition is Disposition.NONE:
            return [NONE_FAIL.found(detail)]
        if await _is_list(content, arrival.results):
            return [LIST.found(detail)]
        kind = REJECT if result.disposition is Disposition.REJECT else QUARANTINE
        reply = f"Refused by the DMARC policy of {domain}: neither SPF nor DKIM shows its consent"
        return [kind.found(detail, reply=reply)]

    async def _was_forwarded(self, author: str, results: Results) -> bool:
        if not results.trusted_sealer or results.arc is None:
            return False
        await asyncio.to_thread(load_suffixes)
        return vouched_before(author, believed_results(results.arc, self._trusted))

    def _may_be_forwarded(self, results: Results) -> bool:
        """Whether a host whose seals are trusted may have passed it on, as far as can be known."""
        chain = results.arc
        if chain is None or chain.status is not Status.TEMPERROR or not chain.sets:
            return False
        return chain.sets[-1].seal.domain in self._trusted

    def failed(self, arrival: Arrival, why: str) -> Sequence[Finding]:
        """It may pass later; that is no reason to refuse it, unless the policy says so."""
        domain = "" if arrival.content is None else arrival.content.from_domain
        arrival.results.dmarc = DmarcResult(Status.TEMPERROR, domain, reason=why)
        reply = "The DMARC policy of the sender can't be applied now; try again later"
        return (TEMPERROR.found(why, reply=reply),)


def authors(content: Content) -> Authors:
    """Whom a message names in From."""
    start, end = content.root.header_start, content.root.body_start
    # Some readers take a NUL for the end of a text, others for nothing.
    whole = end - start <= HEADER_BYTES and content.data.find(b"\0", start, end) < 0
    return read_authors(content.headers.all(b"from"), whole=whole)


def _undecided(result: DmarcResult, detail: str) -> Finding:
    reply = f"The DMARC policy of {result.domain} can't be applied now; try again later"
    asks = result.disposition is not Disposition.NONE
    return TEMPERROR.found(detail, points=UNDECIDED_POINTS if asks else None, reply=reply)


def _severity(result: DmarcResult) -> tuple[int, int]:
    """Orders outcomes: what fails and is to be refused last."""
    order = (Status.PASS, Status.NONE, Status.PERMERROR, Status.TEMPERROR, Status.FAIL)
    return order.index(result.status), list(Disposition).index(result.disposition)


async def _is_list(content: Content, results: Results) -> bool:
    """Whether it comes from a mailing list: one whose own domain vouches for the message.

    Anybody may have such a list, so this only spares a message being refused.
    """
    named = (content.headers.first(b"list-id") or b"").decode("ascii", "replace")
    domain = named.rpartition("<")[2].partition(">")[0].strip().lower()
    if not domain:
        return False
    await asyncio.to_thread(load_suffixes)
    registered = registrable(domain)
    vouching = [
        one.domain for one in results.dkim or () if one.status is Status.PASS and not one.beyond
    ]
    if results.spf is not None and results.spf.status is SpfStatus.PASS:
        vouching.append(results.spf.domain)
    return registered != "" and any(registrable(one) == registered for one in vouching)
