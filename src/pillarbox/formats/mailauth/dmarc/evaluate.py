"""Evaluating DMARC for one message (RFC 9989 §5.3)."""

from collections.abc import Iterable
from dataclasses import dataclass

from pillarbox.formats.mailauth.dmarc.discovery import Asking, NoAnswer, Policy, Walker
from pillarbox.formats.mailauth.dmarc.record import Disposition
from pillarbox.formats.mailauth.results import SignatureResult, Status
from pillarbox.formats.mailauth.spf.result import SpfResult, SpfStatus

__all__ = ["Disposition", "DmarcResult", "evaluate"]


@dataclass(frozen=True, slots=True)
class DmarcResult:
    """The outcome for the domain in From.

    `policy_domain` is where the record was found, `organizational_domain` what alignment was
    measured by, empty where names only had to be compared. `disposition` is what the domain asks
    for a message that fails, pct and t applied; `requested` what it asks for before, by its tag
    `policy_tag` (p, sp or np). `lowered` says why they differ: testing or sampled_out (RFC 7489
    appendix C), else empty. `rua` are its addresses for aggregate reports as published; `published`
    its record's tags.
    """

    status: Status
    domain: str
    policy_domain: str = ""
    organizational_domain: str = ""
    disposition: Disposition = Disposition.NONE
    spf_aligned: bool = False
    dkim_aligned: bool = False
    reason: str = ""
    testing: bool = False
    rua: tuple[str, ...] = ()
    published: tuple[tuple[str, str], ...] = ()
    requested: Disposition = Disposition.NONE
    policy_tag: str = ""
    lowered: str = ""


def evaluate(
    author: str,
    spf: SpfResult | None,
    dkim: Iterable[SignatureResult] | None,
    chance: float = 0.0,
) -> Asking[DmarcResult]:
    """The outcome for an author's domain, in A-labels and lower case.

    `spf` is that of the MAIL FROM identity; `None` for what was not found out, without which
    nothing can be said to fail. Signatures count only if they are over the whole body. `chance`, 0
    to below 1, decides whether a message is among the percentage that a policy is for.
    """
    walker = Walker()
    try:
        policy = yield from walker.policy(author)
        if policy is None:
            return DmarcResult(Status.NONE, author, reason="the domain publishes no policy")
        if not policy.record.usable:
            return _described(policy, author, Status.PERMERROR, "the record can't be understood")
        alignment = _Alignment(walker, author, policy)
        signers = [one for one in dkim or () if not one.beyond]
        spf_aligned = yield from alignment.of_spf(spf, SpfStatus.PASS)
        dkim_aligned = yield from alignment.of_dkim(signers, Status.PASS)
        status, reason = Status.PASS, ""
        if not (spf_aligned or dkim_aligned):
            undecided = spf is None or dkim is None
            undecided = undecided or (yield from alignment.of_spf(spf, SpfStatus.TEMPERROR))
            undecided = undecided or (yield from alignment.of_dkim(signers, Status.TEMPERROR))
            status = Status.TEMPERROR if undecided else Status.FAIL
            reason = _why_not(spf, signers, undecided)
    except NoAnswer as failure:
        return DmarcResult(Status.TEMPERROR, author, reason=str(failure))
    return _described(
        policy,
        author,
        status,
        reason,
        organization=alignment.measure,
        aligned=(spf_aligned, dkim_aligned),
        chance=chance,
    )


class _Alignment:
    """Whether identities belong to the organization of an author's domain (RFC 9989 §4.10.2)."""

    def __init__(self, walker: Walker, author: str, policy: Policy) -> None:
        self._walker = walker
        self._author = author
        self._policy = policy
        self.measure = ""
        """The organizational domain of the author's, once it mattered."""

    def of_spf(self, spf: SpfResult | None, status: SpfStatus) -> Asking[bool]:
        """Whether SPF came to that for an identity that is aligned."""
        if spf is None or spf.status is not status:
            return False
        return (yield from self._is_aligned(spf.domain, self._policy.record.strict_spf))

    def of_dkim(self, signers: Iterable[SignatureResult], status: Status) -> Asking[bool]:
        """Whether any signature that is aligned came to that."""
        for domain in dict.fromkeys(one.domain for one in signers if one.status is status):
            if (yield from self._is_aligned(domain, self._policy.record.strict_dkim)):
                return True
        return False

    def _is_aligned(self, domain: str, strict: bool) -> Asking[bool]:
        domain = domain.lower().rstrip(".")
        if domain == self._author:
            return True
        if strict or not domain:
            return False
        if not self.measure:
            self.measure = yield from self._walker.organization(self._author)
        # A name belongs to itself or to one above it, so most need no walk of their own.
        if not f".{domain}".endswith(f".{self.measure}"):
            return False
        return (yield from self._walker.organization(domain)) == self.measure


def _described(
    policy: Policy,
    author: str,
    status: Status,
    reason: str,
    *,
    organization: str = "",
    aligned: tuple[bool, bool] = (False, False),
    chance: float = 0.0,
) -> DmarcResult:
    record, requested = policy.record, policy.disposition
    lowered = ""
    if requested is not Disposition.NONE:
        if record.testing:
            lowered = "testing"
        elif chance * 100 >= record.percent:
            lowered = "sampled_out"
    return DmarcResult(
        status=status,
        domain=author,
        policy_domain=policy.domain,
        organizational_domain=organization,
        disposition=requested.milder if lowered else requested,
        spf_aligned=aligned[0],
        dkim_aligned=aligned[1],
        reason=reason,
        testing=record.testing,
        rua=record.rua,
        published=record.tags,
        requested=requested,
        policy_tag=policy.tag,
        lowered=lowered,
    )


def _why_not(spf: SpfResult | None, signers: list[SignatureResult], undecided: bool) -> str:
    if undecided:
        return "not all could be checked"
    passed = [one.domain for one in signers if one.status is Status.PASS]
    if spf is not None and spf.status is SpfStatus.PASS:
        passed.append(spf.domain)
    if passed:
        return f"only {passed[0]} vouches for it"
    return "neither SPF nor DKIM vouches for it"
