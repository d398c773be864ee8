"""The server's side of TLS: which context a handshake uses, and what it agreed on.

Used by `stream/connection`; contexts are made by `net/certs`.
"""

import ssl
from dataclasses import dataclass

from pillarbox.net.certs import ServerContext
from pillarbox.net.tls_channel import TlsChannel


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


class Channel(TlsChannel):
    """The server's side of a TLS session; every method may raise `ssl.SSLError`."""

    __slots__ = ()

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context, server_side=True)

    def facts(self) -> TlsFacts:
        """What the handshake agreed on."""
        cipher = self._tls.cipher()
        name = self._tls.server_name if isinstance(self._tls, _ServerSide) else None
        # Of the context in use now: a callback may have chosen another certificate by name.
        context = self._tls.context
        end_point = context.end_point if isinstance(context, ServerContext) else None
        return TlsFacts(self._tls.version() or "", cipher[0] if cipher else "", name, end_point)
