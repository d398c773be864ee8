"""One server for all tests with other people's programs; each uses a subject of its own."""

from collections.abc import Iterator

import pytest

from kit.live import LiveServer, live_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with the users alice and bob, TLS and two workers."""
    with live_server(tmp_path_factory.mktemp("interop"), {"WORKERS": "2"}) as running:
        yield running
        assert "Traceback" not in running.log()
