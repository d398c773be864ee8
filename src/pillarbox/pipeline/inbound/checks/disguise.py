"""Characters that are not what they seem: unseen ones, and letters of other scripts.

Facts and functions for the checks of subjects, names, text and domains.
"""

import re
import unicodedata
from types import MappingProxyType

# Spaces of no width, joiners of words, and shifts of direction. The joiners U+200C and U+200D
# belong to several scripts and to emoji, the marks U+200E and U+200F to mixed Hebrew and Arabic:
# they are odd only between Latin, Greek or Cyrillic letters.
_UNSEEN = re.compile(
    "[\u200b\u2060-\u2064\ufeff\u180e\U000e0001-\U000e007f]"
    "|(?<=[A-Za-z\u00c0-\u052f])[\u00ad\u200c-\u200f](?=[A-Za-z\u00c0-\u052f])"
)
_SHIFTS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe]")
_FLAGS = re.compile("\U0001f3f4[\U000e0020-\U000e007f]+")
_BROKEN_WORD = re.compile("(?:[A-Za-z\u00c0-\u052f]{1,2}+[\u00ad\u200b-\u200f\u2060\ufeff]++){3,}+")
_MIXED = re.compile(
    "[A-Za-z](?=[\u0370-\u03ff\u0400-\u052f])|[\u0370-\u03ff\u0400-\u052f](?=[A-Za-z])"
)
# Letters that look like Latin ones, and the Latin ones they look like; what NFKC changes and what
# an accent tells apart is not listed.
_LOOKS_LIKE = str.maketrans(
    {
        **dict(zip("аеорсухіјѕԁһӏԛԝгк", "aeopcyxijsdhlqwrk", strict=True)),
        **dict(zip("вмнтьз", "bmhtb3", strict=True)),
        **dict(zip("αεικνορτυχωγβηκ", "aeikvoptuxwybnk", strict=True)),
        **dict(zip("ıȷɑɡɩɪʏʙɴʀѵⅼꞌ", "ijagiiybnrvl'", strict=True)),
        **dict(zip("øđħłŧƅɓɗɠƙɲƥʂƭʋⱳƴ", "odhltbbdgknpstvwy", strict=True)),
        "ß": "b",
        "æ": "ae",
        "œ": "oe",
        "0": "o",
        "1": "l",
        "|": "l",
        "!": "l",
        "5": "s",
        "$": "s",
        "3": "e",
        "4": "a",
        "@": "a",
        "8": "b",
        "6": "b",
        "9": "g",
    }
)
_PAIRS = MappingProxyType({"rn": "m", "vv": "w", "cl": "d"})
_PAIR = re.compile("|".join(_PAIRS))


def unseen(text: str) -> bool:
    """Whether a line has characters that show nothing or turn the direction without need."""
    if text.isascii():
        return False
    if "\U0001f3f4" in text:
        text = _FLAGS.sub("", text)  # the flags of parts of a country are spelled by such
    if _UNSEEN.search(text):
        return True
    return bool(_SHIFTS.search(text)) and not _RIGHT_TO_LEFT.search(text)


def broken_words(text: str) -> int:
    """How many words have unseen characters after every letter or two."""
    return 0 if text.isascii() else sum(1 for _ in _BROKEN_WORD.finditer(text))


def mixed_scripts(text: str) -> int:
    """How many times a Latin letter stands next to a Greek or Cyrillic one."""
    return 0 if text.isascii() else sum(1 for _ in _MIXED.finditer(text))


def skeleton(text: str) -> str:
    """What a short text looks like: texts that may be mistaken for each other have one skeleton.

    Case, accents and compatible forms go; letters of other scripts, and digits, become the Latin
    letters they resemble. Nothing to be shown. Facts from Unicode's list of confusables (UTS 39).
    """
    text = unicodedata.normalize("NFKD", text).casefold()
    text = "".join([one for one in text if not unicodedata.combining(one)])
    text = unicodedata.normalize("NFKC", text).translate(_LOOKS_LIKE)
    return _PAIR.sub(_pair, text).replace("i", "l")


def _pair(found: re.Match[str]) -> str:
    return _PAIRS[found[0]]
