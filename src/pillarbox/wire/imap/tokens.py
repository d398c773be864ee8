"""A cursor over the pieces of one command, with the terminals of the grammar (RFC 9051 §9).

Every parser in `parse/` is written in terms of it. All methods move the cursor past what they
return and raise GrammarError where something else stands.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone

from pillarbox.base.errors import GrammarError
from pillarbox.wire.imap.names import decode_name
from pillarbox.wire.imap.receiver import Literal, Piece
from pillarbox.wire.imap.sets import SequenceSet

MAX_DEPTH = 100
MAX_ITEMS = 10_000
MAX_MODSEQ = 0x7FFF_FFFF_FFFF_FFFF

_ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
_ASTRING = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\]+')
# Wildcards are part of a pattern; UTF-8 is let through as in quoted strings.
_PATTERN = re.compile(rb'[^\x00-\x20\x7f(){"\\]+')
_TAG = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\+]+')
_QUOTED = re.compile(rb'"([^"\\\r\n\x00]*+(?:\\["\\][^"\\\r\n\x00]*+)*+)"')
_ESCAPED = re.compile(rb"\\(.)")
_NUMBER = re.compile(rb"[0-9]{1,20}")
_SET = re.compile(rb"[0-9:*,]+|\$")
_FLAG = re.compile(rb'\\?[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
_FLAG_LIST = re.compile(rb'\(((?:\\?[^\x00-\x20\x7f-\xff(){%*"\\\]]+ ?)*+)\)')
_DATE = re.compile(rb'("?)([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})\1')
_DATE_TIME = re.compile(
    rb'"([ 0-9][0-9])-([A-Za-z]{3})-([0-9]{4}) '
    rb'([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})"'
)
_MONTHS = tuple(b"jan feb mar apr may jun jul aug sep oct nov dec".split())

SYSTEM_FLAGS = (r"\Answered", r"\Flagged", r"\Deleted", r"\Seen", r"\Draft")
_SYSTEM_FLAGS = {name.lower().encode("ascii"): name for name in SYSTEM_FLAGS}


class Tokens:
    """The cursor. `utf8` says that UTF8=ACCEPT or IMAP4rev2 is on: names are then UTF-8."""

    __slots__ = ("_before", "_index", "_pieces", "pos", "text", "utf8")

    def __init__(self, pieces: Sequence[Piece], *, utf8: bool = False) -> None:
        first = pieces[0] if pieces else b""
        self._pieces = pieces
        self._index = 0
        self._before = 0
        self.text = first if isinstance(first, bytes) else b""
        self.pos = 0
        self.utf8 = utf8

    def fault(self, text: str) -> GrammarError:
        """The error to raise for the place the cursor is at."""
        return GrammarError(text, self._before + self.pos)

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Match a pattern here and move past it; None leaves the cursor in its place."""
        found = pattern.match(self.text, self.pos)
        if found is not None:
            self.pos = found.end()
        return found

    def _need(self, pattern: re.Pattern[bytes], what: str) -> bytes:
        found = pattern.match(self.text, self.pos)
        if found is None:
            raise self.fault(f"expected {what}")
        self.pos = found.end()
        return found.group()

    # Punctuation

    def at(self, mark: bytes) -> bool:
        """Whether `mark` stands here."""
        return self.text.startswith(mark, self.pos)

    def skip(self, mark: bytes) -> bool:
        """Move past `mark` if it stands here."""
        if self.text.startswith(mark, self.pos):
            self.pos += len(mark)
            return True
        return False

    def expect(self, mark: bytes) -> None:
        """Move past `mark`, which must stand here."""
        if not self.text.startswith(mark, self.pos):
            raise self.fault(f"expected {mark.decode('ascii')}")
        self.pos += len(mark)

    def sp(self) -> None:
        """One space."""
        if not self.text.startswith(b" ", self.pos):
            raise self.fault("expected a space")
        self.pos += 1

    def at_end(self) -> bool:
        """Whether nothing but spaces is left; some clients end commands with one."""
        return self._index + 1 >= len(self._pieces) and not self.text[self.pos :].strip(b" ")

    def end(self) -> None:
        """The end of the command."""
        if not self.at_end():
            raise self.fault("unexpected text after the command")

    # Words

    def tag(self) -> bytes:
        """A command tag."""
        return self._need(_TAG, "a tag")

    def atom(self) -> str:
        """An atom as it was typed."""
        return self._need(_ATOM, "an atom").decode("ascii")

    def keyword(self) -> str:
        """An atom in upper case, for words of the protocol."""
        return self._need(_ATOM, "a keyword").decode("ascii").upper()

    # Strings

    def at_literal(self) -> bool:
        """Whether a literal comes next."""
        return self.pos == len(self.text) and self._index + 1 < len(self._pieces)

    def literal(self) -> Literal:
        """A literal of either kind, whatever it holds."""
        pieces, index = self._pieces, self._index
        if self.pos != len(self.text) or index + 2 >= len(pieces):
            raise self.fault("expected a literal")
        piece, after = pieces[index + 1], pieces[index + 2]
        if not isinstance(piece, Literal) or not isinstance(after, bytes):
            raise self.fault("expected a literal")
        self._before += len(self.text) + len(piece.data)
        self._index = index + 2
        self.text = after
        self.pos = 0
        return piece

    def string(self) -> bytes:
        """A quoted string or literal; 8-bit text must be UTF-8 (RFC 6855 §3)."""
        if self.text.startswith(b'"', self.pos):
            found = _QUOTED.match(self.text, self.pos)
            if found is None:
                raise self.fault("quoted string is not closed")
            value = found.group(1)
            if b"\\" in value:
                value = _ESCAPED.sub(rb"\1", value)
            if not value.isascii():
                self._check_utf8(value)
            self.pos = found.end()
            return value
        piece = self.literal()
        if piece.binary or b"\0" in piece.data:
            raise self.fault("expected a string without NUL")
        return piece.data

    def _check_utf8(self, value: bytes) -> None:
        try:
            value.decode("utf-8")
        except UnicodeDecodeError:
            raise self.fault("text is not UTF-8") from None

    def astring(self) -> bytes:
        """An atom (`]` allowed) or string."""
        found = _ASTRING.match(self.text, self.pos)
        if found is None:
            return self.string()
        self.pos = found.end()
        return found.group()

    def astring_text(self) -> str:
        """An atom or string as text."""
        return self._decode(self.astring())

    def string_text(self) -> str:
        """A string as text."""
        return self._decode(self.string())

    def nstring_text(self) -> str | None:
        """A string as text, or NIL."""
        found = _ATOM.match(self.text, self.pos)
        if found is None:
            return self.string_text()
        if found.group().upper() != b"NIL":
            raise self.fault("expected a string or NIL")
        self.pos = found.end()
        return None

    def _decode(self, value: bytes) -> str:
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            raise self.fault("text is not UTF-8") from None

    # Mailboxes

    def mailbox(self) -> str:
        """A mailbox name, decoded; INBOX in its one spelling."""
        return decode_name(self.astring(), utf8=self.utf8)

    def mailbox_pattern(self) -> str:
        """A mailbox name that may have wildcards (list-mailbox), decoded."""
        found = _PATTERN.match(self.text, self.pos)
        if found is None:
            return decode_name(self.string(), utf8=self.utf8)
        self.pos = found.end()
        return decode_name(found.group(), utf8=self.utf8)

    # Numbers

    def number64(self, maximum: int = MAX_MODSEQ) -> int:
        """A number from 0 to `maximum`."""
        found = _NUMBER.match(self.text, self.pos)
        if found is None:
            raise self.fault("expected a number")
        value = int(found.group())
        if value > maximum:
            raise self.fault("number too large")
        self.pos = found.end()
        return value

    def number(self) -> int:
        """A number of 32 bits."""
        return self.number64(0xFFFF_FFFF)

    def nz_number(self) -> int:
        """A number of 32 bits other than 0, without leading zeros."""
        if self.at(b"0"):
            raise self.fault("expected a number other than 0")
        return self.number64(0xFFFF_FFFF)

    def sequence_set(self) -> SequenceSet:
        """A sequence set or `$`."""
        at = self._before + self.pos
        return SequenceSet.parse(self._need(_SET, "a sequence set"), at)

    # Flags

    def flag(self) -> str:
        """A flag or keyword; system flags in their one spelling, others refused."""
        return self._flag(self._need(_FLAG, "a flag"))

    def _flag(self, text: bytes) -> str:
        if not text.startswith(b"\\"):
            return text.decode("ascii")
        known = _SYSTEM_FLAGS.get(text.lower())
        if known is None:
            raise self.fault(f"flag {text.decode('ascii')} can't be set")
        return known

    def flag_list(self) -> tuple[str, ...]:
        """Flags in parentheses, each once."""
        found = _FLAG_LIST.match(self.text, self.pos)
        if found is None:
            raise self.fault("expected a list of flags")
        words = found.group(1).split(b" ") if found.group(1) else []
        if b"" in words:
            raise self.fault("expected a flag")
        flags = tuple(dict.fromkeys(map(self._flag, words)))
        self.pos = found.end()
        return flags

    # Dates

    def date(self) -> date:
        """A day such as `1-Feb-2024`, quoted or not."""
        found = _DATE.match(self.text, self.pos)
        if found is None:
            raise self.fault("expected a date")
        try:
            value = date(int(found.group(4)), self._month(found.group(3)), int(found.group(2)))
        except ValueError as error:
            raise self.fault("no such date") from error
        self.pos = found.end()
        return value

    def date_time(self) -> datetime:
        """A date-time such as `"01-Feb-2024 10:00:00 +0100"`, with its zone."""
        found = _DATE_TIME.match(self.text, self.pos)
        if found is None:
            raise self.fault("expected a date and time")
        day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        try:
            zone = UTC if not offset else timezone(-offset if sign == b"-" else offset)
            # Second 60 is a leap second; the calendar has no place for it.
            value = datetime(
                int(year), self._month(month), int(day), int(hour), int(minute),
                min(int(second), 59) if int(second) <= 60 else 60, tzinfo=zone,
            )  # fmt: skip
            value.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self.fault("no such date and time") from error
        self.pos = found.end()
        return value

    def _month(self, name: bytes) -> int:
        try:
            return _MONTHS.index(name.lower()) + 1
        except ValueError:
            raise self.fault("no such month") from None
