"""ENABLE (RFC 9051 §6.3.1)."""

from dataclasses import dataclass

from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.tokens import Tokens

_MAX_CAPABILITIES = 100


@dataclass(frozen=True, slots=True)
class Enable:
    """Extensions to switch on, in upper case; those not known are left unanswered."""

    capabilities: tuple[str, ...]


def parse_enable(tokens: Tokens) -> Enable:
    """ENABLE (RFC 9051 §6.3.1)."""
    names: list[str] = []
    while not names or not tokens.at_end():
        tokens.sp()
        if len(names) == _MAX_CAPABILITIES:
            raise tokens.fault("too many capabilities")
        names.append(tokens.keyword())
    return Enable(tuple(dict.fromkeys(names)))


ENABLE: tuple[CommandEntry, ...] = (("ENABLE", parse_enable),)
