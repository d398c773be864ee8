"""The words of a line: atoms, quoted strings, and where a literal follows (RFC 5804 §4).

More spaces between words than one are taken. Called by `receiver`.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from pillarbox.base.errors import GrammarError

WORDS_MAX: Final = 8
"""More than any command has."""
NUMBER_MAX: Final = (1 << 32) - 1

_ATOM = re.compile(rb"[!#-'*-\[\]-z|-~]{1,1024}")
_QUOTED = re.compile(rb'"((?:[^"\\\x00]|\\["\\])*)"')
_ESCAPED = re.compile(rb'\\(["\\])')
_LITERAL = re.compile(rb"\{(0|[1-9][0-9]{0,9})\+\}")
_ANNOUNCES = re.compile(rb"\{[0-9]+\+?\}")


@dataclass(frozen=True, slots=True)
class Atom:
    """A bare word: a command's name, or a number."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A string, quoted or literal: its octets, without what quoting takes."""

    octets: bytes = field(repr=False)
    quoted: bool = False


Word = Atom | Text


def read_words(segment: bytes, before: int) -> tuple[list[Word], int | None]:
    """The words of a line up to its end or a literal, and that literal's size.

    `segment` has no CRLF; `before` are the words of its command already read. Raises
    `GrammarError`.
    """
    words: list[Word] = []
    position = 0
    while position < len(segment):
        start = position
        while segment[position : position + 1] == b" ":
            position += 1
        if position == len(segment):
            break
        if position == start and (before or words):
            raise GrammarError("a space is missing between two words", position)
        if before + len(words) >= WORDS_MAX:
            raise GrammarError("too many words in one command", position)
        if segment[position : position + 1] == b"{":
            return words, _literal(segment, position)
        word, position = _word(segment, position)
        words.append(word)
    return words, None


def announces_literal(segment: bytes) -> bool:
    """Whether the sender of a malformed segment may go on with a literal."""
    opened = segment.rfind(b"{")
    return opened >= 0 and _ANNOUNCES.fullmatch(segment.rstrip(b" "), opened) is not None


def _word(segment: bytes, position: int) -> tuple[Word, int]:
    if segment[position : position + 1] == b'"':
        quoted = _QUOTED.match(segment, position)
        if quoted is None:
            raise GrammarError("a quoted string is malformed or has no end", position)
        return Text(_ESCAPED.sub(rb"\1", quoted[1]), True), quoted.end()
    atom = _ATOM.match(segment, position)
    if atom is None:
        raise GrammarError("not a word", position)
    return Atom(atom[0].decode("ascii")), atom.end()


def _literal(segment: bytes, position: int) -> int:
    found = _LITERAL.fullmatch(segment, position)
    size = int(found[1]) if found else NUMBER_MAX + 1
    if size > NUMBER_MAX:
        raise GrammarError("a malformed literal", position)
    return size
