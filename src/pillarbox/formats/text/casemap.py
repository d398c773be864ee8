"""The collation `i;unicode-casemap`, by which SORT and THREAD compare (RFC 5051)."""

import unicodedata


def casemap(text: str) -> str:
    """The form of a text whose code points compare as the collation wants (RFC 5051 §2)."""
    if text.isascii():
        return text.upper()
    return unicodedata.normalize("NFKD", "".join(map(_title, text)))


def _title(character: str) -> str:
    """The simple titlecase of a character: itself where that would be several."""
    mapped = character.title()
    return mapped if len(mapped) == 1 else character
