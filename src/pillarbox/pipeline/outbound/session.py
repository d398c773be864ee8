"""One connection to another host: greeting, TLS, login, and replies within limits.

Called by `connections` and `transmit`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for what, in seconds (RFC 5321 §4.5.3.2).

    `setup_s` bounds everything before the first message, `letter_s` one message with all its
    recipients, to which `slowest_bytes_s` adds what its size may take.
    """

    connect_s: float = 30.0
    greeting_s: float = 300.0
    command_s: float = 300.0
    tls_s: float = 60.0
    data_s: float = 120.0
    block_s: float = 180.0
    final_s: float = 600.0
    setup_s: float = 600.0
    letter_s: float = 1800.0
    slowest_bytes_s: int = 10_000


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """Who we are, and what is waited for; `hostname` greets where the hop has no name for it."""

    hostname: str
    timeouts: Timeouts = Timeouts()
