"""What a trace says holds for any findings, and takes its time at most."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.app.cli.trace import told
from pillarbox.domain.judgement.decide import decide
from pillarbox.domain.judgement.model import Action, Finding, Rules, Run, Stage
from pillarbox.domain.trace.explain import explain
from pillarbox.domain.trace.model import Trace, TracedClient, TracedRecipient, TracedRules

MOST_S = 5.0
RECIPIENTS = 100

NAMES = st.sampled_from(["spf_fail", "date_missing", "bad", "odd"])
POINTS = st.floats(-20, 20, allow_nan=False).map(lambda value: round(value, 1))
FINDINGS = st.builds(
    Finding,
    NAMES,
    POINTS,
    st.text(max_size=10),
    st.text(max_size=10),
    st.none() | st.sampled_from(Action),
    st.text(max_size=10),
    st.none() | st.integers(1, 3),
)
RUNS = st.lists(
    st.builds(
        Run,
        st.sampled_from(["spf", "headers", "dkim"]),
        st.sampled_from(Stage),
        st.integers(0, 10**7),
        st.lists(FINDINGS, max_size=6).map(tuple),
        st.text(max_size=10),
    ),
    max_size=6,
).map(tuple)
LIMITS = st.none() | st.floats(0, 20)
RULES = st.builds(
    Rules,
    LIMITS,
    LIMITS,
    LIMITS,
    st.dictionaries(NAMES, POINTS, max_size=2),
    st.dictionaries(NAMES, st.none() | st.sampled_from(Action), max_size=2),
    st.frozensets(st.sampled_from(["spf", "dkim"])),
)


def trace(runs: tuple[Run, ...], rules: Rules, accounts: int = 2) -> Trace:
    return Trace(
        "0" * 13,
        0,
        TracedClient(),
        "",
        tuple(
            TracedRecipient(f"u{one}@b.test", one, decision=decide(runs, rules, one))
            for one in range(1, accounts + 1)
        ),
        runs=runs,
        rules=(TracedRules.of(rules),),
    )


@settings(max_examples=200, deadline=None)
@given(RUNS, RULES)
def test_each_factor_is_judged_as_if_it_were_not_there(runs: tuple[Run, ...], rules: Rules) -> None:
    one = trace(runs, rules)
    for explanation in explain(one):
        account = explanation.recipient.account_id
        decision = explanation.recipient.decision
        assert decision is not None
        for factor in explanation.factors:
            assert factor.finding.account_id in (None, account)
            assert factor.check not in rules.ignored
            rest = tuple(without(run, factor.finding) for run in runs)
            other = decide(rest, rules, account)
            if other.verdict is decision.verdict:
                assert factor.without is None
            else:
                assert factor.without is not None
                assert factor.without.verdict is other.verdict
                assert factor.without.score == other.score
    assert all(line.isprintable() for line in told(one, everything=True))


def without(run: Run, finding: Finding) -> Run:
    kept = tuple(one for one in run.findings if one is not finding)
    return Run(run.check, run.stage, run.took_us, kept)


def test_many_findings_for_many_take_little_time() -> None:
    """More than a message has, for as many as one is taken for at once."""
    common = tuple(
        Finding(f"f{number}", number % 7 - 3.0, "is odd", "x" * 300) for number in range(60)
    )
    own = tuple(
        Finding(f"own{number}", 0.1, "is odd to you", account_id=account)
        for account in range(1, RECIPIENTS + 1)
        for number in range(3)
    )
    runs = (
        *(Run(f"c{n}", Stage.DATA, 1, common[n * 3 : n * 3 + 3]) for n in range(20)),
        Run("own", Stage.VERDICT, 1, own),
    )
    one = trace(runs, Rules(), RECIPIENTS)
    began_s = time.process_time()
    found = explain(one)
    assert time.process_time() - began_s < MOST_S
    assert [len(one.factors) for one in found] == [63] * RECIPIENTS
