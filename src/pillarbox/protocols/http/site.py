"""The application behind HTTP, made when somebody asks for it the first time.

Starlette, uvicorn and httptools take memory that a server without HTTP clients can do without, and
time that the event loop has not: they are imported in a thread.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pillarbox.protocols.http.engine import Engine
    from pillarbox.protocols.http.web import WebApp


class Site:
    """Makes the application once for a process."""

    def __init__(self) -> None:
        self._made: asyncio.Future[Engine] | None = None

    async def engine(self, build: "Callable[[], WebApp]") -> "Engine":
        """What runs requests; `build` is called in a thread, the first time.

        Where it raises everybody who waits gets that, and the next one tries anew.
        """
        made = self._made
        if made is None:
            made = asyncio.ensure_future(asyncio.to_thread(_make, build))
            self._made = made
        try:
            return await asyncio.shield(made)
        except Exception:
            if self._made is made:
                self._made = None
            raise


def _make(build: "Callable[[], WebApp]") -> "Engine":
    from pillarbox.protocols.http.engine import Engine

    return Engine(build())
