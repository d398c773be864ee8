"""tsdav: login, discovery, calendars, objects, sync and address books, as applications do."""

from pathlib import Path

import pytest

from interop.environments import node_environment
from interop.programs import ALICE, HOST, needs, run
from kit.live import LiveServer

PINS = Path(__file__).parent / "tsdav"
pytestmark = [needs("node"), needs("npm"), pytest.mark.timeout(300)]


def test_calendars_and_contacts(server: LiveServer) -> None:
    environment = node_environment(PINS)
    url = f"http://{HOST}:{server.port('WEBCLIENT')}"
    drive = str(PINS / "drive.cjs")
    output = run("node", drive, str(environment), url, ALICE, server.password)
    assert "all done" in output
