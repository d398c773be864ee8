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


def test_a_recipient_to_whom_nothing_was_sent_did_not_get_it() -> None:
    one = Trace("0" * 13, 0, TracedClient(), "", (TracedRecipient(BOB),))
    assert explain(one)[0].lines == (f"{BOB}: accepted as a recipient, but no message followed",)


def test_points_are_not_said_to_matter_where_they_do_not() -> None:
    (found,) = explain(trace(LIST.found(action=Action.ALLOW), DATE.found()))
    assert found.lines[1].startswith("This was decided whatever the points")
    assert not any("more points" in line for line in found.lines)


def test_what_counts_for_one_account_does_not_count_for_another() -> None:
    runs = (Run("some", Stage.DATA, 5, (SPF.found(), DATE.found(account_id=1))),)
    told = Trace(
        "0" * 13,
        0,
        TracedClient(),
        "",
        tuple(
            TracedRecipient(f"{number}@b.test", number, decision=decide(runs, Rules(), number))
            for number in (1, 2)
        ),
        runs=runs,
        rules=(TracedRules.of(Rules()),),
    )
    first, second = explain(told)
    assert [one.finding.name for one in first.factors] == ["spf_fail", "date_missing"]
    assert [one.finding.name for one in second.factors] == ["spf_fail"]
    assert all(one.without is not None for one in first.factors)
    assert second.factors[0].without is None
