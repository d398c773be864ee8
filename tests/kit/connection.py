"""A connection in memory, and what a client says and hears over it."""

import asyncio

from pillarbox.protocols.stream.connection import Draining
from pillarbox.protocols.stream.tls import TlsFacts

HEAR_S = 5.0


class FakeConnection:
    """A connection in memory; the test has its other end."""

    def __init__(
        self, *, tls: bool = False, can_start_tls: bool = False, end_point: bytes | None = None
    ) -> None:
        self.id = "s1"
        self.peer_ip = "192.0.2.7"
        self.peer_port = 40000
        self.local_port = 2525
        self.trusted = False
        self.can_start_tls = can_start_tls
        self._facts = TlsFacts("TLSv1.3", "TLS_AES_128_GCM_SHA256", None, end_point)
        self.tls = self._facts if tls else None
        self.compressed = False
        self.lost = False
        self.draining = False
        self.was_at_rest = False
        self.aborts_in_drain = False
        self._input: list[bytes | Exception] = []
        self._output: list[bytes] = []
        self._came = asyncio.Event()
        self._idle = asyncio.Event()
        self._wrote = asyncio.Event()

    async def read(self, timeout_s: float, *, at_rest: bool = False) -> bytes:
        self.was_at_rest = at_rest
        while not self._input:
            self._idle.set()
            self._came.clear()
            await self._came.wait()
        item = self._input.pop(0)
        if isinstance(item, Exception):
            raise item
        return item

    async def input_within(self, timeout_s: float) -> bool:
        return bool(self._input)

    async def read_or(
        self, wake: asyncio.Event, timeout_s: float, *, at_rest: bool = True
    ) -> bytes | None:
        if wake.is_set() and not self._input:
            return None
        reading = asyncio.ensure_future(self.read(timeout_s, at_rest=at_rest))
        waking = asyncio.ensure_future(wake.wait())
        await asyncio.wait({reading, waking}, return_when=asyncio.FIRST_COMPLETED)
        waking.cancel()
        if reading.done():
            return reading.result()
        reading.cancel()
        return None

    def write(self, data: bytes | memoryview) -> None:
        self._output.append(bytes(data))
        self._wrote.set()

    async def drain(self) -> None:
        if self.aborts_in_drain:
            raise ConnectionResetError("gone")

    async def start_tls(self) -> None:
        self.can_start_tls = False
        self.tls = self._facts

    def start_compression(self, early: bytes) -> None:
        self.compressed = True  # only that it is asked for: what follows is as it was

    def give(self, item: bytes | Exception) -> None:
        """Input, `b""` for its end, or what the next read raises."""
        self._input.append(item)
        self._idle.clear()
        self._came.set()

    def taken(self) -> bytes:
        """What was written since the last time."""
        data = b"".join(self._output)
        self._output.clear()
        self._wrote.clear()
        return data

    async def settled(self, task: "asyncio.Task[None]") -> None:
        """Wait until the session waits for input or has ended."""
        idle = asyncio.ensure_future(self._idle.wait())
        await asyncio.wait({task, idle}, return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()

    async def written(self, wait_s: float) -> None:
        """Wait until something was written, so long at most; raises `TimeoutError`."""
        await asyncio.wait_for(self._wrote.wait(), wait_s)


class ClientSide:
    """The client's side of a session under way; `task` runs the session."""

    def __init__(self, connection: FakeConnection, task: "asyncio.Task[None]") -> None:
        self.connection = connection
        self.task = task

    async def hear(self) -> bytes:
        """What the session says until it waits for more."""
        await self.connection.settled(self.task)
        return self.connection.taken()

    async def hear_unasked(self, wait_s: float = HEAR_S) -> bytes:
        """What the session says by itself."""
        await self.connection.written(wait_s)
        return self.connection.taken()

    async def hear_until(self, text: bytes, wait_s: float = HEAR_S) -> bytes:
        """What the session says by itself, up to where it has said this."""
        heard = b""
        while text not in heard:
            heard += await self.hear_unasked(wait_s)
        return heard

    async def say(self, data: bytes) -> bytes:
        """Send bytes; gives the answer."""
        self.connection.give(data)
        return await self.hear()

    async def hang_up(self) -> None:
        """Close the client's side and wait for the session's end."""
        self.connection.give(b"")
        await self.task

    async def stop(self) -> bytes:
        """Let the server stop; gives what the session says to that."""
        self.connection.give(Draining())
        await self.task
        return self.connection.taken()


class ScriptedConnection:
    """A connection that gives pieces and keeps what was said."""

    id, peer_ip = "s", "192.0.2.1"
    trusted = can_start_tls = False
    tls = None

    def __init__(self, pieces: list[bytes], local_port: int) -> None:
        self.local_port = local_port
        self._pieces = [piece for piece in pieces if piece]
        self.said = b""

    async def read(self, timeout_s: float, *, at_rest: bool = False) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    def write(self, data: bytes) -> None:
        self.said += data

    async def drain(self) -> None:
        return
