"""Macro-strings of SPF: parsed once, expanded for each check (RFC 7208 §7)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from pillarbox.base.errors import GrammarError

DOMAIN_MAX = 253
_LETTERS = frozenset("slodiphv")
_LETTERS_OF_TEXT = _LETTERS | frozenset("crt")
_TOKEN = re.compile(r"%\{([A-Za-z])([0-9]*+)([rR]?)([-.+,/_=]*+)\}|%([%_-])|([!-$&-~]++)")
_TOKEN_OF_TEXT = re.compile(_TOKEN.pattern.replace("[!-$", "[ -$"))
_PLAIN = {"%": "%", "_": " ", "-": "%20"}
_TOPLABEL = re.compile(r"(?![0-9]+\Z)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\Z")


@dataclass(frozen=True, slots=True)
class Macro:
    """One `%{…}`; of its value the `keep` rightmost parts are taken (0: all)."""

    letter: str
    keep: int
    is_reversed: bool
    delimiters: str
    is_escaped: bool

    def expand(self, value: str) -> str:
        """The value transformed (RFC 7208 §7.3)."""
        delimiter = self.delimiters[0]
        for other in self.delimiters[1:]:
            value = value.replace(other, delimiter)
        parts = value.split(delimiter)
        if self.is_reversed:
            parts.reverse()
        text = ".".join(parts[-self.keep :])
        return quote(text, safe="", errors="replace") if self.is_escaped else text


@dataclass(frozen=True, slots=True)
class MacroString:
    """What stands as it is, and macros."""

    parts: tuple[str | Macro, ...]

    @property
    def letters(self) -> frozenset[str]:
        """The letters of its macros, in lower case."""
        return frozenset(one.letter for one in self.parts if isinstance(one, Macro))

    def expand(self, values: Mapping[str, str], enough: int | None = None) -> str:
        """The text with these values of the letters; its end is missing where `enough` is there."""
        pieces: list[str] = []
        size = 0
        for one in self.parts:
            piece = one if isinstance(one, str) else one.expand(values[one.letter])
            pieces.append(piece)
            size += len(piece)
            if enough is not None and size >= enough:
                break
        return "".join(pieces)

    def expand_domain(self, values: Mapping[str, str]) -> str:
        """A domain in lower case; one too long loses labels at its left (RFC 7208 §7.3)."""
        domain = self.expand(values).lower().removesuffix(".")
        if len(domain) <= DOMAIN_MAX:
            return domain
        end = domain[-DOMAIN_MAX - 1 :]
        return end.partition(".")[2]


def parse_macro_string(text: str, *, explanation: bool = False) -> MacroString:
    """Parse a macro-string, or the text of an explanation, which may have spaces and more letters.

    Raises GrammarError.
    """
    token = _TOKEN_OF_TEXT if explanation else _TOKEN
    letters = _LETTERS_OF_TEXT if explanation else _LETTERS
    parts: list[str | Macro] = []
    at = 0
    while at < len(text):
        hit = token.match(text, at)
        if hit is None:
            raise GrammarError("bad macro" if text[at] == "%" else "bad character", at)
        letter, digits, backwards, delimiters, plain, literal = hit.groups()
        if letter is None:
            parts.append(literal or _PLAIN[plain])
        else:
            if letter.lower() not in letters:
                raise GrammarError(f"no macro has the letter {letter} here", at)
            parts.append(_macro(letter, digits, bool(backwards), delimiters, at))
        at = hit.end()
    return MacroString(tuple(parts))


def parse_domain_spec(text: str) -> MacroString:
    """Parse a domain-spec, which ends with a macro or a top-level label; raises GrammarError."""
    spec = parse_macro_string(text)
    if not spec.parts:
        raise GrammarError("empty domain")
    last = spec.parts[-1]
    if isinstance(last, str) and last not in _PLAIN.values():
        _, dot, label = last.removesuffix(".").rpartition(".")
        if not dot or not _TOPLABEL.match(label):
            raise GrammarError("does not end like a domain")
    return spec


def _macro(letter: str, digits: str, backwards: bool, delimiters: str, at: int) -> Macro:
    keep = 0
    if digits:
        significant = digits.lstrip("0")
        if not significant:
            raise GrammarError("a macro that keeps no part", at)
        keep = int(significant) if len(significant) < 4 else 1000
    return Macro(letter.lower(), keep, backwards, delimiters or ".", letter.isupper())
