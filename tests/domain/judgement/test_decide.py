"""From findings to a verdict."""

import pytest

from pillarbox.domain.judgement.decide import decide
from pillarbox.domain.judgement.model import Action, Finding, Kind, Rules, Run, Stage, Verdict

BAD = Kind("bad", 3.0, "is bad")
GOOD = Kind("good", -2.0, "is good")


def run(*findings: Finding, check: str = "some") -> Run:
    return Run(check, Stage.DATA, 10, findings)


@pytest.mark.parametrize(
    ("points", "verdict"),
    [
        (4.99, Verdict.ACCEPT),
        (5.0, Verdict.JUNK),
        (7.0, Verdict.QUARANTINE),
        (10.0, Verdict.REFUSE),
        (-50.0, Verdict.ACCEPT),
    ],
)
def test_points_decide(points: float, verdict: Verdict) -> None:
    rules = Rules(junk_score=5.0, quarantine_score=7.0, refuse_score=10.0)
    decision = decide([run(BAD.found(points=points))], rules)
    assert (decision.verdict, decision.score) == (verdict, points)


def test_points_of_all_checks_are_added() -> None:
    decision = decide([run(BAD.found(), BAD.found()), run(GOOD.found(), check="other")], Rules())
    assert (decision.verdict, decision.score) == (Verdict.ACCEPT, 4.0)
    assert decision.because == ("bad", "bad", "good")


def test_nothing_is_refused_for_its_points_by_default() -> None:
    assert decide([run(BAD.found(points=1000))], Rules()).verdict is Verdict.JUNK


@pytest.mark.parametrize(
    ("actions", "verdict"),
    [
        ((Action.ALLOW,), Verdict.ACCEPT),
        ((Action.ALLOW, Action.JUNK), Verdict.JUNK),
        ((Action.JUNK, Action.QUARANTINE), Verdict.QUARANTINE),
        ((Action.QUARANTINE, Action.DEFER), Verdict.DEFER),
        ((Action.REFUSE, Action.ALLOW, Action.DEFER), Verdict.REFUSE),
    ],
)
def test_the_strongest_action_wins_over_points(
    actions: tuple[Action, ...], verdict: Verdict
) -> None:
    findings = [BAD.found(points=6, action=one, reply=f"because of {one}") for one in actions]
    decision = decide([run(*findings)], Rules())
    assert decision.verdict is verdict
    assert decision.reply.startswith("because of")


def test_rules_give_other_points_and_actions() -> None:
    rules = Rules(points={"bad": 6.0}, actions={"good": Action.QUARANTINE})
    assert decide([run(BAD.found())], rules).verdict is Verdict.JUNK
    assert decide([run(GOOD.found())], rules).verdict is Verdict.QUARANTINE
    without = Rules(actions={"bad": None})
    assert decide([run(BAD.found(action=Action.REFUSE))], without).verdict is Verdict.ACCEPT


def test_checks_that_are_off_do_not_count() -> None:
    rules = Rules(ignored=frozenset({"some"}))
    assert decide([run(BAD.found(points=9))], rules).score == 0
    assert decide([run(BAD.found(points=9), check="other")], rules).verdict is Verdict.JUNK


def test_findings_of_an_account_count_for_it_alone() -> None:
    runs = [run(BAD.found(points=9, account_id=7))]
    assert decide(runs, Rules(), 7).verdict is Verdict.JUNK
    assert decide(runs, Rules(), 8).verdict is Verdict.ACCEPT
    assert decide(runs, Rules()).verdict is Verdict.ACCEPT
