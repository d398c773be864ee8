"""One server for all tests with other people's programs; each uses a subject of its own."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from interop.sites import Sites, zones
from kit.far import Far
from kit.live import LiveServer, live_server
from kit.nameserver import NameServer
from kit.sender import Sender


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with the users alice and bob, TLS and two workers."""
    with live_server(tmp_path_factory.mktemp("interop"), {"WORKERS": "2"}) as running:
        yield running
        assert "Traceback" not in running.log()


@pytest.fixture(scope="session")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Sites:
    """The certificates of the hosts elsewhere."""
    return Sites(tmp_path_factory.mktemp("sites"))


@pytest.fixture(scope="session")
def shared_far(sites: Sites) -> Iterator[Far]:
    """One Postfix for all tests; they ask for `far`."""
    with Far.running(sites.hosts()) as running:
        yield running


@pytest.fixture
def far(shared_far: Far) -> Far:
    """A Postfix with a host of each kind, and no mail yet."""
    shared_far.forget()
    return shared_far


@pytest.fixture
async def names(far: Far) -> AsyncIterator[NameServer]:
    """The names of those hosts, with the word of a validating resolver for all of them."""
    async with NameServer(zones(far), signed={"."}) as running:
        yield running


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the users of `sender`, to copy: to make one takes longer."""
    folder = tmp_path_factory.mktemp("furnished") / "data"

    async def furnish() -> None:
        async with NameServer() as names:
            made = Sender(folder, names, 25, {})
            await made.start()
            await made.stop()

    asyncio.run(furnish())
    return folder


@pytest.fixture
def extra_settings() -> dict[str, str]:
    """Settings of `sender` that a test wants."""
    return {}


@pytest.fixture
async def sender(
    tmp_path: Path,
    furnished: Path,
    far: Far,
    names: NameServer,
    sites: Sites,
    extra_settings: dict[str, str],
) -> AsyncIterator[Sender]:
    """A server that sends to those hosts, and to which they send."""
    settings = {"TLS_EXTRA_CA": str(sites.extra_ca), **extra_settings}
    shutil.copytree(furnished, tmp_path / "data", ignore=shutil.ignore_patterns("run"))
    made = Sender(tmp_path / "data", names, far.port, settings, far.home_port)
    try:
        await made.start()
        yield made
    finally:
        await made.stop()
