"""Text in the form in which it is compared: case, accents and the kind of white space don't count.

One form for the index, for judging a message and for what is looked for. Not for showing. Called by
search; calls nothing of ours.
"""

import re
import unicodedata
from collections.abc import Iterator
from types import MappingProxyType

# Marks that people leave out when they type: accents of Latin, Greek and Cyrillic, points of
# Hebrew, Arabic and Syriac. Marks of other scripts make other letters (が is not か) and stay.
_DROPPED_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
    "\u0711\u0730-\u074a"
)
# Soft hyphens, joiners, direction marks, fillers, variation selectors and tags: nobody sees them.
_INVISIBLE = (
    "\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff"
)
_DROPPED = re.compile(f"[{_DROPPED_MARKS}{_INVISIBLE}]+")
# Letters that Unicode does not take apart but people do, and what typesetting makes of ' " and -.
_OTHERS = MappingProxyType(
    {
        **dict.fromkeys("øØ", "o"),
        **dict.fromkeys("łŁ", "l"),
        **dict.fromkeys("đĐðÐ", "d"),
        **dict.fromkeys("ħĦ", "h"),
        **dict.fromkeys("ŧŦ", "t"),
        **dict.fromkeys("æÆ", "ae"),
        **dict.fromkeys("œŒ", "oe"),
        **dict.fromkeys("þÞ", "th"),
        "ı": "i",
        **dict.fromkeys("‘’‚‛′ʼ", "'"),
        **dict.fromkeys("“”„‟", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
    }
)
_OTHER = re.compile(f"[{''.join(_OTHERS).replace('-', '')}]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SPACE = re.compile(r"\s\s+|[^\S ]")
_MARKS_MAX = 32
# No letters, digits or space: long runs of marks are among these, and sorting marks takes
# quadratic time.
_LONG_RUN = re.compile(rf"[^\w\s\x00-\x7f]{{{_MARKS_MAX + 1},}}")
_PIECE_CHARACTERS = 16 * 1024
_PIECE_MAX_CHARACTERS = 64 * 1024
# Letters that can become one with the letter before: jamo, and vowels of Kirat Rai.
_JOINING = re.compile("[\u1100-\u11ff\ud7b0-\ud7ff\U00016d40-\U00016d7f]")


def folded(text: str) -> str:
    """Text as it is compared; at most eighteen times as long as `text`.

    Compatible forms become one (NFKD), accents and invisible characters go, case is folded, a run
    of white space becomes one space, also at the ends. Marks that make another letter stay, and
    what is left is composed (NFC), so 한 stays one character and が differs from か.

    Idempotent. `folded(a) in folded(b)` wherever `a in b`, unless `a` ends or begins inside one
    character: between a letter and a mark that stays, or between the jamo of one syllable. Marks
    behind the thirty-second of one letter go too, and where 48,000 characters hold no letter or
    digit that stands alone, what follows counts as another text. The result can be encoded: lone
    surrogates become U+FFFD.
    """
    if len(text) <= _PIECE_CHARACTERS:
        return _folded(text)
    return "".join(map(_folded, _pieces(text)))


def _folded(text: str) -> str:
    text = text.lower() if text.isascii() else _letters(text)
    return _SPACE.sub(" ", text)


def _pieces(text: str) -> Iterator[str]:
    """The text in pieces that may be folded one by one, so that other threads have their turn."""
    start = 0
    while start < len(text):
        end = start + _PIECE_CHARACTERS
        most = min(start + _PIECE_MAX_CHARACTERS, len(text))
        while end < most and not _stands_alone(text[end]):
            end += 1
        yield text[start:end]
        start = end


def _stands_alone(character: str) -> bool:
    """Whether a character is a letter or digit that no other before it can change."""
    first = unicodedata.normalize("NFKD", character)[0]
    both = character + first
    return both.isalnum() and not _JOINING.search(both) and not _DROPPED.search(both)


def _letters(text: str) -> str:
    text = _SURROGATE.sub("\ufffd", _DROPPED.sub("", text))
    text = unicodedata.normalize("NFKD", _LONG_RUN.sub(_few_marks, text))
    # What NFKD takes apart must not hide from the second look what the first one left.
    text = _LONG_RUN.sub(_few_marks, _DROPPED.sub("", text))
    text = _OTHER.sub(_other, text).casefold()
    return unicodedata.normalize("NFC", text)


def _other(match: re.Match[str]) -> str:
    return _OTHERS[match[0]]


def _few_marks(match: re.Match[str]) -> str:
    kept: list[str] = []
    marks = 0
    for character in match[0]:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= _MARKS_MAX:
            kept.append(character)
    return "".join(kept)
