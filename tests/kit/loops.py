"""The event loops the server may run on; a `conftest` that imports the hook tests on each."""

import asyncio
from collections.abc import Callable, Mapping

import uvloop

Factories = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]


def pytest_asyncio_loop_factories() -> Factories:
    """Run every test on each of these."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
