"""Any bytes as policies, records and reports of TLS: a value or `GrammarError`, in linear time."""

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pillarbox.base.errors import GrammarError
from pillarbox.formats import mta_sts
from pillarbox.formats.reporting import packed
from pillarbox.formats.tls_report import mail, record, report
from pillarbox.formats.tls_required import is_optional

FUZZ = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
_POLICY = ["version: STSv1", "mode: ", "enforce", "none", "mx: ", "*.", "a.b", "max_age: ", "9" * 9]
POLICIES = st.lists(
    st.one_of(
        st.sampled_from(["version: STSv1\n", "mode: none\r\n", "max_age: 1\n", "mx: *.a.b\n"]),
        st.sampled_from([*_POLICY, "\r", "\n", "\r\n", ":", " ", "\t", "\0", "é"]),
        st.text(max_size=5),
    ),
    max_size=30,
).map(lambda parts: "".join(parts).encode("utf-8", "surrogatepass"))
RECORDS = st.lists(
    st.one_of(
        st.sampled_from(["v=STSv1", "v=TLSRPTv1", ";", "; ", "id=", "1", "rua=", "mailto:a@b.c"]),
        st.sampled_from(["https://a.b/", ",", "%", "%00", "@", "=", " ", "\t", "?"]),
        st.text(max_size=5),
    ),
    max_size=20,
).map("".join)
_VALUES: Any = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.floats(),
        st.sampled_from(["2026-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "7"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "policies", "policy", "summary", "failure-details", "date-range", "report-id",
                    "start-datetime", "end-datetime", "policy-string", "mx-host", "result-type",
                    "failed-session-count", "total-failure-session-count",
                ]
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=20,
)  # fmt: skip


@FUZZ
@given(st.one_of(POLICIES, st.binary(max_size=50)))
def test_policies(body: bytes) -> None:
    try:
        found = mta_sts.parse_policy(body)
    except GrammarError:
        return
    assert 0 <= found.max_age_s <= mta_sts.MAX_AGE_S
    assert found.mx or found.mode is mta_sts.Mode.NONE
    # It is kept as it was fetched, and read again.
    assert mta_sts.parse_policy("\n".join(found.lines).encode()) == found
    for pattern in found.mx:
        assert found.allows(pattern.replace("*", "x"))


@FUZZ
@given(st.lists(RECORDS, max_size=3))
def test_records(texts: list[str]) -> None:
    try:
        found = mta_sts.parse_record(texts)
        assert found is None or found.isalnum()
    except GrammarError:
        pass
    try:
        targets = record.parse_record(texts)
    except GrammarError:
        return
    for address in () if targets is None else targets.mail:
        assert address.isascii()
        assert address.isprintable()
        assert not set(address) & set('<>," ')


@FUZZ
@given(st.one_of(_VALUES.map(lambda value: json.dumps(value).encode()), st.binary(max_size=50)))
def test_reports(content: bytes) -> None:
    for read in (report.decode, packed.unpack, mail.extract):
        try:
            read(content)
        except GrammarError:
            pass
    mail.is_report(content)
    is_optional(content)


@FUZZ
@given(_VALUES, _VALUES, _VALUES)
def test_reports_come_back(policies: Any, dates: Any, other: Any) -> None:
    content = {
        "report-id": "1",
        "date-range": {"start-datetime": "2026-01-01T00:00:00Z", "end-datetime": dates},
        "policies": [{"policy": {"policy-string": other}, "failure-details": policies}, policies],
    }
    for spoiled in (content, content | {"policies": content["policies"][:1]}):
        try:
            found = report.decode(json.dumps(spoiled).encode())
        except GrammarError:
            continue
        assert report.decode(report.encode(found)) == found


@pytest.mark.parametrize(
    "body",
    [
        one * (mta_sts.MAX_POLICY_BYTES // len(one))
        for one in (b"x: y\n", b"x:", b" ", b"x: y ", b"\n", b"\r", b"mx: a.b\n", b"mx: a.", b"a")
    ],
)
def test_long_policies(body: bytes) -> None:
    start = time.process_time()
    with pytest.raises(GrammarError):
        mta_sts.parse_policy(body)
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    "content",
    [
        one * (report.MAX_JSON_BYTES // len(one))
        for one in (b"[", b'{"policies":[', b"[{},", b'"\\u0000', b" ", b"1")
    ],
)
def test_long_reports(content: bytes) -> None:
    start = time.process_time()
    with pytest.raises(GrammarError):
        report.decode(content)
    assert time.process_time() - start < 2
