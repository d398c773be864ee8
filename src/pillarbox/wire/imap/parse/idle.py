"""IDLE; the DONE that ends it is a bare line (`Receiver.next_line`) (RFC 9051 §6.3.13)."""

from dataclasses import dataclass

from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Idle:
    """Tell what happens until the client says DONE."""


def parse_idle(tokens: Tokens) -> Idle:
    """IDLE (RFC 9051 §6.3.13)."""
    return Idle()


def is_done(line: bytes) -> bool:
    """Whether a line ends IDLE."""
    return line.strip(b" ").upper() == b"DONE"


IDLE: tuple[CommandEntry, ...] = (("IDLE", parse_idle),)
