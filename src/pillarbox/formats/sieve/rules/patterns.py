"""Patterns of `:matches` (RFC 5228 §2.7.1): literal text in them, and out of them."""

import re

_SPECIAL = re.compile(r"([*?\\])")
_TOKEN = re.compile(r"\\(.)|([*?])|([^*?\\]+)|(\\)", re.DOTALL)


def literal(text: str) -> str:
    """A text as a pattern that matches just it."""
    return _SPECIAL.sub(r"\\\1", text)


def as_begins(pattern: str) -> str | None:
    """The text of a pattern that is text and then a `*`; `None` for any other."""
    words, wild = _split(pattern)
    return "".join(words[:-1]) if len(words) > 1 and wild == [len(words) - 1] else None


def as_ends(pattern: str) -> str | None:
    """The text of a pattern that is a `*` and then text; `None` for any other."""
    words, wild = _split(pattern)
    return "".join(words[1:]) if len(words) > 1 and wild == [0] else None


def has_whole_escapes(pattern: str) -> bool:
    """Whether every backslash stands before the character it is for."""
    return not any(token[4] for token in _TOKEN.finditer(pattern))


def _split(pattern: str) -> tuple[list[str], list[int]]:
    """The words, escapes taken off, and which of them are wildcards (a `?` counts twice)."""
    words: list[str] = []
    wild: list[int] = []
    for token in _TOKEN.finditer(pattern):
        if token[2]:
            wild.extend([len(words)] * (2 if token[2] == "?" else 1))
        words.append(token[1] or token[2] or token[3] or token[4])
    return words, wild
