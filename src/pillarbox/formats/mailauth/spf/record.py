"""Records of SPF, read as a whole before anything of them counts (RFC 7208 §4.5, §4.6, §12)."""

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from pillarbox.base.errors import GrammarError
from pillarbox.formats.mailauth.spf.macro import (
    MacroString,
    parse_domain_spec,
    parse_macro_string,
)
from pillarbox.formats.mailauth.spf.result import SpfStatus

RECORD_MAX = 4096
"""Characters; what is longer is a record with a mistake."""
SHOWN_MAX = 80
"""Characters of a term that reasons quote."""

_VERSION = "v=spf1"
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9._-]*+)=(.*)\Z", re.DOTALL)
_DIRECTIVE = re.compile(r"([-+?~]?)([A-Za-z][A-Za-z0-9]*+)(?::(.*)|(/.*))?\Z", re.DOTALL)
_LENGTHS = re.compile(r"(?:/([0-9]{1,9}))?(?://([0-9]{1,9}))?\Z")
_LENGTH = re.compile(r"(?:0|[1-9][0-9]{0,2})\Z")
_QUALIFIERS = {
    "": SpfStatus.PASS,
    "+": SpfStatus.PASS,
    "-": SpfStatus.FAIL,
    "~": SpfStatus.SOFTFAIL,
    "?": SpfStatus.NEUTRAL,
}


class Mechanism(StrEnum):
    """The mechanisms of RFC 7208 §5."""

    ALL = "all"
    INCLUDE = "include"
    A = "a"
    MX = "mx"
    PTR = "ptr"
    IP4 = "ip4"
    IP6 = "ip6"
    EXISTS = "exists"

    @property
    def asks(self) -> bool:
        """Whether it counts as one that asks name servers (RFC 7208 §4.6.4)."""
        return self not in (Mechanism.ALL, Mechanism.IP4, Mechanism.IP6)


_MECHANISMS = {one.value: one for one in Mechanism}


@dataclass(frozen=True, slots=True)
class Directive:
    """A mechanism and what it means if it matches; `text` is the term as published.

    Without a `domain` the one being checked is meant. `network` is that of ip4 and ip6; the
    lengths are those of its prefix, and of networks around addresses of a and mx.
    """

    result: SpfStatus
    mechanism: Mechanism
    text: str
    domain: MacroString | None = None
    network: IPv4Address | IPv6Address | None = None
    ip4_length: int = 32
    ip6_length: int = 128


@dataclass(frozen=True, slots=True)
class Record:
    """A record: its directives in order, and the modifiers that mean something."""

    directives: tuple[Directive, ...]
    redirect: MacroString | None = None
    exp: MacroString | None = None


def is_spf(text: str) -> bool:
    """Whether a text is meant as an SPF record (RFC 7208 §4.5)."""
    return text[: len(_VERSION)].lower() == _VERSION and text[len(_VERSION) :][:1] in ("", " ")


def parse_record(text: str) -> Record:
    """Parse a record; raises GrammarError, which says what term is wrong and why."""
    if len(text) > RECORD_MAX:
        raise GrammarError("the record is too long")
    if not text.isascii():
        raise GrammarError("the record has characters that are not ASCII")
    directives: list[Directive] = []
    modifiers: dict[str, MacroString] = {}
    for term in text[len(_VERSION) :].split(" "):
        if not term:
            continue
        try:
            modifier = _MODIFIER.match(term)
            if modifier is None:
                directives.append(_directive(term))
            else:
                _add(modifiers, modifier[1].lower(), modifier[2])
        except GrammarError as error:
            raise GrammarError(f"{error.text}: {_shown(term)}") from error
    return Record(tuple(directives), modifiers.get("redirect"), modifiers.get("exp"))


def _add(modifiers: dict[str, MacroString], name: str, value: str) -> None:
    if name not in ("redirect", "exp"):
        parse_macro_string(value)  # unknown ones mean nothing, and have to be well-formed
        return
    if name in modifiers:
        raise GrammarError("stands there twice")
    modifiers[name] = parse_domain_spec(value)


def _directive(term: str) -> Directive:
    hit = _DIRECTIVE.match(term)
    mechanism = _MECHANISMS.get(hit[2].lower()) if hit else None
    if hit is None or mechanism is None:
        raise GrammarError("no such mechanism")
    result, value, lengths = _QUALIFIERS[hit[1]], hit[3], hit[4]
    if mechanism in (Mechanism.A, Mechanism.MX):
        return _addressed(result, mechanism, term, value, lengths or "")
    if lengths is not None:
        raise GrammarError("takes no prefix length here")
    if mechanism in (Mechanism.IP4, Mechanism.IP6):
        return _network(result, mechanism, term, value or "")
    if mechanism is Mechanism.ALL:
        if value is not None:
            raise GrammarError("takes no value")
        return Directive(result, mechanism, term)
    if value is None:
        if mechanism is not Mechanism.PTR:
            raise GrammarError("needs a domain")
        return Directive(result, mechanism, term)
    return Directive(result, mechanism, term, parse_domain_spec(value))


def _addressed(
    result: SpfStatus, mechanism: Mechanism, term: str, value: str | None, lengths: str
) -> Directive:
    """`a` or `mx`, with the lengths behind its domain if it has one."""
    domain = None
    if value is not None:
        found = _LENGTHS.search(value)
        lengths = found[0] if found else ""
        domain = parse_domain_spec(value.removesuffix(lengths))
    hit = _LENGTHS.match(lengths)
    if hit is None:
        raise GrammarError("bad prefix length")
    ip4, ip6 = _length(hit[1], 32), _length(hit[2], 128)
    return Directive(result, mechanism, term, domain, ip4_length=ip4, ip6_length=ip6)


def _network(result: SpfStatus, mechanism: Mechanism, term: str, value: str) -> Directive:
    address, slash, length = value.partition("/")
    if (slash and not length) or "%" in address:
        raise GrammarError("bad address")
    try:
        if mechanism is Mechanism.IP4:
            ip4 = _length(length, 32)
            return Directive(result, mechanism, term, network=IPv4Address(address), ip4_length=ip4)
        ip6 = _length(length, 128)
        return Directive(result, mechanism, term, network=IPv6Address(address), ip6_length=ip6)
    except AddressValueError as error:
        raise GrammarError("bad address") from error


def _length(digits: str | None, longest: int) -> int:
    if not digits:
        return longest
    if not _LENGTH.match(digits) or int(digits) > longest:
        raise GrammarError("bad prefix length")
    return int(digits)


def _shown(term: str) -> str:
    shown = "".join(one if one.isprintable() else "?" for one in term[:SHOWN_MAX])
    return shown if len(term) <= SHOWN_MAX else shown + "…"
