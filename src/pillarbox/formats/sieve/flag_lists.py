"""Lists of IMAP flags as scripts write them (RFC 5232 §2)."""

import re
from collections.abc import Iterable

MAX_CHARACTERS = 100
_SYSTEM = {
    name.lower(): name for name in ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")
}
MAX_FLAGS = 64 + len(_SYSTEM)
"""As many as a message can have: a script that adds to them must not cut others off."""
_KEYWORD = re.compile(r"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]++\Z")


def flags_of(texts: Iterable[str]) -> tuple[str, ...]:
    """The flags in strings of flags with spaces between, each once, at most `MAX_FLAGS`.

    They are spelled as they first stand there. What is no flag of a message is left out:
    `\\Recent`, which only the server sets, system flags that there are not, and words that no
    keyword can be.
    """
    found: dict[str, str] = {}
    for text in texts:
        for word in text.split():
            key = word.lower()
            if key not in found and _is_flag(word, key):
                found[key] = word
                if len(found) == MAX_FLAGS:
                    return tuple(found.values())
    return tuple(found.values())


def _is_flag(word: str, key: str) -> bool:
    if word[0] == "\\":
        return key in _SYSTEM
    return len(word) <= MAX_CHARACTERS and _KEYWORD.match(word) is not None


def message_flags(texts: Iterable[str]) -> tuple[str, ...]:
    """The same for a message: system flags in their one spelling."""
    return tuple(_SYSTEM.get(flag.lower(), flag) for flag in flags_of(texts))


def with_flags(flags: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    """A list of flags with others added at its end (RFC 5232 §3.2)."""
    return flags_of((*flags, *more))


def without_flags(flags: Iterable[str], fewer: Iterable[str]) -> tuple[str, ...]:
    """A list of flags without others, in whatever case these are (RFC 5232 §3.3)."""
    gone = {flag.lower() for flag in flags_of(fewer)}
    return tuple(flag for flag in flags_of(flags) if flag.lower() not in gone)
