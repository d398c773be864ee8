"""TLS between a transport and what speaks over it: ciphertext in, plaintext out, no I/O.

Own framing over `ssl.MemoryBIO` instead of the event loop's: implicit TLS and STARTTLS take one
path, plaintext that came before the handshake can be told from what came after for certain, and a
connection at rest holds no read buffer. Used by `protocols/stream/connection` and `net/stream`.
"""

import ssl

_RECORD_BYTES = 16384


class TlsChannel:
    """One TLS session; every method may raise `ssl.SSLError`."""

    __slots__ = ("_incoming", "_outgoing", "_tls", "ended", "ready")

    def __init__(
        self, context: ssl.SSLContext, *, server_side: bool, server_name: str | None = None
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_name
        )
        self.ready = False
        """Whether the handshake is done."""
        self.ended = False
        """Whether the peer has said that nothing more will come."""

    def begin(self) -> bytes:
        """What the side that speaks first has to send."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.outgoing()

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
