"""What a trace says, for people: what was found, what came of it, what would have changed that.

Pure. Shown by `app/cli/trace`, and by whatever else shows traces.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pillarbox.domain.judgement.decide import counted, decide
from pillarbox.domain.judgement.model import Decision, Finding, Rules, Run, Verdict
from pillarbox.domain.trace.model import Trace, TracedRecipient

_HAPPENED = {
    Verdict.ACCEPT: "accepted",
    Verdict.JUNK: "put into Junk",
    Verdict.QUARANTINE: "kept in quarantine",
    Verdict.DEFER: "put off: the sender was asked to try again later",
    Verdict.REFUSE: "refused",
}
QUEUE, QUARANTINE = "queue", "quarantine"
_WOULD = {
    Verdict.ACCEPT: "would have been accepted",
    Verdict.JUNK: "would have gone to Junk",
    Verdict.QUARANTINE: "would have gone into quarantine",
    Verdict.DEFER: "would have been put off",
    Verdict.REFUSE: "would have been refused",
}


@dataclass(frozen=True, slots=True)
class Factor:
    """A finding as it counted for one recipient; `without` is the verdict there had been without
    it, `None` where that is the same."""

    finding: Finding
    check: str
    points: float
    without: Decision | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What became of the message for one recipient, and why."""

    recipient: TracedRecipient
    factors: tuple[Factor, ...]
    lines: tuple[str, ...]


def explain(trace: Trace) -> tuple[Explanation, ...]:
    """Each recipient's outcome."""
    return tuple(_explained(trace, one) for one in trace.recipients)


def _explained(trace: Trace, recipient: TracedRecipient) -> Explanation:
    decision = recipient.decision
    if decision is None:
        return Explanation(recipient, (), (f"{_named(recipient)}: {_unjudged(recipient)}",))
    rules = _rules(trace, recipient)
    # Other recipients' findings, of which there may be many more, are left out once.
    runs = [
        Run(one.check, one.stage, one.took_us, tuple(counted((one,), rules, recipient.account_id)))
        for one in trace.runs
    ]
    factors = tuple(
        _factor(runs, run, finding, rules, recipient, decision)
        for run in runs
        for finding in run.findings
    )
    factors = tuple(sorted(factors, key=lambda one: -abs(one.points)))
    happened = _happened(recipient, decision.verdict, whole=bool(trace.refused))
    lines = _lines(recipient, happened, decision, rules, factors)
    return Explanation(recipient, factors, tuple(lines))


def _rules(trace: Trace, recipient: TracedRecipient) -> Rules:
    known = trace.rules
    return known[recipient.rules].rules() if recipient.rules < len(known) else Rules()


def _factor(
    runs: Sequence[Run],
    run: Run,
    finding: Finding,
    rules: Rules,
    recipient: TracedRecipient,
    decision: Decision,
) -> Factor:
    rest = [
        Run(one.check, one.stage, one.took_us, tuple(f for f in one.findings if f is not finding))
        for one in runs
    ]
    other = decide(rest, rules, recipient.account_id)
    points = rules.points.get(finding.name, finding.points)
    changed = other.verdict is not decision.verdict
    return Factor(finding, run.check, points, other if changed else None)


def _lines(
    recipient: TracedRecipient,
    happened: str,
    decision: Decision,
    rules: Rules,
    factors: Sequence[Factor],
) -> list[str]:
    lines = [f"{_named(recipient)}: {happened}, {_points(decision.score)}"]
    forced = [one for one in factors if one.finding.name in decision.because]
    by_action = any(rules.actions.get(f.finding.name, f.finding.action) for f in forced)
    if by_action:
        why = "; ".join(f"it {sentence(one.finding)}" for one in forced)
        lines.append(f"This was decided whatever the points: {why}.")
    else:
        lines.append(_thresholds(rules))
    lines += [
        f"Without '{one.finding.name}' it {_WOULD[one.without.verdict]}"
        f" ({_points(one.without.score)})."
        for one in factors
        if one.without is not None
    ]
    nearest = "" if by_action else _nearest(decision, rules)
    if nearest:
        lines.append(nearest)
    return lines


def sentence(finding: Finding) -> str:
    """What goes on after "it "; with the detail, if there is one."""
    return f"{finding.text} ({finding.detail})" if finding.detail else finding.text


def _named(recipient: TracedRecipient) -> str:
    """The address that was given, and where it led."""
    return f"{recipient.path} → {recipient.address}" if recipient.address else recipient.path


def _unjudged(recipient: TracedRecipient) -> str:
    if recipient.reply:
        return f"refused: {recipient.reply}"
    return recipient.placement or "accepted as a recipient, but no message followed"


def _happened(recipient: TracedRecipient, verdict: Verdict, *, whole: bool) -> str:
    """What became of it, which the others it was for may have changed; `whole`: refused to all."""
    place, reply = recipient.placement, recipient.reply
    if reply and not place:
        if verdict in (Verdict.REFUSE, Verdict.DEFER):
            return f"{_HAPPENED[verdict]} ({reply})"
        if not whole:
            return f"refused by its recipient's filter ({reply})"
        return f"{_WOULD[verdict]}, but nobody got the message ({reply})"
    if place == QUEUE:
        if recipient.account_id is None:
            return "passed on to where the address leads"
        return "accepted; it waits in the queue until the mailbox has room"
    if place == QUARANTINE and verdict is Verdict.REFUSE:
        return "kept in quarantine; it would have been refused, had not others got it"
    return f"{_HAPPENED[verdict]} ({place})" if place else _HAPPENED[verdict]


def _points(score: float) -> str:
    return f"{score:+.1f} points"


def _thresholds(rules: Rules) -> str:
    limits = (
        ("Junk", rules.junk_score),
        ("quarantine", rules.quarantine_score),
        ("refusal", rules.refuse_score),
    )
    told = [f"{name} from {limit:g}" for name, limit in limits if limit is not None]
    return f"The points decided: {', '.join(told)}." if told else "Points decide nothing here."


def _nearest(decision: Decision, rules: Rules) -> str:
    if decision.verdict is not Verdict.ACCEPT or rules.junk_score is None:
        return ""
    missing = rules.junk_score - decision.score
    return f"{missing:.1f} more points, and it would have gone to Junk." if missing > 0 else ""
