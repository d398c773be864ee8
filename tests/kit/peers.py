"""Servers of a test, on loopback, each a function of its streams."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress

Session = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Peers:
    """Servers of a test, on loopback."""

    def __init__(self) -> None:
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = 0
        """How many clients there have been."""

    async def serve(
        self,
        session: Session,
        *,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> int:
        """Run `session` for each client; gives the port."""

        async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            self.connections += 1
            try:
                with suppress(OSError, EOFError):
                    await session(reader, writer)
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
            except asyncio.CancelledError:
                writer.transport.abort()  # the test is over
            finally:
                self._tasks.discard(task)

        server = await asyncio.start_server(run, host, port, ssl=tls)
        self._servers.append(server)
        number: int = server.sockets[0].getsockname()[1]
        return number

    async def close(self) -> None:
        """End all servers and their sessions."""
        servers, self._servers = self._servers, []
        for server in servers:
            server.close()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for server in servers:
            await asyncio.wait_for(server.wait_closed(), 10)


async def until(happened: Callable[[], bool]) -> None:
    """Let the event loop run until it has happened."""
    for _ in range(10_000):
        if happened():
            return
        await asyncio.sleep(0.001)
    raise AssertionError
