"""The half of the openspf test suite for RFC 7208 that lies beside the repository: every case."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.spf import SpfZone, checked, zone_of
from pillarbox.formats.mailauth.spf.check import Request, mail_from

VECTORS = Path(__file__).parents[5] / "shared" / "conformance" / "spf" / "rfc7208-tests-part.yml"
pytestmark = pytest.mark.skipif(not VECTORS.is_file(), reason="no vectors in spf")
CASES = 125
DEFAULT = ""
"""What the suite calls the text where the domain published none that can be told."""


def scenarios() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(VECTORS.read_text("utf-8"))) if VECTORS.is_file() else []


def cases() -> list[object]:
    return [
        pytest.param(zone_of(scenario["zonedata"]), case, id=name)
        for scenario in scenarios()
        for name, case in scenario["tests"].items()
    ]


def test_none_is_left_out() -> None:
    assert len(cases()) == CASES


@pytest.mark.parametrize(("zone", "case"), cases())
def test_outcome(zone: SpfZone, case: dict[str, Any]) -> None:
    sender = mail_from(case["mailfrom"], case["helo"])
    found = checked(zone, Request(case["host"], sender, case["helo"]))
    allowed = case["result"] if isinstance(case["result"], list) else [case["result"]]
    assert found.status in allowed, found
    if "explanation" in case:
        expected = case["explanation"]
        assert found.explanation == (DEFAULT if expected == "DEFAULT" else expected)
