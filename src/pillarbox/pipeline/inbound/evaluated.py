"""What DMARC came to for a message, as it is counted for the report to its domain (RFC 9990).

Called by whoever delivers or refuses a message, which counts it (`domain/dmarc/results.count`) in
its transaction.
"""

from collections.abc import Collection

from pillarbox.domain.dmarc.model import (
    DkimCheck,
    Evaluation,
    Kind,
    Override,
    Published,
    SpfCheck,
)
from pillarbox.domain.judgement.model import Verdict
from pillarbox.formats.mailauth.dmarc.evaluate import DmarcResult
from pillarbox.formats.mailauth.results import SignatureResult, Status
from pillarbox.pipeline.inbound.checks.arrival import Arrival

_NAME_MAX = 255
_SEVERITY = ("none", "quarantine", "reject")
_DONE = {
    Verdict.ACCEPT: "none",
    Verdict.JUNK: "quarantine",
    Verdict.QUARANTINE: "quarantine",
    Verdict.REFUSE: "reject",
}
_NOT_TOLD = frozenset(("rua", "ruf"))


def evaluation_of(
    arrival: Arrival, verdict: Verdict, found: Collection[str], *, report: bool
) -> Evaluation | None:
    """What to count of a message, `None` where nothing is.

    That is so where its domain has no record or asks for no reports, where the policy of no
    recipient's domain wants reports sent, and for what is put off, which comes again. `found` are
    the names of findings, `verdict` is the message's; `report` says that it is itself an aggregate
    report, by its header.
    """
    dmarc, wanting = arrival.results.dmarc, _wanting(arrival)
    if dmarc is None or not is_counted(arrival) or verdict is Verdict.DEFER:
        return None
    disposition, overrides = _applied(dmarc, verdict, found)
    spf = arrival.results.spf
    signatures = [one for one in arrival.results.dkim or () if one.domain]
    return Evaluation(
        Published(
            dmarc.policy_domain.lower().rstrip("."),
            tuple(one for one in dmarc.published if one[0] not in _NOT_TOLD),
            dmarc.rua,
            dmarc.organizational_domain.lower().rstrip("."),
        ),
        Kind(
            arrival.peer.ip,
            _name(dmarc.domain),
            _name(arrival.reverse_path.rpartition("@")[2]),
            wanting[0] if len(arrival.policies) == 1 else "",
            disposition,
            dmarc.dkim_aligned,
            dmarc.spf_aligned,
            overrides,
            tuple(map(_check, signatures)),
            # For the null reverse-path MAIL FROM is the name in HELO (RFC 7208 §2.4).
            () if spf is None else (SpfCheck(_name(spf.domain), "mfrom", spf.status.value),),
            report,
        ),
    )


def is_counted(arrival: Arrival) -> bool:
    """Whether anything is counted of a message, unless it is put off; quick."""
    dmarc = arrival.results.dmarc
    return dmarc is not None and bool(dmarc.rua) and bool(_wanting(arrival))


def _wanting(arrival: Arrival) -> list[str]:
    """The domains of recipients whose policy wants reports sent."""
    return sorted(name for name, policy in arrival.policies.items() if policy.dmarc_report)


def _applied(
    dmarc: DmarcResult, verdict: Verdict, found: Collection[str]
) -> tuple[str, tuple[Override, ...]]:
    """What was done with a message because of DMARC, and why no more than that.

    A verdict that is harder than what the domain asks for has other reasons, which are not told.
    """
    if dmarc.status is Status.PASS:
        return "pass", ()
    asked, done = dmarc.requested.value, _DONE[verdict]
    if _SEVERITY.index(done) >= _SEVERITY.index(asked):
        return asked, ()
    if "dmarc_forwarded" in found:
        return done, (Override("trusted_forwarder", "a seal of a host that we trust (ARC)"),)
    if "dmarc_list" in found:
        return done, (Override("mailing_list"),)
    if dmarc.lowered:
        kind = "policy_test_mode" if dmarc.lowered == "testing" else "sampled_out"
        return done, (Override(kind),)
    return done, (Override("local_policy"),)


def _check(one: SignatureResult) -> DkimCheck:
    return DkimCheck(_name(one.domain), _name(one.selector), one.status.value)


def _name(name: str) -> str:
    return name[:_NAME_MAX].lower().rstrip(".")
