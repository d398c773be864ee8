"""What uses the network is tested on every event loop it may meet."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.authority import Authority
from kit.loops import pytest_asyncio_loop_factories
from kit.peers import Peers
from pillarbox.net.client_tls import ClientContexts

__all__ = ["pytest_asyncio_loop_factories"]


@pytest.fixture
async def peers() -> AsyncIterator[Peers]:
    made = Peers()
    yield made
    await made.close()


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority(root_in_chain=True)


@pytest.fixture
def contexts(authority: Authority, tmp_path: Path) -> ClientContexts:
    """Contexts that believe `authority`."""
    path = tmp_path / "authority.pem"
    path.write_bytes(authority.pem)
    return ClientContexts(path)
