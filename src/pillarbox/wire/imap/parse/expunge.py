"""EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3, §6.4.9)."""

from dataclasses import dataclass

from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.sets import SequenceSet
from pillarbox.wire.imap.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Expunge:
    """Remove what is marked deleted; only among `uids` in the UID form."""

    uids: SequenceSet | None = None


def parse_expunge(tokens: Tokens) -> Expunge:
    """EXPUNGE (RFC 9051 §6.4.3)."""
    return Expunge()


def parse_uid_expunge(tokens: Tokens) -> Expunge:
    """UID EXPUNGE (RFC 9051 §6.4.9)."""
    tokens.sp()
    return Expunge(tokens.sequence_set())


EXPUNGE: tuple[CommandEntry, ...] = (("EXPUNGE", parse_expunge), ("UID EXPUNGE", parse_uid_expunge))
