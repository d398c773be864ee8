"""Sequence sets: message numbers and UIDs as ranges, read and written (RFC 9051 §9).

Used by the grammar, by command handlers to find the messages meant, and by responses.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from operator import sub

from pillarbox.base.errors import GrammarError

STAR = 0
"""Stands for `*` in a range: the largest number in use."""

_MAX_NUMBER = 0xFFFF_FFFF
_MAX_RANGES = 32_768
_NUMBER = rb"(?:\*|[1-9][0-9]{0,9})"
_RANGE = _NUMBER + rb"(?::" + _NUMBER + rb")?"
_SET = re.compile(_RANGE + rb"(?:," + _RANGE + rb")*+")

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """Ranges as the client gave them; `saved` stands for `$`, the saved search result."""

    ranges: tuple[Range, ...] = ()
    saved: bool = False

    @classmethod
    def parse(cls, text: bytes, position: int = 0) -> "SequenceSet":
        """Read a set; GrammarError names `position` as the place of a fault."""
        if text == b"$":
            return SAVED_RESULT
        if _SET.fullmatch(text) is None:
            raise GrammarError("not a sequence set", position)
        parts = text.split(b",")
        if len(parts) > _MAX_RANGES:
            raise GrammarError("too many ranges in sequence set", position)
        ranges: list[Range] = []
        for part in parts:
            first, colon, last = part.partition(b":")
            low = STAR if first == b"*" else int(first)
            high = low if not colon else STAR if last == b"*" else int(last)
            if low > _MAX_NUMBER or high > _MAX_NUMBER:
                raise GrammarError("number too large in sequence set", position)
            ranges.append((low, high))
        return cls(tuple(ranges))

    @property
    def highest(self) -> int:
        """The largest number named; `*` does not count. 0 for `*` alone and for `$`."""
        return max((max(pair) for pair in self.ranges), default=0)

    def resolve(self, largest: int) -> tuple[Range, ...]:
        """Ascending, disjoint ranges (both ends included) with `*` read as `largest`.

        `5:*` means `3:5` where `largest` is 3 (RFC 9051 §9). With nothing in use (0) the result
        is empty. Numbers over `largest` are kept; the caller says whether they are an error.
        """
        if largest < 1:
            return ()
        pairs = sorted(
            (low, high) if low <= high else (high, low)
            for low, high in ((a or largest, b or largest) for a, b in self.ranges)
        )
        if len(pairs) < 2:
            return tuple(pairs)
        merged: list[Range] = []
        low, high = pairs[0]
        for start, end in pairs:
            if start <= high + 1:
                high = max(high, end)
            else:
                merged.append((low, high))
                low, high = start, end
        merged.append((low, high))
        return tuple(merged)

    def to_bytes(self) -> bytes:
        """The set as it is written in a command."""
        if self.saved:
            return b"$"
        return ",".join(
            _end(low) if low == high else f"{_end(low)}:{_end(high)}" for low, high in self.ranges
        ).encode("ascii")


SAVED_RESULT = SequenceSet(saved=True)


def _end(number: int) -> str:
    return str(number) if number else "*"


def format_uid_set(numbers: Iterable[int]) -> bytes:
    """Set text for strictly ascending numbers, with runs as ranges; empty for none."""
    values = numbers if isinstance(numbers, (list, tuple, range)) else list(numbers)
    if not values:
        return b""
    if values[-1] - values[0] + 1 == len(values):
        return format_ranges(((values[0], values[-1]),))
    gaps = map(sub, islice(values, 1, None), values)
    breaks = [index for index, gap in enumerate(gaps, 1) if gap != 1]
    if len(breaks) + 1 == len(values):
        return ",".join(map(str, values)).encode("ascii")
    starts = [values[0], *[values[index] for index in breaks]]
    ends = [*[values[index - 1] for index in breaks], values[-1]]
    return format_ranges(zip(starts, ends, strict=True))


def format_ranges(ranges: Iterable[Range]) -> bytes:
    """Set text for ranges of numbers."""
    return ",".join([str(low) if low == high else f"{low}:{high}" for low, high in ranges]).encode(
        "ascii"
    )
