"""From the names of flags and keywords to what is stored of them."""

from types import MappingProxyType

from pillarbox.base.errors import TooLarge
from pillarbox.domain.mail.model import (
    FLAG_NAMES,
    MAX_KEYWORD_CHARACTERS,
    MAX_KEYWORDS_PER_MESSAGE,
    Flag,
    FlagSet,
)

_BITS = MappingProxyType({name.lower(): flag.value for flag, name in FLAG_NAMES})


def flag_set(names: tuple[str, ...]) -> FlagSet:
    """The flags a client named; `TooLarge` for keywords over the limits of the mail store."""
    bits = 0
    keywords: dict[str, str] = {}
    for name in names:
        bit = _BITS.get(name.lower())
        if bit is not None:
            bits |= bit
        elif len(name) > MAX_KEYWORD_CHARACTERS:
            raise TooLarge(f"A keyword has at most {MAX_KEYWORD_CHARACTERS} characters")
        else:
            keywords.setdefault(name.lower(), name)
    if len(keywords) > MAX_KEYWORDS_PER_MESSAGE:
        raise TooLarge(f"A message has at most {MAX_KEYWORDS_PER_MESSAGE} keywords")
    return FlagSet(bits, tuple(sorted(keywords.values())))


def flag_bit(name: str) -> Flag | None:
    """The bit a flag or well-known keyword is kept as, if it has one."""
    bit = _BITS.get(name.lower())
    return None if bit is None else Flag(bit)
