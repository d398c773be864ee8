"""A connection to another server: bytes in, bytes out, with time limits, TLS and flow control."""

import asyncio

from pillarbox.net.client_tls import TlsClientOptions, TlsFacts


class ClientStream(asyncio.Protocol):
    """One connection; one task reads and writes. Made by `net/dial`."""

    ip: str
    port: int
    local_ip: str
    tls: TlsFacts | None

    @property
    def quiet(self) -> bool:
        """Whether the peer is there and has said nothing that was not read."""
        raise NotImplementedError

    async def read(self, timeout_s: float) -> bytes:
        """Whatever has come, 64 KiB at most, or `b""` at the end; raises `TimeoutError`."""
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        """Send `data` soon; after the connection was lost it goes nowhere."""
        raise NotImplementedError

    async def drain(self, timeout_s: float) -> None:
        """Wait until the peer has taken most of what was written.

        Raises `ConnectionError` when it is gone and `TimeoutError` when it has stopped reading.
        """
        raise NotImplementedError

    async def start_tls(self, options: TlsClientOptions) -> TlsFacts:
        """Do the handshake; raises `TlsFailure` or `TimeoutError`.

        Input that came before it and was not read is an injection, which fails it.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Send what was written and close; returns once that is done or was given up."""
        raise NotImplementedError

    def abort(self) -> None:
        """Close at once; what was not sent yet is lost."""
        raise NotImplementedError
