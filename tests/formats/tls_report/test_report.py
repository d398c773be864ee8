"""Reports as JSON, ours and others'."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.reporting.packed import MAX_PACKED_BYTES, pack, unpack
from pillarbox.formats.tls_report import report as module
from pillarbox.formats.tls_report.report import (
    FailureDetail,
    PolicyResult,
    Report,
    decode,
    encode,
)

REPORT = Report(
    "Example Inc.",
    "tls@here.example",
    "20260101.abc@here.example",
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC),
    (
        PolicyResult(
            "sts",
            "there.example",
            ("version: STSv1", "mode: testing", "mx: *.there.example", "max_age: 86400"),
            ("*.there.example",),
            5326,
            303,
            (
                FailureDetail(
                    "certificate-expired", 100, "mx1.there.example", "203.0.113.5", "192.0.2.1"
                ),
                FailureDetail("validation-failure", 203, reason="x", information="y", helo="z"),
            ),
        ),
        PolicyResult("no-policy-found", "there.example", successes=3),
    ),
)


def test_what_is_written() -> None:
    """The form of RFC 8460 §4.4, and of its example in Appendix B."""
    assert json.loads(encode(REPORT)) == {
        "organization-name": "Example Inc.",
        "date-range": {
            "start-datetime": "2026-01-01T00:00:00Z",
            "end-datetime": "2026-01-01T23:59:59Z",
        },
        "contact-info": "tls@here.example",
        "report-id": "20260101.abc@here.example",
        "policies": [
            {
                "policy": {
                    "policy-type": "sts",
                    "policy-string": [
                        "version: STSv1",
                        "mode: testing",
                        "mx: *.there.example",
                        "max_age: 86400",
                    ],
                    "policy-domain": "there.example",
                    "mx-host": ["*.there.example"],
                },
                "summary": {
                    "total-successful-session-count": 5326,
                    "total-failure-session-count": 303,
                },
                "failure-details": [
                    {
                        "result-type": "certificate-expired",
                        "sending-mta-ip": "192.0.2.1",
                        "receiving-mx-hostname": "mx1.there.example",
                        "receiving-ip": "203.0.113.5",
                        "failed-session-count": 100,
                    },
                    {
                        "result-type": "validation-failure",
                        "receiving-mx-helo": "z",
                        "failed-session-count": 203,
                        "additional-information": "y",
                        "failure-reason-code": "x",
                    },
                ],
            },
            {
                "policy": {"policy-type": "no-policy-found", "policy-domain": "there.example"},
                "summary": {
                    "total-successful-session-count": 3,
                    "total-failure-session-count": 0,
                },
            },
        ],
    }


def test_it_comes_back() -> None:
    assert decode(encode(REPORT)) == REPORT
    assert decode(unpack(pack(encode(REPORT)))) == REPORT
    assert pack(b"x") == pack(b"x")


def _smallest(**policy: Any) -> dict[str, Any]:
    return {
        "date-range": {
            "start-datetime": "2026-01-01T01:00:00+01:00",
            "end-datetime": "2026-01-02T00:00:00",
        },
        "report-id": "1",
        "policies": [{"policy": policy}],
    }


def test_what_others_write() -> None:
    """Numbers as strings, a text where a list belongs, the other name of mx-host, extra fields."""
    content = _smallest(
        **{
            "policy-string": "version: STSv1",
            "mx-host-pattern": "*.X.example",
            "policy-domain": "X.example.",
            "what": {"is": [1]},
        }
    )
    content["policies"][0]["summary"] = {
        "total-successful-session-count": "7",
        "total-failure-session-count": -1,
    }
    content["policies"][0]["failure-details"] = [
        {"result-type": "STARTTLS-not-supported", "failed-session-count": 1, "receiving-ip": None}
    ]
    found = decode(json.dumps(content).encode())
    assert found.start == datetime(2026, 1, 1, tzinfo=UTC)
    assert found.end == datetime(2026, 1, 2, tzinfo=UTC)
    assert found.policies == (
        PolicyResult(
            "no-policy-found",
            "x.example",
            ("version: STSv1",),
            ("*.X.example",),
            7,
            0,
            (FailureDetail("starttls-not-supported", 1),),
        ),
    )


def test_texts_are_made_harmless() -> None:
    content = _smallest() | {"organization-name": "a\r\nb\x1b[31m" + "c" * 5000}
    found = decode(json.dumps(content).encode())
    assert found.organization.startswith("a  b [31mc")
    assert len(found.organization) == 1000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"x":' + b"[" * 100_000,
        json.dumps(_smallest() | {"report-id": ""}).encode(),
        json.dumps(_smallest() | {"policies": []}).encode(),
        json.dumps(_smallest() | {"policies": {}}).encode(),
        json.dumps(
            _smallest() | {"date-range": {"start-datetime": "x", "end-datetime": "y"}}
        ).encode(),
        json.dumps(_smallest()).replace("2026-01-01T01", "0001-01-01T00").encode(),
    ],
)
def test_no_reports(content: bytes) -> None:
    with pytest.raises(GrammarError):
        decode(content)


def test_bombs() -> None:
    with pytest.raises(GrammarError, match="too large"):
        unpack(pack(bytes(module.MAX_JSON_BYTES + 1)))
    with pytest.raises(GrammarError, match="too large"):
        unpack(bytes(MAX_PACKED_BYTES + 1))
    with pytest.raises(GrammarError, match="too large"):
        decode(b" " * (module.MAX_JSON_BYTES + 1))
    assert len(unpack(pack(bytes(module.MAX_JSON_BYTES)))) == module.MAX_JSON_BYTES
    with pytest.raises(GrammarError, match="cut off"):
        unpack(pack(b"x" * 1000)[:-4])
    with pytest.raises(GrammarError, match="no gzip"):
        unpack(b"xyz")


def test_many_details() -> None:
    detail = {"result-type": "x", "failed-session-count": 1}
    content = _smallest()
    content["policies"][0]["failure-details"] = [detail] * (module.MAX_DETAILS + 1)
    content["policies"] *= 2
    found = decode(json.dumps(content).encode())
    assert [len(one.details) for one in found.policies] == [module.MAX_DETAILS, 0]
