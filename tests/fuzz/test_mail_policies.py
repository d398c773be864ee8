"""Any records, any fields: DMARC and Authentication-Results raise nothing but GrammarError."""

from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.dmarc import answer
from pillarbox.base.errors import GrammarError
from pillarbox.formats.mailauth.authentication_results import (
    METHODS_MAX,
    MethodResult,
    Property,
    claims_name,
    field,
    parse_arc_results,
    parse_results,
    text_of_results,
)
from pillarbox.formats.mailauth.dmarc.evaluate import Disposition, evaluate
from pillarbox.formats.mailauth.dmarc.record import TAGS_MAX, parse_record, parse_report_uri
from pillarbox.formats.mailauth.results import SignatureResult, Status
from pillarbox.formats.mailauth.spf.result import SpfResult, SpfStatus

FUZZ = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
TAGS = st.one_of(
    st.sampled_from(
        [
            *("p=reject", "p=none", "p=bad", "sp=quarantine", "np=reject", "psd=y", "psd=n", "t=y"),
            *("pct=0", "pct=50", "adkim=s", "aspf=s", "rua=mailto:a@b.test!1m", "rua=,", "=", ""),
            *("v=DMARC1", " p = reject ", "\u00e9=1", "\x00", "ri=1", "fo=1:d", "ruf=mailto:x@y"),
        ]
    ),
    st.text(max_size=8),
)
RECORDS = st.builds(
    lambda start, tags: start + ";".join(tags),
    st.sampled_from(["v=DMARC1;", "v=DMARC1;", "v=DMARC1", "", "v=DMARC1 ; "]),
    st.lists(TAGS, max_size=8),
)
TEXTS = st.one_of(st.none(), st.lists(RECORDS, max_size=2).map(tuple))
LABELS = st.lists(st.sampled_from(["a", "b", "c", "x" * 64]), max_size=9)
DOMAINS = LABELS.map(lambda labels: ".".join([*labels, "example"]))
NAMES = ["example", "a.example", "b.example", "a.a.example", "b.a.example", "c.a.example"]
ZONES = st.dictionaries(st.sampled_from(NAMES), TEXTS)
PIECES = st.sampled_from(
    [
        *(
            "mx.example.test",
            "dkim=pass",
            "spf",
            "=",
            "pass",
            ";",
            " ",
            "/",
            "1",
            ".",
            "header",
            '"',
        ),
        *(
            "(",
            ")",
            "\\",
            "\r\n ",
            "header.d=a",
            'reason="x"',
            "i=1;",
            "\u00fc",
            "\x00",
            '\\"',
            "@",
        ),
    ]
)
VALUES = st.lists(PIECES, max_size=30).map("".join)


@FUZZ
@given(st.one_of(RECORDS, st.text(max_size=200)))
def test_records(text: str) -> None:
    record = parse_record(text)
    if record is None:
        return
    assert record.tags[0] == ("v", "DMARC1")
    assert len(record.tags) <= TAGS_MAX
    assert 0 <= record.percent <= 100
    for uri in (*record.rua, *record.ruf):
        assert parse_report_uri(uri).uri


@FUZZ
@given(ZONES, DOMAINS, DOMAINS, st.lists(DOMAINS, max_size=3), st.floats(0, 0.99))
def test_evaluation(
    zone: Mapping[str, Any], author: str, sender: str, signers: list[str], chance: float
) -> None:
    asked: list[str] = []
    signatures = [SignatureResult(Status.PASS, "", domain=one) for one in signers]
    spf = SpfResult(SpfStatus.PASS, sender)
    found = answer(zone, evaluate(author, spf, signatures, chance), asked)
    assert len(asked) == len(set(asked)) <= 8 * (2 + len(signers)) + 1
    if found.status is Status.PASS:
        assert found.spf_aligned or found.dkim_aligned
        assert found.policy_domain
    if found.status in (Status.NONE, Status.PERMERROR):
        assert found.disposition is Disposition.NONE
    order = list(Disposition)
    assert order.index(found.disposition) <= order.index(found.requested)


@FUZZ
@given(st.one_of(VALUES.map(str.encode), st.binary(max_size=200)))
def test_fields(value: bytes) -> None:
    for parse in (parse_results, parse_arc_results):
        try:
            read = parse(value)
        except GrammarError:
            continue
        assert len(read.results) <= METHODS_MAX
        assert read.authserv_id == read.authserv_id.lower()
    claims_name(value, "mx.example.test")


@FUZZ
@given(VALUES, st.sampled_from(["mx.example.test", '"MX.example.test"', "(x)mx.example.test."]))
def test_our_name_in_front_is_always_seen(value: str, name: str) -> None:
    assert claims_name(f"{name}; {value}".encode(), "mx.example.test")


@FUZZ
@given(st.lists(st.builds(lambda a, b: (a, b), st.text(max_size=40), VALUES), max_size=6))
def test_what_is_written_reads_the_same(wild: list[tuple[str, str]]) -> None:
    """Whatever the values are, no result comes out but those that went in."""
    results = [
        MethodResult("dkim", "pass", (Property("header", "d", value),), reason)
        for value, reason in wild
    ]
    whole = field("mx.example.test", text_of_results(results))
    assert whole.count(b"\r\n") == whole.count(b"\r\n\t") + 1
    assert whole.isascii()
    read = parse_results(whole.partition(b":")[2])
    assert read.authserv_id == "mx.example.test"
    assert len(read.results) == len(results)
    assert {one.method for one in read.results} <= {"dkim"}
    assert all(len(one.properties) <= 1 for one in read.results)
