"""Envelope paths of SMTP: what stands between the angle brackets of MAIL and RCPT.

Not for header addresses, which have a far looser grammar. Called by `commands` and by whoever
wants the two halves of a path that `Mail` and `Rcpt` carry as text.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from pillarbox.base.errors import GrammarError

# The RFC's figures (64, 255, 256) are what everybody must accept (RFC 5321 §4.5.3.1); variable
# return paths of mailing lists are longer than 64 in practice.
MAX_LOCAL_BYTES = 255
MAX_DOMAIN_BYTES = 255

# Every class below takes UTF-8 beyond ASCII (RFC 6531 §3.3). Each is written as what it excludes,
# C1 controls included: a range up to U+10FFFF takes `re` 2 ms to compile, and there would be fifty.
# What else is no part of a path, line separators and surrogates, is looked for afterwards.
_ATOM = r'[^\x00- "(),.:;<>@\[\\\]\x7f-\x9f]'
_LABEL_END = r"[^\x00-/:-@\[-^`{-\x9f]"
_LABEL_INNER = r"[^\x00-,./:-@\[-^`{-\x9f]"
_NEVER = re.compile("[\u2028\u2029\ud800-\udfff]")
_LABEL = rf"{_LABEL_END}(?:{_LABEL_INNER}{{0,61}}{_LABEL_END})?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})*+"
_LITERAL = r"\[[0-9A-Za-z:.\-]{1,64}\]"
_DOT_STRING = rf"{_ATOM}++(?:\.{_ATOM}++)*+"
_QUOTED = r'"(?:[^\x00-\x1f"\\\x7f-\x9f]|\\[ -~])*+"'
_MAILBOX = rf"(?:({_DOT_STRING})|({_QUOTED}))@(?:({_DOMAIN})|({_LITERAL}))"
_AT_DOMAIN = rf"@(?:{_DOMAIN}|{_LITERAL})"
_ROUTE = rf"(?:{_AT_DOMAIN}(?:,{_AT_DOMAIN})*+:)?"

_PATH = re.compile(rf"{_ROUTE}{_MAILBOX}")
_BRACKETED = re.compile(rf"<{_ROUTE}{_MAILBOX}>")
_ONLY_DOT_STRING = re.compile(_DOT_STRING)
_ONLY_DOMAIN = re.compile(_DOMAIN)
_QUOTED_PAIR = re.compile(r"\\(.)")
_TO_QUOTE = re.compile(r'["\\]')


@dataclass(frozen=True, slots=True)
class Path:
    """A mailbox as two halves: `local` unquoted, `domain` in lower case.

    `domain` is a name, an address literal in brackets, or empty for a bare `postmaster`.
    """

    local: str
    domain: str

    def __str__(self) -> str:
        local = self.local
        if not _ONLY_DOT_STRING.fullmatch(local) or not _is_clean(local):
            local = '"' + _TO_QUOTE.sub(r"\\\g<0>", local) + '"'
        return f"{local}@{self.domain}" if self.domain else local


def parse_path(text: str) -> Path:
    """The path in `text`, which stands without angle brackets; a source route is dropped.

    A bare `postmaster` gives an empty domain (RFC 5321 §4.1.1.3).
    """
    if text.lower() == "postmaster":
        return Path(text, "")
    found = _PATH.fullmatch(text)
    if found is None or not _is_clean(text):
        raise GrammarError("malformed address")
    return _from_match(found)


def read_bracketed(text: str, position: int) -> tuple[str, int]:
    """The canonical text of the path in angle brackets at `position`, and where it ends.

    Source routes are dropped, as RFC 5321 §4.1.1.3 and RFC 5321 §C ask.
    """
    found = _BRACKETED.match(text, position)
    if found is None or not _is_clean(found[0]):
        raise GrammarError("malformed path", position)
    local, domain = found.group(1, 3)
    if local is not None and domain is not None and text.isascii():
        if len(local) <= MAX_LOCAL_BYTES and len(domain) <= MAX_DOMAIN_BYTES:
            return f"{local}@{domain.lower()}", found.end()
        raise GrammarError("path too long", position)
    return str(_from_match(found, position)), found.end()


def is_domain(text: str) -> bool:
    """Whether `text` is a domain name in the grammar of paths."""
    return (
        _ONLY_DOMAIN.fullmatch(text) is not None
        and _is_clean(text)
        and len(text.encode()) <= MAX_DOMAIN_BYTES
    )


def _is_clean(text: str) -> bool:
    return text.isascii() or _NEVER.search(text) is None


def _from_match(found: re.Match[str], position: int = 0) -> Path:
    local, quoted, domain, literal = found.groups()
    if local is None:
        local = _QUOTED_PAIR.sub(r"\1", quoted[1:-1])
    domain = _literal(literal, position) if domain is None else domain.lower()
    if len(local.encode()) > MAX_LOCAL_BYTES or len(domain.encode()) > MAX_DOMAIN_BYTES:
        raise GrammarError("path too long", position)
    if not local:
        raise GrammarError("empty local part", position)
    return Path(local, domain)


def _literal(literal: str, position: int) -> str:
    """An address literal in one spelling (RFC 5321 §4.1.3); no general tag has been registered."""
    text = literal[1:-1]
    try:
        if text[:5].lower() == "ipv6:":
            return f"[IPv6:{IPv6Address(text[5:])}]"
        return f"[{IPv4Address(text)}]"
    except ValueError:
        raise GrammarError("malformed address literal", position) from None
