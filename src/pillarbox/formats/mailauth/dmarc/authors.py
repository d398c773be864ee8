"""Whom a message names as its author: the domains in From whose policy is asked for.

Readers differ in what they show of a From that is odd, so whatever any of them may show counts.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pillarbox.base.errors import GrammarError
from pillarbox.formats.address import ascii_domain, mailboxes, parse_address_list
from pillarbox.formats.mime.words import decode_words

ADDRESSES_MOST = 200
TEXT_BYTES = 64 * 1024
"""Of a field so much is searched for addresses that stand beside those it has by the grammar."""

_QUOTED = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_BRACKETED = re.compile(rb"<[^<>]*+>")
_LOOSE = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*+\Z")
_NAME_CHARS = 253
_NAMED_MOST = 10
_SIGNS = str.maketrans({"\uff20": "@", "\ufe6b": "@"})


@dataclass(frozen=True, slots=True)
class Authors:
    """The domains in From, in A-labels.

    `certain` says that there is one, whatever reads it. `unclear` says that there may be one that
    is not among them, or that no reader agrees with another on what it is.
    """

    domains: tuple[str, ...]
    certain: bool
    unclear: bool


def read_authors(fields: Sequence[bytes], *, whole: bool = True) -> Authors:
    """The authors by the values of all From fields, unfolded (RFC 9989 §11.5).

    `whole` says that the header was seen to its end, and in full.
    """
    found: dict[str, None] = {}
    unclear = not whole
    odd = False
    for value in fields:
        entries = mailboxes(parse_address_list(value, ADDRESSES_MOST))
        unclear = unclear or len(entries) >= ADDRESSES_MOST
        for entry in entries:
            if not entry.domain:  # a word without an address: what is left of a name with a comma
                named = _named(entry.local)
                odd = odd or bool(named)
                unclear = _add(found, named) or unclear
                continue
            unclear = _add(found, [entry.domain.decode("utf-8", "replace")]) or unclear
            if b"@" in entry.local:
                odd = True
                _add(found, _named(entry.local))
        if b"=?" in value and not any(entry.domain for entry in entries):
            named = _named(value)  # encoded words may hide a whole list
            odd = odd or bool(named)
            unclear = _add(found, named) or unclear
        if value.count(b"<") > 1:
            before = len(found)
            _add(found, _bracketed(value))
            odd = odd or len(found) > before
    certain = len(fields) == len(found) == 1 and not (odd or unclear)
    return Authors(tuple(found), certain, unclear)


def _add(found: dict[str, None], names: Iterable[str]) -> bool:
    """Note domains; gives whether any of them can't be read."""
    unreadable = False
    for name in names:
        name = name.rstrip(".")
        try:
            found[ascii_domain(name)] = None
        except GrammarError:
            # No host is called so, but the domain name system can have it.
            if _LOOSE.match(name) and len(name) <= _NAME_CHARS:
                found[name.lower()] = None
            else:
                unreadable = True
    return unreadable


def _named(text: bytes) -> list[str]:
    """The domains that stand in what is no domain, encoded words decoded."""
    shown = decode_words(text[:TEXT_BYTES]).translate(_SIGNS)
    parts = shown.split("@", _NAMED_MOST)[1:]
    return [words[0].rstrip("<>()\"',;:") for part in parts if (words := part.split(None, 1))]


def _bracketed(value: bytes) -> list[str]:
    """The domains of all that stands in angle brackets, but for those in quotes."""
    text = _QUOTED.sub(b'""', value[:TEXT_BYTES])
    return [
        one[1:-1].rpartition(b"@")[2].strip().decode("utf-8", "replace")
        for one in _BRACKETED.findall(text)
        if b"@" in one
    ]
