"""Lists of IMAP flags as scripts write them (RFC 5232 §2)."""

import re
from collections.abc import Iterable

MAX_FLAGS = 64
MAX_CHARACTERS = 100
_SYSTEM = {
    name.lower(): name for name in ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")
}
_KEYWORD = re.compile(r"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]++\Z")


def flags_of(texts: Iterable[str]) -> tuple[str, ...]:
    """The flags in strings of flags with spaces between, each once, at most 64.

    System flags come in their one spelling. What is no flag of a message is left out: `\\\\Recent`,
    which only the server sets, system flags that there are not, and words no keyword can be.
    """
    found: dict[str, str] = {}
    for text in texts:
        for word in text.split():
            key = word.lower()
            if key in found:
                continue
            if word[0] == "\\":
                if key not in _SYSTEM:
                    continue
                word = _SYSTEM[key]
            elif len(word) > MAX_CHARACTERS or not _KEYWORD.match(word):
                continue
            found[key] = word
            if len(found) == MAX_FLAGS:
                return tuple(found.values())
    return tuple(found.values())


def with_flags(flags: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    """A list of flags with others added at its end (RFC 5232 §3.2)."""
    return flags_of((*flags, *more))


def without_flags(flags: Iterable[str], fewer: Iterable[str]) -> tuple[str, ...]:
    """A list of flags without others, in whatever case these are (RFC 5232 §3.3)."""
    gone = {flag.lower() for flag in flags_of(fewer)}
    return tuple(flag for flag in flags_of(flags) if flag.lower() not in gone)
