"""What can be searched for: a tree of keys (RFC 9051 §6.4.4). Values only; `search.py` parses."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum

from pillarbox.wire.imap.sets import SequenceSet


class DateField(Enum):
    """Which date of a message."""

    INTERNAL = "internal"
    SENT = "sent"
    SAVED = "saved"


class DateOrder(Enum):
    """How it compares; days only, zones disregarded."""

    BEFORE = "before"
    ON = "on"
    SINCE = "since"


@dataclass(frozen=True, slots=True)
class AllKey:
    """Every message."""


@dataclass(frozen=True, slots=True)
class AndKey:
    """All of these."""

    keys: tuple["SearchKey", ...]


@dataclass(frozen=True, slots=True)
class OrKey:
    """Either of these."""

    left: "SearchKey"
    right: "SearchKey"


@dataclass(frozen=True, slots=True)
class NotKey:
    """Not this."""

    key: "SearchKey"


@dataclass(frozen=True, slots=True)
class FlagKey:
    """A flag (`\\Recent` too) or keyword is set, or is not."""

    flag: str
    present: bool = True


@dataclass(frozen=True, slots=True)
class HeaderKey:
    """A field of the header holds the text; empty text asks for the field itself.

    FROM, TO, CC, BCC and SUBJECT come as HEADER of that name with `envelope` true: the text is
    looked for in the envelope's form of it.
    """

    field: str
    text: str
    envelope: bool = False


@dataclass(frozen=True, slots=True)
class BodyKey:
    """The body holds the text."""

    text: str


@dataclass(frozen=True, slots=True)
class TextKey:
    """Header or body hold the text."""

    text: str


@dataclass(frozen=True, slots=True)
class DateKey:
    """A date of the message against a day."""

    field: DateField
    order: DateOrder
    day: date


@dataclass(frozen=True, slots=True)
class WithinKey:
    """The internal date lies within the last `interval_s` seconds, or does not (RFC 5032)."""

    interval_s: int
    younger: bool


@dataclass(frozen=True, slots=True)
class LargerKey:
    """More bytes than this."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class SmallerKey:
    """Fewer bytes than this."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class SequenceKey:
    """One of these message numbers, or UIDs with `uid`."""

    sequence: SequenceSet
    uid: bool = False


@dataclass(frozen=True, slots=True)
class ModSeqKey:
    """Mod-sequence at least this; entry name and type are only syntax (RFC 7162 §3.1.5)."""

    modseq: int


@dataclass(frozen=True, slots=True)
class EmailIdKey:
    """The message with this object id (RFC 8474 §6)."""

    object_id: str


@dataclass(frozen=True, slots=True)
class ThreadIdKey:
    """A message of the thread with this object id (RFC 8474 §6)."""

    object_id: str


@dataclass(frozen=True, slots=True)
class SaveDateSupportedKey:
    """The mailbox keeps save dates (RFC 8514 §4.3)."""


@dataclass(frozen=True, slots=True)
class FuzzyKey:
    """This key, held nearly (RFC 6203 §3)."""

    key: "SearchKey"


SearchKey = (
    AllKey | AndKey | OrKey | NotKey | FlagKey | HeaderKey | BodyKey | TextKey | DateKey | WithinKey
    | LargerKey | SmallerKey | SequenceKey | ModSeqKey | EmailIdKey | ThreadIdKey
    | SaveDateSupportedKey | FuzzyKey
)  # fmt: skip


def each_key(key: SearchKey) -> Iterator[SearchKey]:
    """A key and every key within it."""
    left = [key]
    while left:
        one = left.pop()
        yield one
        match one:
            case AndKey(keys):
                left.extend(keys)
            case OrKey(first, second):
                left += (first, second)
            case NotKey(inner) | FuzzyKey(inner):
                left.append(inner)
            case _:
                pass
