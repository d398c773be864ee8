"""Connections to other servers."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Proxy:
    """A SOCKS5 proxy to go through (RFC 1928), with a user name if it wants one (RFC 1929)."""

    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)
