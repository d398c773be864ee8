"""The patterns of `:matches`: `*` for anything, `?` for one character (RFC 5228 §2.7.1).

Compiled once and matched without backtracking: each piece between two `*` is put at the first
place where it fits, which gives the shortest match values (RFC 5229 §3.2). Called by `conditions`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(r"\\(.)|(\*+|\?)|[^\\*?]+|\\", re.DOTALL)

Spans = list[tuple[int, int]]
"""The places that the wildcards stand for, in their order."""


class TooMuch(Exception):
    """A match would take more steps than it may."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """What stands between two `*`: literal texts at fixed places, and `?` between them."""

    width: int
    literals: tuple[tuple[int, str], ...]
    """By their distance from the beginning of the piece."""
    single: tuple[int, ...]
    """Where the `?` are."""


class Glob:
    """One pattern; texts have to be folded as the pattern was."""

    __slots__ = ("_pieces", "_width", "quick")

    def __init__(self, pattern: str, fold: Callable[[str], str]) -> None:
        self._pieces = _parse(pattern, fold)
        self._width = sum(piece.width for piece in self._pieces)
        self.quick = self._quick()
        """Whether it matches a text; only for the simple patterns that people write."""

    def _quick(self) -> Callable[[str], bool] | None:
        pieces = self._pieces
        if any(piece.single for piece in pieces):
            return None
        first, last = _text(pieces[0]), _text(pieces[-1])
        if len(pieces) == 1:
            return lambda text: text == first
        inner = [_text(piece) for piece in pieces[1:-1] if piece.width]
        if not inner:
            width = self._width
            return lambda text: (
                len(text) >= width and text.startswith(first) and text.endswith(last)
            )
        if len(inner) == 1 and not first and not last:
            middle = inner[0]
            return lambda text: middle in text
        return None

    def spans(self, text: str, steps: int) -> tuple[Spans | None, int]:
        """Where the wildcards match, `None` if the pattern does not; and how many steps are left.

        Raises `TooMuch`.
        """
        pieces = self._pieces
        size = len(text)
        first, last = pieces[0], pieces[-1]
        end = size - last.width
        if size < self._width or not _fits(first, text, 0) or not _fits(last, text, end):
            return None, steps
        if len(pieces) == 1:
            return (_singles(first, 0) if size == first.width else None), steps
        found = _singles(first, 0)
        at = first.width
        for piece in pieces[1:-1]:
            place, steps = _search(piece, text, at, end, steps)
            if place < 0:
                return None, steps
            found.append((at, place))
            found += _singles(piece, place)
            at = place + piece.width
        found.append((at, end))
        found += _singles(last, end)
        return found, steps


def _text(piece: _Piece) -> str:
    return piece.literals[0][1] if piece.literals else ""


def _singles(piece: _Piece, at: int) -> Spans:
    return [(at + offset, at + offset + 1) for offset in piece.single]


def _fits(piece: _Piece, text: str, at: int) -> bool:
    return all(text.startswith(literal, at + offset) for offset, literal in piece.literals)


def _search(piece: _Piece, text: str, at: int, end: int, steps: int) -> tuple[int, int]:
    """The first place from `at` where a piece fits before `end`, else -1; and the steps left."""
    literals = piece.literals
    if not literals:
        return (at if at + piece.width <= end else -1), steps
    offset, first = literals[0]
    others = literals[1:]
    reach = end - piece.width + offset + len(first)
    found = text.find(first, at + offset, reach)
    while found >= 0:
        place = found - offset
        for distance, literal in others:
            steps -= 1
            if not text.startswith(literal, place + distance):
                break
        else:
            return place, steps
        if steps < 0:
            raise TooMuch
        found = text.find(first, found + 1, reach)
    return -1, steps


def _parse(pattern: str, fold: Callable[[str], str]) -> Sequence[_Piece]:
    pieces: list[_Piece] = []
    width = 0
    literal = ""
    literals: list[tuple[int, str]] = []
    single: list[int] = []

    def close_literal() -> None:
        nonlocal literal, width
        if literal:
            folded = fold(literal)
            literals.append((width, folded))
            width += len(folded)
            literal = ""

    def close_piece() -> None:
        nonlocal width
        close_literal()
        pieces.append(_Piece(width, tuple(literals), tuple(single)))
        width = 0
        literals.clear()
        single.clear()

    for match in _TOKEN.finditer(pattern):
        escaped, wildcard = match.groups()
        if wildcard is None:
            literal += match[0] if escaped is None else escaped
        elif wildcard == "?":
            close_literal()
            single.append(width)
            width += 1
        else:
            # Several in a row stand for as many match values, all but the last one empty.
            for _ in wildcard:
                close_piece()
    close_piece()
    return pieces
