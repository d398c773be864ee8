"""The query tree every search compiles to: IMAP SEARCH, JMAP filters, the web UI.

Texts match as substrings of decoded text, letters in any case. Instants are milliseconds since the
epoch; intervals are half-open and either end may be missing.
"""

from dataclasses import dataclass

from pillarbox.domain.mail.model import Flag
from pillarbox.domain.mail.placement import UidRanges


@dataclass(frozen=True, slots=True)
class Everything:
    """Every message."""


@dataclass(frozen=True, slots=True)
class And:
    """All of the parts."""

    parts: tuple["Query", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of the parts."""

    parts: tuple["Query", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a part."""

    part: "Query"


@dataclass(frozen=True, slots=True)
class HasFlag:
    """A flag or well-known keyword is set."""

    flag: Flag


@dataclass(frozen=True, slots=True)
class HasKeyword:
    """A keyword is set; compared in any case."""

    name: str


@dataclass(frozen=True, slots=True)
class InUids:
    """The UID lies in one of the ranges."""

    ranges: UidRanges


@dataclass(frozen=True, slots=True)
class SizeOver:
    """Larger than so many octets."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class SizeUnder:
    """Smaller than so many octets."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class InternalBetween:
    """The internal date lies in an interval."""

    from_ms: int | None
    to_ms: int | None


@dataclass(frozen=True, slots=True)
class SentBetween:
    """The Date header lies in an interval; a message without a readable one is never found.

    Instants are those of the time as it is written, its zone disregarded.
    """

    from_ms: int | None
    to_ms: int | None


@dataclass(frozen=True, slots=True)
class SavedBetween:
    """The message came into this mailbox in an interval (RFC 8514)."""

    from_ms: int | None
    to_ms: int | None


@dataclass(frozen=True, slots=True)
class ModseqFrom:
    """Changed at this modseq or later (RFC 7162 §3.1.5)."""

    modseq: int


@dataclass(frozen=True, slots=True)
class Header:
    """A header field of that name holds the text; an empty text asks only for the field."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Address:
    """The addresses and names of `from`, `to`, `cc` or `bcc` hold the text."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject holds the text."""

    text: str


@dataclass(frozen=True, slots=True)
class Body:
    """The body's text holds the text."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """The header or the body's text holds the text."""

    text: str


@dataclass(frozen=True, slots=True)
class EmailIs:
    """The content is this email."""

    email_id: int


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """A part that may hold nearly: other spellings of its words match too (RFC 6203)."""

    part: "Query"


Query = (
    Everything
    | And
    | Or
    | Not
    | HasFlag
    | HasKeyword
    | InUids
    | SizeOver
    | SizeUnder
    | InternalBetween
    | SentBetween
    | SavedBetween
    | ModseqFrom
    | Header
    | Address
    | Subject
    | Body
    | Text
    | EmailIs
    | Fuzzy
)
