"""How calendar and address-book queries compare text (RFC 4791 §7.5, RFC 6352 §8.3)."""

import unicodedata
from dataclasses import dataclass
from enum import StrEnum


class Collation(StrEnum):
    """The collations that can be asked for (RFC 4790)."""

    OCTET = "i;octet"
    ASCII_CASEMAP = "i;ascii-casemap"
    UNICODE_CASEMAP = "i;unicode-casemap"


class MatchType(StrEnum):
    """Where in a value the text has to be (RFC 6352 §10.5.4)."""

    EQUALS = "equals"
    CONTAINS = "contains"
    STARTS_WITH = "starts-with"
    ENDS_WITH = "ends-with"


_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


@dataclass(frozen=True, slots=True)
class TextMatch:
    """A text to be found in a value, or with `negate` not to be found."""

    text: str
    collation: Collation = Collation.ASCII_CASEMAP
    match_type: MatchType = MatchType.CONTAINS
    negate: bool = False

    def fits(self, value: str) -> bool:
        """Whether a value satisfies this test, `negate` included."""
        return self._found(self._key(self.text), self._key(value)) != self.negate

    def _key(self, text: str) -> str:
        if self.collation is Collation.OCTET:
            return text
        if self.collation is Collation.ASCII_CASEMAP:
            return text.translate(_ASCII_LOWER)
        return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())

    def _found(self, wanted: str, value: str) -> bool:
        if self.match_type is MatchType.EQUALS:
            return wanted == value
        if self.match_type is MatchType.STARTS_WITH:
            return value.startswith(wanted)
        if self.match_type is MatchType.ENDS_WITH:
            return value.endswith(wanted)
        return wanted in value


@dataclass(frozen=True, slots=True)
class ParamFilter:
    """A test of a property's parameter: not there, there, or its value (RFC 4791 §9.7.3)."""

    name: str
    is_not_defined: bool = False
    text_match: TextMatch | None = None
