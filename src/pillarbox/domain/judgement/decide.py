"""From findings to a verdict: the only place where that is done.

Pure, so that the same function judges mail when it comes (`pipeline/inbound/judging`) and tells
afterwards what would have changed the outcome (`domain/trace/explain`).
"""

from collections.abc import Iterable, Sequence

from pillarbox.domain.judgement.model import Action, Decision, Finding, Rules, Run, Verdict

_RANK = {action: rank for rank, action in enumerate(Action)}
_VERDICTS = {
    Action.ALLOW: Verdict.ACCEPT,
    Action.JUNK: Verdict.JUNK,
    Action.QUARANTINE: Verdict.QUARANTINE,
    Action.DEFER: Verdict.DEFER,
    Action.REFUSE: Verdict.REFUSE,
}
REFUSED = "This message looks like spam; its recipient can still rescue it"
SCORE_DIGITS = 2


def decide(runs: Iterable[Run], rules: Rules, account_id: int | None = None) -> Decision:
    """The verdict for a recipient with these rules, and with this account if it has one.

    The action of the highest rank wins; only without any the points decide.
    """
    findings = [_ruled(one, rules) for one in counted(runs, rules, account_id)]
    score = round(sum(one.points for one in findings), SCORE_DIGITS)
    strongest = max(
        (one.action for one in findings if one.action is not None),
        key=lambda action: _RANK[action],
        default=None,
    )
    if strongest is not None:
        decisive = [one for one in findings if one.action is strongest]
        reply = next((one.reply for one in decisive if one.reply), "")
        return Decision(_VERDICTS[strongest], score, tuple(one.name for one in decisive), reply)
    because = tuple(one.name for one in findings if one.points)
    verdict = by_score(score, rules)
    return Decision(verdict, score, because, REFUSED if verdict is Verdict.REFUSE else "")


def by_score(score: float, rules: Rules) -> Verdict:
    """What points alone come to."""
    if rules.refuse_score is not None and score >= rules.refuse_score:
        return Verdict.REFUSE
    if rules.quarantine_score is not None and score >= rules.quarantine_score:
        return Verdict.QUARANTINE
    if rules.junk_score is not None and score >= rules.junk_score:
        return Verdict.JUNK
    return Verdict.ACCEPT


def counted(runs: Iterable[Run], rules: Rules, account_id: int | None = None) -> Sequence[Finding]:
    """The findings that count for a recipient, with the points and actions of the checks."""
    return [
        one
        for run in runs
        if run.check not in rules.ignored
        for one in run.findings
        if one.account_id is None or one.account_id == account_id
    ]


def _ruled(finding: Finding, rules: Rules) -> Finding:
    name = finding.name
    points = rules.points.get(name, finding.points)
    action = rules.actions.get(name, finding.action)
    if points == finding.points and action is finding.action:
        return finding
    return Finding(name, points, finding.text, finding.detail, action, finding.reply)
