"""Ranges of results: `1:500` from the first on, `-1:-100` from the last back (RFC 9394 §3.1)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pillarbox.wire.imap.tokens import Tokens

_RANGE = re.compile(rb"([1-9][0-9]{0,9}):([1-9][0-9]{0,9})|-([1-9][0-9]{0,9}):-([1-9][0-9]{0,9})")
_MAX = 0xFFFF_FFFF

Span = tuple[int, int]
"""Half-open."""


@dataclass(frozen=True, slots=True)
class PartialRange:
    """Which of some results are wanted, by place; both ends are negative to count from the last."""

    first: int
    last: int

    def within(self, count: int) -> Span:
        """The places of so many results, half-open from 0; an empty span where there are none."""
        low, high = sorted((abs(self.first), abs(self.last)))
        if self.first < 0:
            return max(count - high, 0), max(count - low + 1, 0)
        return min(low - 1, count), min(high, count)

    def to_bytes(self) -> bytes:
        """The range as the client wrote it."""
        return b"%d:%d" % (self.first, self.last)


def parse_partial_range(tokens: Tokens) -> PartialRange:
    """The range behind PARTIAL."""
    found = tokens.match(_RANGE)
    if found is None:
        raise tokens.fault("expected a range of results")
    first, last = (int(one) for one in found.groups() if one is not None)
    if max(first, last) > _MAX:
        raise tokens.fault("number too large in range")
    return PartialRange(-first, -last) if found.group(3) else PartialRange(first, last)


def partial(spans: Iterable[Span], wanted: PartialRange) -> list[Span]:
    """What is left of ascending, disjoint spans of messages when only a range is wanted."""
    every = list(spans)
    start, end = wanted.within(sum(high - low for low, high in every))
    left: list[Span] = []
    place = 0
    for low, high in every:
        first, last = max(start - place, 0), min(end - place, high - low)
        if first < last:
            left.append((low + first, low + last))
        place += high - low
    return left
