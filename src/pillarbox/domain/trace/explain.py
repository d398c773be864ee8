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
        outcome = f"refused: {recipient.reply}" if recipient.reply else _placed(recipient)
        return Explanation(recipient, (), (f"{recipient.path}: {outcome}",))
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
    return Explanation(recipient, factors, tuple(_lines(recipient, decision, rules, factors)))


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
    recipient: TracedRecipient, decision: Decision, rules: Rules, factors: Sequence[Factor]
) -> list[str]:
    verdict = decision.verdict
    place = f" ({_placed(recipient)})" if recipient.placement or recipient.reply else ""
    lines = [f"{recipient.path}: {_HAPPENED[verdict]}{place}, {_points(decision.score)}"]
    forced = [one for one in factors if one.finding.name in decision.because]
    if any(rules.actions.get(f.finding.name, f.finding.action) for f in forced):
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
    nearest = _nearest(decision, rules)
    if nearest:
        lines.append(nearest)
    return lines


def sentence(finding: Finding) -> str:
    """What goes on after "it "; with the detail, if there is one."""
    return f"{finding.text} ({finding.detail})" if finding.detail else finding.text


def _placed(recipient: TracedRecipient) -> str:
    if recipient.reply and not recipient.placement:
        return recipient.reply
    return recipient.placement or "delivered"


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
