"""caldav-server-tester: every feature it looks for is there, or its absence has a reason."""

import ast
import json
import os
from pathlib import Path
from typing import Final

import pytest

from interop.environments import python_environment
from interop.programs import ALICE, BOB, HOST, run
from interop.test_caldav_library import PINS
from kit.live import live_server

REASONS: Final = {
    "create-calendar.auto": "a PUT into a calendar that isn't there makes none: RFC 4791 §5.3.2",
    "well-known": "it doesn't ask loopback hosts; tests/dialogs/dav and curl do",
    "search.time-range.comp-type-optional": (
        "RFC 4791 §9.9 gives VCALENDAR no time range: refused with supported-filter"
    ),
    "search.text.comp-type-optional": (
        "RFC 4791 §9.7.2: a prop-filter in VCALENDAR's filter is about VCALENDAR's own properties"
    ),
    "url.encode-at.identity": (
        "both spellings are one object, and RFC 4791 §5.3.2.1 forbids to put another UID there: "
        "the tester can't tell that from a server that is confused"
    ),
    "scheduling.schedule-tag.stable-partstat": (
        "by RFC 6638 §3.2.10 a PUT of the attendee changes the tag, only what the server does by "
        "itself may leave it"
    ),
}
"""Features that are not `full`, with the reason."""
LEAST = 100


@pytest.mark.timeout(600)
def test_features(tmp_path: Path) -> None:
    environment = python_environment(PINS)
    with live_server(tmp_path) as server:
        url = f"http://{HOST}:{server.port('WEBCLIENT')}/dav/"
        sections = {
            name: {"caldav_url": url, "caldav_user": who, "caldav_pass": server.password}
            for name, who in (("default", ALICE), ("second", BOB))
        }
        settings = tmp_path / "calendar.conf"
        settings.write_text(json.dumps(sections))
        output = run(
            str(environment / "bin" / "caldav-server-tester"),
            *("--config-section", "default", "--config-section", "second", "--format", "hints"),
            env={"PATH": os.defpath, "HOME": str(tmp_path), "CALDAV_CONFIG_FILE": str(settings)},
            limit_s=240,
        )
        assert server.stop() == 0
        assert "Traceback" not in server.log()
    start = output.index("{\n")
    features = ast.literal_eval(output[start : output.index("\n}", start) + 2])
    assert len(features) >= LEAST
    short = {
        name: found for name, found in features.items() if found.get("support", "full") != "full"
    }
    assert short.keys() == REASONS.keys(), short
