"""Connections to other servers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pillarbox.net.stream import ClientStream


@dataclass(frozen=True, slots=True)
class Proxy:
    """A SOCKS5 proxy to go through (RFC 1928), with a user name if it wants one (RFC 1929)."""

    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class DialOptions:
    """How to connect.

    `timeout_s` is for one address. `sources` are addresses of ours to come from, one for either
    family at most; a family that has none comes from wherever the system chooses.
    `allow_private` permits addresses that are not of the public network. After `stagger_s` without
    an answer the next address is tried too.
    """

    timeout_s: float = 30.0
    sources: tuple[str, ...] = ()
    proxy: Proxy | None = None
    allow_private: bool = False
    stagger_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Try:
    """An address that could not be connected to."""

    ip: str
    why: str


class DialFailure(ConnectionError):
    """No address could be connected to; `ip` and `why` are of the last that was tried."""

    def __init__(self, tries: tuple[Try, ...]) -> None:
        super().__init__("; ".join(f"{one.ip}: {one.why}" for one in tries))
        self.tries = tries
        self.ip = tries[-1].ip if tries else ""
        self.why = tries[-1].why if tries else "no address"


async def dial(addresses: Sequence[str], port: int, options: DialOptions) -> ClientStream:
    """Connect to the first of the addresses that answers.

    Raises `DialFailure` when none does.
    """
    raise NotImplementedError
