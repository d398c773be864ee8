"""Words of folded text, as the search index keeps them, and what a needle says of such words.

A word is a maximal run of letters and digits. Scripts written without spaces (Han, kana, Thai,
Lao, Khmer, Burmese, Tibetan) give the pairs of neighbouring characters of each run instead. Words
over `WORD_CHARACTERS` are cut into windows that overlap by half, so that every stretch of up to
`PIECE_CHARACTERS` of them stands whole in one window.

Called by the index; calls nothing of ours. Texts and needles must be `folded` before.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

WORD_CHARACTERS = 256
PIECE_CHARACTERS = WORD_CHARACTERS // 2
_STRETCH = 64 * 1024

UNSPACED = (
    "\u0e01-\u0eff\u0f00-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u302f\u3031-\u303c"
    "\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003fffd"
)
"""The scripts written without spaces, for a class of a regular expression."""
# Vowel signs of India's scripts are no letters to Python, and there is one in most words.
_SIGNS = "\u0900-\u0963\u0966-\u0dff"
_LETTER = rf"(?:[^\W{UNSPACED}]|[{_SIGNS}])"
_ASCII_WORD = re.compile(rb"[0-9a-z_]+")
_PLAIN_WORD = re.compile(rf"[^\W{UNSPACED}]+")
_WORD = re.compile(rf"{_LETTER}+")
_SIGN = re.compile(f"[{_SIGNS}]")
_RUN = re.compile(f"[{UNSPACED}]+")
_PIECE = re.compile(f"([{UNSPACED}]+)|{_LETTER}+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a needle that lies within one word: its UTF-8, and what must stand around it.

    `begins`: a word begins with it; `ends`: a word ends with it.
    """

    text: bytes
    begins: bool
    ends: bool


@dataclass(frozen=True, slots=True)
class Needle:
    """What the words of a text must hold for the text to hold the needle.

    Each piece is needed, but the pieces say too little of what stands between them unless the
    needle is `whole`: then it lies within one word, and its one piece says it all. No pieces: the
    needle says nothing about words.
    """

    pieces: tuple[Piece, ...]
    whole: bool


def words(text: str) -> set[bytes]:
    """The distinct words of folded text in UTF-8."""
    found: set[bytes] = set()
    start = 0
    while start < len(text):
        # By stretches, for other threads wait while a search goes on.
        end = text.find(" ", start + _STRETCH)
        end = len(text) if end < 0 else end
        found |= _words(text[start:end])
        start = end
    return found


def _words(text: str) -> set[bytes]:
    if text.isascii():
        found = set(_ASCII_WORD.findall(text.encode()))
        if found and max(map(len, found)) <= WORD_CHARACTERS:
            return found
        return {window for word in found for window in _windows(word)}
    pattern = _WORD if _SIGN.search(text) else _PLAIN_WORD  # which is quicker
    spelled = {window for word in set(pattern.findall(text)) for window in _text_windows(word)}
    for run in set(_RUN.findall(text)):
        if len(run) == 1:
            spelled.add(run)
        else:
            for start in range(0, len(run), _STRETCH):
                spelled.update(map("".join, pairwise(run[start : start + _STRETCH + 1])))
    return {word.encode() for word in spelled}


def needle_of(text: str) -> Needle:
    """What folded text that is looked for says about the words of a text that holds it."""
    pieces: dict[Piece, None] = {}
    whole = False
    for match in _PIECE.finditer(text):
        begins, ends = match.start() > 0, match.end() < len(text)
        piece = match[0]
        if match[1] and len(piece) > 1:
            pieces.update((Piece((a + b).encode(), True, True), None) for a, b in pairwise(piece))
            whole = len(piece) == len(text) == 2
        elif match[1]:
            pieces[Piece(piece.encode(), False, False)] = None
            whole = len(text) == 1
        elif len(piece) > PIECE_CHARACTERS:
            pieces[Piece(piece[:PIECE_CHARACTERS].encode(), begins, False)] = None
            whole = False
        else:
            pieces[Piece(piece.encode(), begins, ends)] = None
            whole = not begins and not ends
    # The longest are the rarest: with those first, the others need often not be looked at.
    longest_first = sorted(pieces, key=lambda one: -len(one.text))
    return Needle(tuple(longest_first), whole and len(pieces) == 1)


def _windows(word: bytes) -> Iterator[bytes]:
    if len(word) <= WORD_CHARACTERS:
        yield word
        return
    for start in range(0, len(word) - PIECE_CHARACTERS, PIECE_CHARACTERS):
        yield word[start : start + WORD_CHARACTERS]


def _text_windows(word: str) -> Iterator[str]:
    if len(word) <= WORD_CHARACTERS:
        yield word
        return
    for start in range(0, len(word) - PIECE_CHARACTERS, PIECE_CHARACTERS):
        yield word[start : start + WORD_CHARACTERS]
