"""SELECT, EXAMINE, CLOSE, UNSELECT and CHECK, with CONDSTORE and QRESYNC (RFC 7162 §3)."""

from dataclasses import dataclass

from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.sets import SequenceSet
from pillarbox.wire.imap.tokens import Tokens


@dataclass(frozen=True, slots=True)
class QResync:
    """What the client last knew of a mailbox; `matches` pairs message numbers with UIDs."""

    uid_validity: int
    modseq: int
    known_uids: SequenceSet | None = None
    matches: tuple[SequenceSet, SequenceSet] | None = None


@dataclass(frozen=True, slots=True)
class Select:
    """Open a mailbox; `read_only` for EXAMINE."""

    mailbox: str
    read_only: bool
    condstore: bool = False
    qresync: QResync | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """Expunge and leave the mailbox."""


@dataclass(frozen=True, slots=True)
class Unselect:
    """Leave the mailbox."""


@dataclass(frozen=True, slots=True)
class Check:
    """A checkpoint; nothing more than NOOP here (RFC 3501 §6.4.1)."""


def _known_set(tokens: Tokens) -> SequenceSet:
    """A set of real numbers: neither `*` nor `$` (RFC 7162 §3.2.5)."""
    value = tokens.sequence_set()
    if value.saved or any(not low or not high for low, high in value.ranges):
        raise tokens.fault("expected a set of numbers")
    return value


def _qresync(tokens: Tokens) -> QResync:
    """`(uidvalidity modseq [known-uids] [(seqs uids)])` (RFC 7162 §3.2.5)."""
    tokens.expect(b" (")
    uid_validity = tokens.nz_number()
    tokens.sp()
    modseq = tokens.number64()
    if not modseq:
        raise tokens.fault("expected a number other than 0")
    known: SequenceSet | None = None
    matches: tuple[SequenceSet, SequenceSet] | None = None
    if tokens.at(b" ") and not tokens.at(b" ("):
        tokens.sp()
        known = _known_set(tokens)
    if tokens.skip(b" ("):
        numbers = _known_set(tokens)
        tokens.sp()
        matches = (numbers, _known_set(tokens))
        tokens.expect(b")")
    tokens.expect(b")")
    return QResync(uid_validity, modseq, known, matches)


def _parse(tokens: Tokens, *, read_only: bool) -> Select:
    tokens.sp()
    mailbox = tokens.mailbox()
    condstore = False
    qresync: QResync | None = None
    if tokens.skip(b" ("):
        while True:
            match tokens.keyword():
                case "CONDSTORE":
                    condstore = True
                case "QRESYNC" if qresync is None:
                    qresync = _qresync(tokens)
                case _:
                    raise tokens.fault("unknown parameter")
            if tokens.skip(b")"):
                break
            tokens.sp()
    return Select(mailbox, read_only, condstore, qresync)


def parse_select(tokens: Tokens) -> Select:
    """SELECT (RFC 9051 §6.3.2)."""
    return _parse(tokens, read_only=False)


def parse_examine(tokens: Tokens) -> Select:
    """EXAMINE (RFC 9051 §6.3.3)."""
    return _parse(tokens, read_only=True)


def parse_close(tokens: Tokens) -> Close:
    """CLOSE (RFC 9051 §6.4.1)."""
    return Close()


def parse_unselect(tokens: Tokens) -> Unselect:
    """UNSELECT (RFC 9051 §6.4.2)."""
    return Unselect()


def parse_check(tokens: Tokens) -> Check:
    """CHECK (RFC 3501 §6.4.1)."""
    return Check()


SELECT: tuple[CommandEntry, ...] = (
    ("SELECT", parse_select),
    ("EXAMINE", parse_examine),
    ("CLOSE", parse_close),
    ("UNSELECT", parse_unselect),
    ("CHECK", parse_check),
)
