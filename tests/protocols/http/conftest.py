"""HTTP is tested on every event loop it may meet."""

from collections.abc import AsyncIterator

import pytest

from kit.loops import pytest_asyncio_loop_factories
from kit.web_house import WebHouse

__all__ = ["pytest_asyncio_loop_factories"]


@pytest.fixture
async def house() -> AsyncIterator[WebHouse]:
    """A server with the usual limits."""
    async with WebHouse() as running:
        yield running
