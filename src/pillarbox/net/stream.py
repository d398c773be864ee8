"""A connection to another server: bytes in, bytes out, with time limits, TLS and flow control.

Made by `net/dial`. Reading pauses while nobody takes what has come, so that a peer that talks
without end costs a bounded buffer; `drain` waits while the peer does not take what was written.
"""

import asyncio
import ssl
from typing import cast

from pillarbox.net.client_tls import (
    ClientChannel,
    ClientContexts,
    TlsClientOptions,
    TlsFacts,
    TlsFailure,
    failure_of,
)

READ_BYTES = 64 * 1024
READ_AHEAD_BYTES = 64 * 1024
WRITE_AHEAD_BYTES = 128 * 1024
CLOSE_TIMEOUT_S = 5.0
TLS_OVERHEAD_BYTES = 1 << 20
"""What a server may say within TLS that is no text, such as new keys over and over: each takes us
some microseconds."""


class ClientStream(asyncio.Protocol):
    """One connection; one task reads and writes.

    `ip` and `port` are the server's, also behind a proxy; `local_ip` is the address it was reached
    from. `tls` is empty before the handshake.
    """

    __slots__ = (
        "_buffered_bytes",
        "_channel",
        "_chunks",
        "_closed",
        "_eof",
        "_handshake",
        "_loop",
        "_lost",
        "_overhead_bytes",
        "_paused",
        "_reading",
        "_resumed",
        "_transport",
        "_waiter",
        "ip",
        "local_ip",
        "port",
        "tls",
    )

    def __init__(self, ip: str, port: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._channel: ClientChannel | None = None
        self._chunks: list[bytes] = []
        self._buffered_bytes = 0
        self._overhead_bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        self._handshake: asyncio.Future[None] | None = None
        self._resumed: asyncio.Future[None] | None = None
        self._closed: asyncio.Future[None] | None = None
        self._eof = self._lost = self._paused = False
        self._reading = True
        self.ip = ip
        self.port = port
        self.local_ip = ""
        self.tls: TlsFacts | None = None

    # What those who talk over it use.

    @property
    def quiet(self) -> bool:
        """Whether the peer is there and has said nothing that was not read."""
        return not (self._chunks or self._eof or self._lost)

    @property
    def unsent(self) -> bool:
        """Whether something that was written has not gone out yet."""
        return self._transport is not None and self._transport.get_write_buffer_size() > 0

    @property
    def finished(self) -> bool:
        """Whether the peer has said that it is done, over TLS by its alert: nothing was cut off."""
        if self._channel is not None:
            return self._channel.ended
        return self._eof and not self._lost

    async def read(self, timeout_s: float) -> bytes:
        """Whatever has come, 64 KiB at most, or `b""` at the end; raises `TimeoutError`.

        A connection that broke has ended too.
        """
        if not self._chunks and not self._eof:
            self._waiter = self._loop.create_future()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._waiter
            except TimeoutError:
                if not self._chunks and not self._eof:
                    raise TimeoutError("the server said nothing") from None
            finally:
                self._waiter = None
        return self._take()

    def unread(self, data: bytes) -> None:
        """Give back the end of what was read; the next `read` begins with it."""
        if data:
            self._chunks.insert(0, data)
            self._buffered_bytes += len(data)

    def write(self, data: bytes | memoryview) -> None:
        """Send `data`; after the connection was lost it goes nowhere.

        Pieces of some ten kilobytes with a `drain` after each keep memory and time in bounds.
        """
        transport = self._transport
        if transport is None or self._lost or not data:
            return
        if self._channel is not None:
            try:
                data = self._channel.send(data)
            except ssl.SSLError:
                self.abort()
                return
        transport.write(data)

    async def drain(self, timeout_s: float) -> None:
        """Wait until the peer has taken most of what was written.

        Raises `ConnectionError` when it is gone and `TimeoutError` when it has stopped reading.
        """
        if self._paused and not self._lost:
            self._resumed = self._loop.create_future()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._resumed
            except TimeoutError:
                raise TimeoutError("the server does not read") from None
            finally:
                self._resumed = None
        if self._lost:
            raise ConnectionResetError("the connection was lost")

    async def start_tls(self, options: TlsClientOptions, contexts: ClientContexts) -> TlsFacts:
        """Do the handshake; raises `TlsFailure` or `TimeoutError`, then the connection is closed.

        Input that came before it and was not read is somebody's injection, which fails it
        (RFC 3207 §6).
        """
        try:
            async with asyncio.timeout(options.timeout_s):
                context = await contexts.context(verified=options.verified)
                channel = ClientChannel(context, options.server_name)
                await self._shake_hands(channel)
            if options.verified and not channel.is_for(options.names):
                raise TlsFailure(
                    f"the certificate is for none of {', '.join(options.names) or 'no names'}",
                    "certificate-host-mismatch",
                    certificate=True,
                )
        except TimeoutError:
            self.abort()
            raise TimeoutError("the TLS handshake took too long") from None
        except BaseException:
            self.abort()
            raise
        self.tls = channel.facts()
        return self.tls

    async def close(self) -> None:
        """Send what was written and close; returns once that is done or was given up."""
        transport = self._transport
        if transport is None or self._lost:
            return
        if self._channel is not None:
            try:
                transport.write(self._channel.close())
            except ssl.SSLError:
                pass  # what was agreed on is broken already
        self._resume_reading()  # or the end of the connection would not be seen
        transport.close()
        self._closed = self._loop.create_future()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._closed
        except TimeoutError:
            transport.abort()
        finally:
            self._closed = None

    def abort(self) -> None:
        """Close at once; what was not sent yet is lost."""
        self._lost = True
        if self._transport is not None:
            self._transport.abort()
        self._end_of_input()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = transport = cast(asyncio.Transport, transport)
        transport.set_write_buffer_limits(high=WRITE_AHEAD_BYTES, low=WRITE_AHEAD_BYTES // 4)
        here = transport.get_extra_info("sockname")
        if isinstance(here, tuple):
            self.local_ip = here[0].partition("%")[0]

    def data_received(self, data: bytes) -> None:
        if self._eof:
            return  # after its closing alert a peer has nothing more to say
        if self._channel is not None:
            plain = self._decrypt(self._channel, data)
            self._overhead_bytes += len(data) - len(plain)
            if self._overhead_bytes > TLS_OVERHEAD_BYTES:
                self.abort()
                return
            data = plain
        if data:
            self._chunks.append(data)
            self._buffered_bytes += len(data)
            _wake(self._waiter)
        if self._channel is not None and self._channel.ended:
            self._end_of_input()
        if self._buffered_bytes > READ_AHEAD_BYTES:
            self._pause_reading()

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
        self._end_of_input()
        _wake(self._resumed)
        _wake(self._closed)

    # Inside.

    async def _shake_hands(self, channel: ClientChannel) -> None:
        if self._channel is not None:
            raise TlsFailure("TLS was begun already")
        if self._chunks:
            raise TlsFailure("the server said more than it should before TLS")
        if self._lost or self._eof or self._transport is None:
            raise TlsFailure("the connection was lost")
        self._channel = channel
        self._handshake = self._loop.create_future()
        self._transport.write(channel.begin())
        try:
            await self._handshake
        finally:
            self._handshake = None

    def _decrypt(self, channel: ClientChannel, data: bytes) -> bytes:
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
        return plain

    def _tls_failed(self, channel: ClientChannel, error: ssl.SSLError) -> None:
        waiting = self._handshake
        if waiting is not None and not waiting.done():
            waiting.set_exception(failure_of(error))
        if self._transport is not None:
            if alert := channel.outgoing():
                self._transport.write(alert)
            self._transport.close()
        self._end_of_input()

    def _end_of_input(self) -> None:
        self._eof = True
        _wake(self._waiter)
        waiting = self._handshake
        if waiting is not None and not waiting.done():
            waiting.set_exception(TlsFailure("the server left during the TLS handshake"))

    def _take(self) -> bytes:
        if not self._chunks:
            return b""
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        if len(data) > READ_BYTES:
            self._chunks.append(data[READ_BYTES:])
            data = data[:READ_BYTES]
        self._buffered_bytes -= len(data)
        if self._buffered_bytes <= READ_AHEAD_BYTES:
            self._resume_reading()
        return data

    def _pause_reading(self) -> None:
        if self._reading and self._transport is not None and not self._lost:
            self._reading = False
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if not self._reading and self._transport is not None and not self._lost:
            self._reading = True
            self._transport.resume_reading()


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
