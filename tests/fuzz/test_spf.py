"""Any record and any answer: a check ends within its limits, says why, and never raises."""

from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pillarbox.base.errors import GrammarError
from pillarbox.formats.dns_lists import DnsList, parse_lists, read_answer
from pillarbox.formats.mailauth.spf.check import (
    EXPLANATION_MAX,
    QUESTIONS_MAX,
    Request,
    check_host,
)
from pillarbox.formats.mailauth.spf.macro import DOMAIN_MAX, parse_domain_spec, parse_macro_string
from pillarbox.formats.mailauth.spf.question import Answer, Question, QuestionKind
from pillarbox.formats.mailauth.spf.record import parse_record
from pillarbox.formats.mailauth.spf.result import SpfResult, SpfStatus

FUZZ = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
MACROS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *("%{s}", "%{L}", "%{o2r}", "%{d9r.-+,/_=}", "%{ir}", "%{p}", "%{v}", "%{h}", "%%"),
                *("%_", "%-", "%{", "%{c}", "%{r}", "%{t}", "%", ".", ".test", "a", "-", "1", ".."),
            ]
        ),
        st.text(max_size=3),
    ),
    max_size=8,
).map("".join)
TERMS = st.one_of(
    st.builds(
        "{}{}:{}{}".format,
        st.sampled_from(["", "-", "~", "?", "+"]),
        st.sampled_from(["a", "mx", "ptr", "exists", "include", "ip4", "ip6", "all", "x"]),
        MACROS,
        st.sampled_from(["", "/24", "//64", "/24//64", "/", "/999"]),
    ),
    st.builds("{}={}".format, st.sampled_from(["redirect", "exp", "x"]), MACROS),
    st.sampled_from(["a", "mx", "ptr", "-all", "include:a.test", "redirect=b.test", "exp=c.test"]),
    st.text(max_size=5),
)
RECORDS = st.lists(TERMS, max_size=12).map(lambda terms: " ".join(("v=spf1", *terms)))
NAMES = st.sampled_from(["a.test", "b.test", "x..y", "", ".", "a" * 300, "\x00", "ü.test"])
ANSWERS = st.one_of(
    st.none(),
    st.just(()),
    st.lists(RECORDS, min_size=1, max_size=2).map(tuple),
    st.lists(NAMES, max_size=15).map(tuple),
    st.lists(st.sampled_from(["192.0.2.7", "2001:db8::7", "x", ""]), max_size=5).map(tuple),
)
SENDERS = st.one_of(
    st.sampled_from(["ann@a.test", "@a.test", "a-b.c+d@a.test", "ü@a.test", "a\r\nb@a.test"]),
    st.text(max_size=20),
)


@FUZZ
@given(
    st.sampled_from(["192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7", "", "x"]),
    SENDERS,
    st.text(max_size=20),
    st.lists(RECORDS, min_size=1, max_size=8),
    st.lists(ANSWERS, max_size=20),
)
def test_any_record_and_answer(
    ip: str, sender: str, helo: str, records: list[str], answers: list[Answer]
) -> None:
    asked = 0

    def answer(question: Question) -> Answer:
        assert question.name == question.name.lower()
        assert len(question.name) <= DOMAIN_MAX
        if question.kind is QuestionKind.TXT:
            return (records[asked % len(records)],)
        return answers[asked % len(answers)] if answers else ()

    checking = check_host(Request(ip, sender, helo))
    result: SpfResult | None = None
    try:
        question = next(checking)
        while True:
            asked += 1
            assert asked <= QUESTIONS_MAX
            question = checking.send(answer(question))
    except StopIteration as stop:
        result = stop.value
    assert result is not None
    assert 0 <= result.lookups <= 10
    assert len(result.explanation) <= EXPLANATION_MAX
    assert all(" " <= one <= "~" for one in result.explanation)
    if result.status in (SpfStatus.PERMERROR, SpfStatus.TEMPERROR):
        assert result.reason


@FUZZ
@given(st.one_of(RECORDS, st.text(max_size=50).map(lambda text: "v=spf1 " + text)))
def test_records(text: str) -> None:
    with suppress(GrammarError):
        record = parse_record(text)
        assert text.isascii()
        assert len(record.directives) <= len(text.split(" "))


@FUZZ
@given(MACROS, st.text(max_size=30))
def test_macros(text: str, value: str) -> None:
    values = dict.fromkeys("slodiphvcrt", value)
    for explanation in (False, True):
        with suppress(GrammarError):
            parse_macro_string(text, explanation=explanation).expand(values)
    with suppress(GrammarError):
        assert len(parse_domain_spec(text).expand_domain(values)) <= DOMAIN_MAX


@FUZZ
@given(st.text(alphabet="abc.:=&,-127 \n\x00ü", max_size=40), st.lists(st.text(max_size=16)))
def test_lists(setting: str, answers: list[str]) -> None:
    with suppress(ValueError):
        for one in parse_lists(setting):
            read_answer(one, tuple(answers))
    found = read_answer(DnsList("l.test"), tuple(answers))
    assert not (found.codes and found.fault)
