"""python-caldav: its own tests, from its sdist, against a server with two users."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Final

import pytest

from interop.environments import python_environment
from interop.programs import ALICE, BOB, HOST, run
from kit.live import live_server

PINS = Path(__file__).parent / "python_caldav"
TESTS_S = 240
DESELECTED: Final = {
    "test_caldav.py::TestGetDAVClient::testAutoEmbeddedServer": "is about Xandikos in its process",
    "test_caldav.py::TestGetCalendarsConfig::test_multi_server_meta_section": "wants two servers",
    "test_caldav.py::TestProxy": "is about a proxy between the library and any server",
    "test_caldav.py::TestForServerpillarbox::testCheckCompatibility": "is test_caldav_tester.py",
    "test_caldav.py::TestForServerpillarbox::testChangeAttendeeStatusWithEmptyAddressSet": (
        "wants users without an address"
    ),
    "test_caldav.py::TestSchedulingForServerpillarbox::testScheduleTagStableOnPartstateUpdate": (
        "wants a Schedule-Tag that an attendee's own PUT leaves as it is; by RFC 6638 §3.2.10 "
        "only what the server does by itself may"
    ),
    "test_async_integration.py::TestAsyncSchedulingForpillarbox"
    "::test_schedule_tag_stable_on_partstate_update": "as the one before",
}
"""Tests that are not run, each with the reason."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("module", "least"), [("test_caldav.py", 70), ("test_async_integration.py", 60)]
)
def test_its_own_tests_pass(module: str, least: int, tmp_path: Path) -> None:
    environment = python_environment(PINS)
    (source,) = (environment / "source").glob("caldav-*/")
    # It reads its settings from the folder of its tests, and runs of this test may overlap.
    shutil.copytree(source / "tests", tmp_path / "tests")
    shutil.copy(source / "pyproject.toml", tmp_path)
    with live_server(tmp_path) as server:
        url = f"http://{HOST}:{server.port('WEBCLIENT')}/dav/"
        users = [{"url": url, "username": who, "password": server.password} for who in (ALICE, BOB)]
        ours = {
            "type": "external",
            "enabled": True,
            **users[0],
            # Without any feature it takes scheduling for untested; those not named are full.
            "features": {"scheduling": {"support": "full"}},
            "scheduling_users": users,
        }
        off = {"type": "embedded", "enabled": False}
        settings = {"test-servers": {"radicale": off, "xandikos": off, "pillarbox": ours}}
        (tmp_path / "tests" / "caldav_test_servers.yaml").write_text(json.dumps(settings))
        output = run(
            str(environment / "bin" / "python"),
            *("-m", "pytest", "-q", "-rs", "--tb=short", "-p", "no:cacheprovider"),
            *("-o", "asyncio_default_fixture_loop_scope=function", "-o", "filterwarnings="),
            f"--rootdir={tmp_path}",
            *(f"--deselect=tests/{name}" for name in DESELECTED if name.startswith(module)),
            str(tmp_path / "tests" / module),
            env=_environment(tmp_path),
            cwd=tmp_path,
            limit_s=TESTS_S,
        )
        assert server.stop() == 0
        assert "Traceback" not in server.log()
    assert "skipped" not in output, output
    passed = re.search(r"(\d+) passed", output)
    assert passed is not None, output
    assert int(passed[1]) >= least, output


def _environment(home: Path) -> dict[str, str]:
    """No settings of whoever runs this, and none of its test servers in containers."""
    kept = {key: value for key, value in os.environ.items() if "CALDAV" not in key}
    kept = {key: value for key, value in kept.items() if not key.startswith(("PYTEST_", "COV_"))}
    return kept | {"PYTHON_CALDAV_TEST_DOCKER": "0", "HOME": str(home), "PYTHONPATH": str(home)}
