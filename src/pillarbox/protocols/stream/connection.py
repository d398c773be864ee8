"""One client's connection: bytes in, bytes out, with time limits, TLS and flow control.

Sessions read and write through it and see nothing else of the network. Made by `stream/listener`
for each accepted connection. Writes of one turn of the loop leave as one; reading pauses while the
session is behind, and `drain` waits while the peer is.
"""

import asyncio
import secrets
import ssl
import zlib
from typing import cast

from pillarbox.base.errors import GrammarError
from pillarbox.protocols.stream.deflate import Deflate
from pillarbox.protocols.stream.tls import Channel, TlsContexts, TlsFacts
from pillarbox.wire.proxy import Client, HeaderReader

READ_AHEAD_BYTES = 256 * 1024
WRITE_AHEAD_BYTES = 256 * 1024
HANDSHAKE_TIMEOUT_S = 30.0
DRAIN_TIMEOUT_S = 180.0
CLOSE_TIMEOUT_S = 5.0
COMPRESSOR_REST_S = 10.0


class Draining(Exception):
    """The server is stopping; the session should say so and end."""


class Connection(asyncio.Protocol):
    """A connection as its session sees it; one task reads and writes.

    `peer_ip` is empty for a Unix socket; behind a proxy it is the address of the proxy's client.
    `trusted` says whether the peer is in TRUSTED_NETWORKS.
    """

    __slots__ = (
        "_at_rest",
        "_buffered_bytes",
        "_channel",
        "_chunks",
        "_closed",
        "_compressed_at",
        "_contexts",
        "_deadline",
        "_deflate",
        "_draining",
        "_eof",
        "_flush_due",
        "_handshake",
        "_loop",
        "_lost",
        "_out",
        "_paused",
        "_proxy",
        "_rest_timer",
        "_resumed",
        "_timer",
        "_transport",
        "_waiter",
        "id",
        "local_port",
        "peer_ip",
        "peer_port",
        "tls",
        "trusted",
    )

    def __init__(
        self, contexts: TlsContexts | None = None, *, trusted: bool = False, implicit: bool = False
    ) -> None:
        """With `implicit` the peer speaks TLS from its first byte: call `start_tls` first."""
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._contexts = contexts
        self._channel: Channel | None = None
        if implicit and contexts is not None:
            self._channel = contexts.channel()
        self._chunks: list[bytes] = []
        self._buffered_bytes = 0
        self._deflate: Deflate | None = None
        self._out: list[bytes | memoryview] = []
        self._flush_due = False
        self._waiter: asyncio.Future[None] | None = None
        self._handshake: asyncio.Future[None] | None = None
        self._proxy: tuple[HeaderReader, asyncio.Future[None]] | None = None
        self._resumed: asyncio.Future[None] | None = None
        self._closed: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rest_timer: asyncio.TimerHandle | None = None
        self._deadline = self._compressed_at = 0.0
        self._at_rest = self._draining = self._eof = self._lost = self._paused = False
        self.id = secrets.token_hex(5)
        self.peer_ip = ""
        self.peer_port = self.local_port = 0
        self.tls: TlsFacts | None = None
        self.trusted = trusted

    # What sessions use.

    @property
    def can_start_tls(self) -> bool:
        """Whether STARTTLS may be offered."""
        return self._contexts is not None and self._channel is None and self._deflate is None

    @property
    def lost(self) -> bool:
        """Whether the peer is gone: nothing that is written reaches it."""
        return self._lost

    @property
    def draining(self) -> bool:
        """Whether the server is stopping, which `read` at rest says too."""
        return self._draining

    async def read(self, timeout_s: float, *, at_rest: bool = False) -> bytes:
        """Whatever has come, or `b""` at the end of input; what was written is sent first.

        `at_rest` says that the session is between two commands. Raises `TimeoutError`, and
        `Draining` when it is at rest and the server stops.
        """
        if at_rest and self._draining:
            raise Draining
        while not self._chunks and not self._ended:
            await self._wait(timeout_s, at_rest)
        return self._take()

    async def read_or(
        self, wake: asyncio.Event, timeout_s: float, *, at_rest: bool = True
    ) -> bytes | None:
        """Like `read`, but `None` as soon as `wake` is set; no input is lost.

        Input comes first: whoever is woken all the time must still hear the client.
        """
        if at_rest and self._draining:
            raise Draining
        if not self._chunks and not self._ended:
            if wake.is_set():
                return None
            hint = self._loop.create_task(wake.wait())
            try:
                await self._wait(timeout_s, at_rest, hint)
            finally:
                hint.cancel()
            if not self._chunks and not self._ended:
                return None
        return self._take()

    async def input_within(self, timeout_s: float) -> bool:
        """Whether the peer sends something within so long; nothing of it is taken.

        Waits no longer than for the first of it, or for the peer's end. Raises `Draining`.
        """
        if self._draining:
            raise Draining
        if not self._chunks and not self._ended:
            try:
                await self._wait(timeout_s, True)
            except TimeoutError:
                return False
        return bool(self._chunks)

    def write(self, data: bytes | memoryview) -> None:
        """Send `data` soon; after the connection was lost it goes nowhere."""
        self._out.append(data)
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    async def drain(self) -> None:
        """Wait until the peer has read enough of what was written.

        Raises `ConnectionError` when it is gone and `TimeoutError` when it has stopped reading.
        """
        if self._out:
            self._flush()
            if self._deflate is not None and not self._lost:
                await asyncio.sleep(0)  # compressing takes time that others wait for
        if self._lost:
            raise ConnectionResetError("the peer is gone")
        if not self._paused:
            return
        self._resumed = self._loop.create_future()
        try:
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                await self._resumed
        finally:
            self._resumed = None
        if self._lost:
            raise ConnectionResetError("the peer is gone")

    async def start_tls(self) -> None:
        """Do the handshake; input that came before it is dropped (RFC 3207 §4.2).

        Raises `ConnectionError` when it fails and `TimeoutError` when it takes too long.
        """
        if self._contexts is None:
            raise ConnectionError("no certificate")
        if self._channel is None:
            self._flush()
            self._chunks.clear()
            self._buffered_bytes = 0
            self._channel = self._contexts.channel()
            self._resume_reading()
        if not self._channel.ready:
            if self._lost or self._eof:
                raise ConnectionResetError("the peer is gone")
            self._handshake = self._loop.create_future()
            try:
                async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                    await self._handshake
            finally:
                self._handshake = None
        self.tls = self._channel.facts()

    @property
    def compressed(self) -> bool:
        """Whether both directions are compressed."""
        return self._deflate is not None

    def start_compression(self, early: bytes) -> None:
        """Compress what is written from here on, and expand what comes (RFC 4978 §3).

        `early` is what the session has read already and not yet looked at.
        """
        self._flush()
        waiting = [early, *self._chunks]
        self._chunks.clear()
        self._buffered_bytes = 0
        self._deflate = Deflate()
        self._deflate.feed(b"".join(waiting))
        self._expand()

    async def close(self) -> None:
        """Send what was written and close; returns once that is done or was given up."""
        transport = self._transport
        if transport is None or self._lost:
            return
        self.close_soon()
        self._closed = self._loop.create_future()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._closed
        except TimeoutError:
            transport.abort()

    def close_soon(self) -> None:
        """Begin to close, as `close` does, without waiting for it."""
        transport = self._transport
        if transport is None or self._lost:
            return
        self._flush()
        if self._channel is not None:
            try:
                transport.write(self._channel.close())
            except ssl.SSLError:
                pass  # what was agreed on is broken already
        transport.close()

    def abort(self) -> None:
        """Close at once; what was not sent yet is lost."""
        if self._transport is not None:
            self._transport.abort()

    # What the listener uses.

    def expect_proxy(self) -> None:
        """Take the first bytes for a PROXY header; `proxy_header` then waits for it."""
        self._proxy = HeaderReader(), self._loop.create_future()

    async def proxy_header(self, timeout_s: float) -> Client | None:
        """Whom the header that `expect_proxy` expects names; waits for it.

        Raises `ConnectionError` where another thing comes and `TimeoutError` where nothing does.
        """
        if self._proxy is None:
            return None
        reader, whole = self._proxy
        try:
            async with asyncio.timeout(timeout_s):
                await whole
        except TimeoutError:
            raise TimeoutError("no PROXY header came in time") from None
        self._proxy = None
        return reader.client

    def begin_drain(self) -> None:
        """Tell the session to end as soon as it is at rest."""
        self._draining = True
        if self._proxy is not None and not self._proxy[1].done():
            self._proxy[1].set_exception(Draining())
        if self._at_rest and self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(Draining())

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = transport = cast(asyncio.Transport, transport)
        transport.set_write_buffer_limits(high=WRITE_AHEAD_BYTES, low=WRITE_AHEAD_BYTES // 4)
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self.peer_ip, self.peer_port = peer[0].partition("%")[0], peer[1]
        here = transport.get_extra_info("sockname")
        if isinstance(here, tuple):
            self.local_port = here[1]

    def data_received(self, data: bytes) -> None:
        if self._proxy is not None:
            data = self._after_header(*self._proxy, data)
            if not data:
                return
        if self._channel is not None:
            data = self._decrypt(self._channel, data)
            if not data:
                return
        if self._deflate is not None:
            self._deflate.feed(data)
            self._expand()
        else:
            self._arrived(data)

    def eof_received(self) -> bool:
        self._end_of_input()
        return True  # what is still to be said can be sent

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        _wake(self._resumed)

    def connection_lost(self, error: Exception | None) -> None:
        self._lost = True
        self._out.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._rest_timer is not None:
            self._rest_timer.cancel()
            self._rest_timer = None
        self._end_of_input()
        _wake(self._resumed)
        _wake(self._closed)

    # Inside.

    @property
    def _ended(self) -> bool:
        """Whether nothing will come any more."""
        return self._eof and (self._deflate is None or not self._deflate.waiting)

    def _arrived(self, data: bytes) -> None:
        self._chunks.append(data)
        self._buffered_bytes += len(data)
        _wake(self._waiter)
        if self._buffered_bytes > READ_AHEAD_BYTES and self._transport is not None:
            self._transport.pause_reading()

    def _after_header(
        self, reader: HeaderReader, whole: asyncio.Future[None], data: bytes
    ) -> bytes:
        """What follows the PROXY header; nothing as long as it is not whole."""
        if whole.done():
            return data if reader.complete else b""
        try:
            if reader.feed(data):
                whole.set_result(None)
        except GrammarError as error:
            whole.set_exception(ConnectionError(error.text))
        return reader.rest

    def _expand(self) -> None:
        """Expand what has come as far as there is room; `_take` sees to the rest."""
        deflate = self._deflate
        if deflate is None or not deflate.waiting or self._buffered_bytes > READ_AHEAD_BYTES:
            return
        try:
            plain = deflate.expand(READ_AHEAD_BYTES + 1 - self._buffered_bytes)
        except zlib.error:
            self.abort()
            self._end_of_input()
            return
        if plain:
            self._arrived(plain)
        if deflate.ended:
            self._end_of_input()
        elif deflate.waiting and self._transport is not None:
            self._transport.pause_reading()

    async def _wait(
        self, timeout_s: float, at_rest: bool, hint: asyncio.Task[bool] | None = None
    ) -> None:
        self._flush()
        waiter = self._waiter = self._loop.create_future()
        if hint is not None:
            hint.add_done_callback(lambda _: _wake(waiter))
        self._at_rest = at_rest
        self._set_deadline(timeout_s)
        try:
            await waiter
        finally:
            self._waiter = None
            self._at_rest = False

    def _take(self) -> bytes:
        chunks = self._chunks
        if not chunks:
            return b""
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        paused = self._buffered_bytes > READ_AHEAD_BYTES
        self._buffered_bytes = 0
        deflate = self._deflate
        if deflate is not None and deflate.waiting:
            # Not at once: a little input may hold a lot, and others want their turn.
            self._loop.call_soon(self._expand_more)
        elif paused:
            self._resume_reading()
        return data

    def _expand_more(self) -> None:
        self._expand()
        deflate = self._deflate
        if deflate is not None and not deflate.waiting:
            if self._buffered_bytes <= READ_AHEAD_BYTES:
                self._resume_reading()
            if self._eof:
                _wake(self._waiter)

    def _rest(self) -> None:
        """Let go of a compressor that was not used for a while."""
        self._rest_timer = None
        if self._deflate is None or self._lost:
            return
        left_s = self._compressed_at + COMPRESSOR_REST_S - self._loop.time()
        if left_s > 0:
            self._rest_timer = self._loop.call_later(left_s, self._rest)
        else:
            self._deflate.rest()

    def _resume_reading(self) -> None:
        if self._transport is not None and not self._lost:
            self._transport.resume_reading()

    def _set_deadline(self, timeout_s: float) -> None:
        # One timer lives through many reads: it looks at the deadline when it fires.
        self._deadline = self._loop.time() + timeout_s
        if self._timer is not None:
            if self._timer.when() <= self._deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if self._loop.time() >= self._deadline:
            waiter.set_exception(TimeoutError("the client said nothing"))
        else:
            self._timer = self._loop.call_at(self._deadline, self._on_timer)

    def _flush(self) -> None:
        self._flush_due = False
        out = self._out
        if not out:
            return
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        if self._lost or self._transport is None or not data:
            return
        if self._deflate is not None:
            data = self._deflate.compress(data)
            self._compressed_at = self._loop.time()
            if self._rest_timer is None:
                self._rest_timer = self._loop.call_later(COMPRESSOR_REST_S, self._rest)
        if self._channel is not None:
            try:
                data = self._channel.send(data)
            except ssl.SSLError:
                self.abort()
                return
        self._transport.write(data)

    def _decrypt(self, channel: Channel, data: bytes) -> bytes:
        was_ready = channel.ready
        try:
            plain = channel.receive(data)
        except ssl.SSLError as error:
            self._tls_failed(channel, error)
            return b""
        if self._transport is not None and (answer := channel.outgoing()):
            self._transport.write(answer)
        if channel.ready and not was_ready:
            _wake(self._handshake)
        if channel.ended:
            if plain and self._deflate is not None:
                self._deflate.feed(plain)
                self._expand()
            elif plain:
                self._chunks.append(plain)
            self._end_of_input()
            return b""
        return plain

    def _tls_failed(self, channel: Channel, error: ssl.SSLError) -> None:
        if self._transport is not None:
            if alert := channel.outgoing():
                self._transport.write(alert)
            self._transport.close()
        waiting = self._handshake
        if waiting is not None and not waiting.done():
            waiting.set_exception(ConnectionError(f"TLS failed: {error.reason or error}"))
        self._end_of_input()

    def _end_of_input(self) -> None:
        self._eof = True
        _wake(self._waiter)
        if self._proxy is not None and not self._proxy[1].done():
            self._proxy[1].set_exception(ConnectionResetError("no PROXY header came"))
        waiting = self._handshake
        if waiting is not None and not waiting.done():
            waiting.set_exception(ConnectionResetError("the peer left during the handshake"))


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
