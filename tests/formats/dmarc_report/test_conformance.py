"""Reports as they come from others have the values that another reader finds in them."""

import json
from pathlib import Path
from typing import Any

import pytest

from pillarbox.formats.dmarc_report.model import Extension, Record, Report
from pillarbox.formats.dmarc_report.read import decode
from pillarbox.formats.dmarc_report.write import encode

VECTORS = Path(__file__).parents[4] / "shared" / "conformance" / "reports"
NAMES = sorted(path.stem for path in VECTORS.glob("dmarc-feedback-*.xml"))
SCOPES = {"mfrom": "MailFrom", "helo": "Helo"}
MODES = {"r": "Relaxed", "s": "Strict"}
# The other reader knows the reasons of RFC 9990 only.
REASONS = {"trusted_forwarder": "TrustedForwarder", "sampled_out": "Other"}


def _word(text: str) -> str:
    return text.capitalize() or "Unspecified"


def _extensions(found: tuple[Extension, ...]) -> list[dict[str, str]]:
    return [{"name": one.name, "definition": one.definition} for one in found]


def _record(record: Record) -> dict[str, Any]:
    return {
        "row": {
            "source_ip": record.source_ip,
            "count": record.count,
            "policy_evaluated": {
                "disposition": _word(record.disposition),
                "dkim": "Pass" if record.dkim else "Fail",
                "spf": "Pass" if record.spf else "Fail",
                "reason": [
                    {"type_": REASONS[one.kind], "comment": one.comment} for one in record.reasons
                ],
            },
        },
        "identifiers": {
            "envelope_to": record.envelope_to,
            "envelope_from": record.envelope_from,
            "header_from": record.header_from,
        },
        "auth_results": {
            "dkim": [
                {
                    "domain": one.domain,
                    "selector": one.selector,
                    "result": _word(one.result),
                    "human_result": one.human_result or None,
                }
                for one in record.dkim_results
            ],
            "spf": [
                {
                    "domain": one.domain,
                    "scope": SCOPES.get(one.scope, "Unspecified"),
                    "result": _word(one.result),
                    "human_result": one.human_result or None,
                }
                for one in record.spf_results
            ],
        },
        "extensions": _extensions(record.extensions),
    }


def _as_theirs(report: Report) -> dict[str, Any]:
    policy = report.policy
    return {
        "version": float(report.version or 0),
        "report_metadata": {
            "org_name": report.organization,
            "email": report.email,
            "extra_contact_info": report.extra_contact or None,
            "report_id": report.id,
            "date_range": {
                "begin": int(report.start.timestamp()),
                "end": int(report.end.timestamp()),
            },
            "error": list(report.errors),
            "generator": report.generator or None,
        },
        "policy_published": {
            "domain": policy.domain,
            "version_published": policy.version or None,
            "adkim": MODES.get(policy.adkim, "Unspecified"),
            "aspf": MODES.get(policy.aspf, "Unspecified"),
            "p": _word(policy.p),
            "sp": _word(policy.sp),
            "np": _word(policy.np),
            "testing": policy.testing,
            "discovery_method": _word(policy.discovery_method),
            "fo": policy.fo or None,
        },
        "record": [_record(one) for one in report.records],
        "extensions": _extensions(report.extensions),
    }


@pytest.mark.skipif(not NAMES, reason=f"no vectors in {VECTORS.name}")
@pytest.mark.parametrize("name", NAMES)
def test_values(name: str) -> None:
    expected = json.loads((VECTORS / f"{name}.json").read_text("utf-8"))
    # Some of theirs were written before the fields of RFC 9990 were known.
    expected["report_metadata"].setdefault("generator", None)
    expected["policy_published"].setdefault("np", "Unspecified")
    expected["policy_published"].setdefault("discovery_method", "Unspecified")
    found = decode((VECTORS / f"{name}.xml").read_bytes())
    assert _as_theirs(found) == expected


@pytest.mark.skipif(not NAMES, reason=f"no vectors in {VECTORS.name}")
@pytest.mark.parametrize("name", NAMES)
def test_they_can_be_written_again(name: str) -> None:
    found = decode((VECTORS / f"{name}.xml").read_bytes())
    again = decode(encode(found))
    if not found.version:
        assert again.version == "1.0"
    assert _as_theirs(again) | {"version": 0} == _as_theirs(found) | {"version": 0}
