"""COPY and MOVE with their UID forms (RFC 9051 §6.4.7, §6.4.8)."""

from dataclasses import dataclass

from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.sets import SequenceSet
from pillarbox.wire.imap.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Copy:
    """Put copies into a mailbox."""

    sequence: SequenceSet
    mailbox: str
    uid: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """Put messages into a mailbox and take them from this one."""

    sequence: SequenceSet
    mailbox: str
    uid: bool = False


def _arguments(tokens: Tokens) -> tuple[SequenceSet, str]:
    tokens.sp()
    sequence = tokens.sequence_set()
    tokens.sp()
    return sequence, tokens.mailbox()


def parse_copy(tokens: Tokens) -> Copy:
    """COPY (RFC 9051 §6.4.7)."""
    return Copy(*_arguments(tokens))


def parse_uid_copy(tokens: Tokens) -> Copy:
    """UID COPY (RFC 9051 §6.4.9)."""
    return Copy(*_arguments(tokens), uid=True)


def parse_move(tokens: Tokens) -> Move:
    """MOVE (RFC 9051 §6.4.8)."""
    return Move(*_arguments(tokens))


def parse_uid_move(tokens: Tokens) -> Move:
    """UID MOVE (RFC 9051 §6.4.9)."""
    return Move(*_arguments(tokens), uid=True)


COPY: tuple[CommandEntry, ...] = (
    ("COPY", parse_copy),
    ("UID COPY", parse_uid_copy),
    ("MOVE", parse_move),
    ("UID MOVE", parse_uid_move),
)
