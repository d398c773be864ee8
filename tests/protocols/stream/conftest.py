"""The stream layer is tested on every event loop it may meet."""

from kit.loops import pytest_asyncio_loop_factories

__all__ = ["pytest_asyncio_loop_factories"]
