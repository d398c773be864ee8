"""What a rule looks at in a message.

Each value checks itself when it is made and raises `Invalid`. In JSON `test` says which it is.
`negate` turns it round. Texts are compared without regard to case.
"""

from collections.abc import Callable
from datetime import date, time
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

import msgspec
from msgspec.structs import force_setattr

from pillarbox.base.errors import Invalid
from pillarbox.formats.sieve.rules import texts
from pillarbox.formats.sieve.rules.patterns import as_begins, as_ends, has_whole_escapes

VALUES = 100
"""Texts of one condition."""
HEADERS = 20
"""Header fields of one condition."""
ADDRESS_HEADERS = (
    *("from", "to", "cc", "bcc", "sender", "reply-to"),
    *("resent-from", "resent-to", "resent-cc", "resent-bcc", "resent-sender"),
)
"""Fields with addresses that rules know."""
LARGEST_BYTES = 10 << 30
V = TypeVar("V", bound="_Texts")


class Match(StrEnum):
    """How a text is compared; `MATCHES` is with the wildcards `*` and `?`."""

    CONTAINS = "contains"
    IS = "is"
    BEGINS = "begins"
    ENDS = "ends"
    MATCHES = "matches"
    REGEX = "regex"


class Part(StrEnum):
    """The part of an address; `USER` and `DETAIL` are those of a sub-address (RFC 5233)."""

    ALL = "all"
    LOCAL_PART = "localpart"
    DOMAIN = "domain"
    USER = "user"
    DETAIL = "detail"


class Envelope(StrEnum):
    """Sender or recipient as SMTP had them."""

    FROM = "from"
    TO = "to"


class Moment(StrEnum):
    """A part of the current time (RFC 5260 §4.2); weekdays are 0 for Sunday to 6."""

    DATE = "date"
    TIME = "time"
    WEEKDAY = "weekday"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"


class Relation(StrEnum):
    """How a part of the time is compared: from it on, up to it, or just it."""

    IS = "is"
    FROM = "from"
    UNTIL = "until"


class _Condition(msgspec.Struct, frozen=True, kw_only=True, tag_field="test", omit_defaults=True):
    negate: bool = False


class _Texts(_Condition, frozen=True, kw_only=True):
    match: Match = Match.CONTAINS
    values: tuple[str, ...]

    def _settle(self) -> None:
        empty = self.match is Match.IS
        values = texts.values("a condition", self.values, VALUES, empty=empty)
        force_setattr(self, "values", values)
        if self.match is not Match.MATCHES:
            return
        if not all(map(has_whole_escapes, values)):
            raise Invalid("A pattern ends with a single backslash; write two for one")
        # "word*" says the same as "begins with word", and reads back as that.
        for match, simpler in ((Match.BEGINS, as_begins), (Match.ENDS, as_ends)):
            plain = [simpler(value) for value in values]
            if all(plain):
                force_setattr(self, "match", match)
                force_setattr(self, "values", tuple(filter(None, plain)))
                return


class HeaderText(_Texts, frozen=True, kw_only=True, tag="header"):
    """The text of header fields, such as the subject."""

    headers: tuple[str, ...]

    def __post_init__(self) -> None:
        texts.field_names(self.headers, HEADERS)
        self._settle()


class AddressText(_Texts, frozen=True, kw_only=True, tag="address"):
    """Addresses in header fields, without the names beside them."""

    headers: tuple[str, ...]
    part: Part = Part.ALL

    def __post_init__(self) -> None:
        texts.count("The header field to look at", self.headers, HEADERS)
        lower = tuple(header.lower() for header in self.headers)
        for header in lower:
            if header not in ADDRESS_HEADERS:
                raise Invalid(
                    f"{texts.shown(header)} is not a header field with addresses;"
                    f" there are {', '.join(ADDRESS_HEADERS)}"
                )
        force_setattr(self, "headers", lower)
        self._settle()


class EnvelopeText(_Texts, frozen=True, kw_only=True, tag="envelope"):
    """The sender or the recipient that SMTP was told."""

    of: Envelope
    part: Part = Part.ALL

    def __post_init__(self) -> None:
        self._settle()


class BodyText(_Texts, frozen=True, kw_only=True, tag="body"):
    """The text of the message."""

    def __post_init__(self) -> None:
        self._settle()


class HasHeader(_Condition, frozen=True, kw_only=True, tag="exists"):
    """All these header fields are there."""

    headers: tuple[str, ...]

    def __post_init__(self) -> None:
        texts.field_names(self.headers, HEADERS)


class MessageSize(_Condition, frozen=True, kw_only=True, tag="size"):
    """Larger than so many bytes, or else smaller."""

    size_bytes: int
    over: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.size_bytes <= LARGEST_BYTES:
            raise Invalid("A size is between 0 and 10 GiB")


class HasAttachment(_Condition, frozen=True, kw_only=True, tag="attachment"):
    """A part of the message says that it is an attachment."""


class SpamScore(_Condition, frozen=True, kw_only=True, tag="spam"):
    """So likely it is spam, or more: 1 (surely not) to 10 (surely); RFC 5235 §3.2."""

    at_least: int

    def __post_init__(self) -> None:
        if not 1 <= self.at_least <= 10:
            raise Invalid("The spam score is between 1 and 10")


class CurrentDate(_Condition, frozen=True, kw_only=True, tag="date"):
    """The time at which the message comes in; `zone` as `+0100`, empty is the server's.

    More than one of `values` can be given for `Relation.IS`. Dates are `2026-12-31`, times
    `18:00:00`; the other parts have two digits (weekdays one, years four).
    """

    values: tuple[str, ...]
    part: Moment = Moment.DATE
    relation: Relation = Relation.IS
    zone: str = ""

    def __post_init__(self) -> None:
        most = VALUES if self.relation is Relation.IS else 1
        texts.count("The time to compare with", self.values, most)
        texts.zone(self.zone)
        for value in self.values:
            if not _MOMENTS[self.part](value):
                raise Invalid(f"{texts.shown(value)} is not a {self.part.value}")


class FromContacts(_Condition, frozen=True, kw_only=True, tag="contacts"):
    """An address in these fields is one of the user's contacts."""

    headers: tuple[str, ...] = ("from",)

    def __post_init__(self) -> None:
        AddressText(headers=self.headers, values=("x",))
        force_setattr(self, "headers", tuple(header.lower() for header in self.headers))


Condition = (
    HeaderText
    | AddressText
    | EnvelopeText
    | BodyText
    | HasHeader
    | MessageSize
    | HasAttachment
    | SpamScore
    | CurrentDate
    | FromContacts
)


def _is_date(text: str) -> bool:
    try:
        return len(text) == 10 and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_time(text: str) -> bool:
    try:
        return len(text) == 8 and time.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _number(digits: int, least: int, most: int) -> Callable[[str], bool]:
    def fits(text: str) -> bool:
        plain = len(text) == digits and text.isascii() and text.isdigit()
        return plain and least <= int(text) <= most

    return fits


_MOMENTS = MappingProxyType(
    {
        Moment.DATE: _is_date,
        Moment.TIME: _is_time,
        Moment.WEEKDAY: _number(1, 0, 6),
        Moment.HOUR: _number(2, 0, 23),
        Moment.DAY: _number(2, 1, 31),
        Moment.MONTH: _number(2, 1, 12),
        Moment.YEAR: _number(4, 0, 9999),
    }
)
