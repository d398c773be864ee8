"""TLS between a transport and a session: ciphertext in, plaintext out, no I/O.

Own framing over `ssl.MemoryBIO` instead of the event loop's: implicit TLS and STARTTLS take one
path, plaintext sent before the handshake can be dropped for certain, and a connection at rest
holds no read buffer. Used by `stream/connection`; contexts are made by `net/certs`.
"""

import ssl
from dataclasses import dataclass

from pillarbox.net.certs import ServerContext

_RECORD_BYTES = 16384


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What was agreed on: `TLSv1.3`, the cipher's name, and the name the client asked for.

    `end_point` is the channel binding tls-server-end-point (RFC 5929 §4), where there is one.
    """

    version: str
    cipher: str
    server_name: str | None
    end_point: bytes | None = None


class _ServerSide(ssl.SSLObject):
    """An `SSLObject` that remembers the name the client asked for."""

    server_name: str | None = None


class TlsContexts:
    """The context new handshakes use; replaced as a whole when certificates are read again."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = self._prepared(context)

    def replace(self, context: ssl.SSLContext) -> None:
        """Use `context` for every handshake from now on."""
        self._context = self._prepared(context)

    def channel(self) -> "Channel":
        """A new server-side channel, before its handshake."""
        return Channel(self._context)

    @staticmethod
    def _prepared(context: ssl.SSLContext) -> ssl.SSLContext:
        context.sslobject_class = _ServerSide
        context.sni_callback = _note_server_name
        return context


def _note_server_name(
    tls: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext
) -> None:
    if isinstance(tls, _ServerSide):
        tls.server_name = name


class Channel:
    """One TLS session; every method may raise `ssl.SSLError`."""

    __slots__ = ("_incoming", "_outgoing", "_tls", "ended", "ready")

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.ready = False
        """Whether the handshake is done."""
        self.ended = False
        """Whether the peer has said that nothing more will come."""

    def receive(self, data: bytes) -> bytes:
        """Take ciphertext; give the plaintext it completes. `outgoing` may have grown."""
        self._incoming.write(data)
        if not self.ready:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                return b""
            self.ready = True
        parts = []
        while self._tls.pending() or self._incoming.pending:
            try:
                part = self._tls.read(_RECORD_BYTES)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                part = b""
            if not part:
                self.ended = True
                break
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def send(self, data: bytes | memoryview) -> bytes:
        """The ciphertext of `data`."""
        written = self._tls.write(data)
        if written < len(data):
            view = memoryview(data)
            while written < len(data):
                written += self._tls.write(view[written:])
        return self._outgoing.read()

    def outgoing(self) -> bytes:
        """Ciphertext the handshake or an alert wants sent."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def close(self) -> bytes:
        """The closing alert."""
        if self.ready:
            try:
                self._tls.unwrap()
            except ssl.SSLError:
                pass  # the peer's own alert has not come yet, which nobody waits for
        return self.outgoing()

    def facts(self) -> TlsFacts:
        """What the handshake agreed on."""
        cipher = self._tls.cipher()
        name = self._tls.server_name if isinstance(self._tls, _ServerSide) else None
        # Of the context in use now: a callback may have chosen another certificate by name.
        context = self._tls.context
        end_point = context.end_point if isinstance(context, ServerContext) else None
        return TlsFacts(self._tls.version() or "", cipher[0] if cipher else "", name, end_point)
