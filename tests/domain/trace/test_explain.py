"""What a trace says for people."""

from pillarbox.domain.judgement.decide import decide
from pillarbox.domain.judgement.model import Action, Finding, Kind, Rules, Run, Stage, Verdict
from pillarbox.domain.trace.explain import explain
from pillarbox.domain.trace.model import Trace, TracedClient, TracedRecipient, TracedRules

SPF = Kind("spf_fail", 4.0, "comes from a host that may not send for its sender")
DATE = Kind("date_missing", 1.0, "has no Date")
LIST = Kind("friend", -3.0, "is from somebody you wrote to")
BOB = "bob@example.test"


def trace(*findings: Finding, rules: Rules | None = None) -> Trace:
    rules = rules or Rules()
    runs = (Run("some", Stage.DATA, 5, findings),)
    decision = decide(runs, rules)
    return Trace(
        "0" * 13,
        0,
        TracedClient("192.0.2.7"),
        "a@b.test",
        (TracedRecipient(BOB, 1, "Junk", decision=decision),),
        runs=runs,
        rules=(TracedRules.of(rules),),
    )


def test_it_tells_which_factor_would_have_changed_the_outcome() -> None:
    (found,) = explain(trace(SPF.found("192.0.2.7"), DATE.found()))
    assert [one.finding.name for one in found.factors] == ["spf_fail", "date_missing"]
    without = [one.without for one in found.factors]
    assert [one and (one.verdict, one.score) for one in without] == [
        (Verdict.ACCEPT, 1.0),
        (Verdict.ACCEPT, 4.0),
    ]
    assert found.lines[0] == f"{BOB}: put into Junk (Junk), +5.0 points"
    assert "Without 'date_missing' it would have been accepted (+4.0 points)." in found.lines


def test_a_factor_that_changes_nothing_is_not_blamed() -> None:
    (found,) = explain(trace(SPF.found(points=6.0), DATE.found()))
    without = {one.finding.name: one.without for one in found.factors}
    assert without["date_missing"] is None
    assert without["spf_fail"] is not None


def test_it_tells_how_far_from_junk_it_was() -> None:
    (found,) = explain(trace(DATE.found(), LIST.found()))
    assert found.lines[-1] == "7.0 more points, and it would have gone to Junk."


def test_an_action_is_told_with_its_reason() -> None:
    (found,) = explain(trace(SPF.found("x", action=Action.REFUSE), DATE.found()))
    assert found.lines[1] == (
        "This was decided whatever the points: it comes from a host that may not send for its "
        "sender (x)."
    )
    assert "Without 'spf_fail' it would have been accepted (+1.0 points)." in found.lines


def test_it_is_judged_again_by_the_rules_of_that_day() -> None:
    rules = Rules(junk_score=20.0, points={"spf_fail": 21.0}, ignored=frozenset({"other"}))
    (found,) = explain(trace(SPF.found(), rules=rules))
    assert found.factors[0].points == 21.0
    assert found.factors[0].without is not None


def test_a_recipient_that_was_refused_before_has_its_reply() -> None:
    one = Trace("0" * 13, 0, TracedClient(), "", (TracedRecipient(BOB, reply="Come again later"),))
    assert explain(one)[0].lines == (f"{BOB}: refused: Come again later",)
