"""COMPRESS (RFC 4978 §3)."""

from dataclasses import dataclass

from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Compress:
    """Compress what is sent from here on, both ways."""

    algorithm: str


def parse_compress(tokens: Tokens) -> Compress:
    """COMPRESS with the name of an algorithm, in upper case."""
    tokens.sp()
    return Compress(tokens.keyword())


COMPRESS: tuple[CommandEntry, ...] = (("COMPRESS", parse_compress),)
