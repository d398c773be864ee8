"""GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208 §4.1)."""

from dataclasses import dataclass

from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.tokens import Tokens

_MAX_RESOURCES = 20


@dataclass(frozen=True, slots=True)
class GetQuota:
    """Use and limits of a quota root."""

    root: str


@dataclass(frozen=True, slots=True)
class GetQuotaRoot:
    """The quota roots of a mailbox, with their use and limits."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class SetQuota:
    """New limits of a quota root, by resource."""

    root: str
    limits: tuple[tuple[str, int], ...]


def parse_getquota(tokens: Tokens) -> GetQuota:
    """GETQUOTA (RFC 9208 §4.1.1)."""
    tokens.sp()
    return GetQuota(tokens.astring_text())


def parse_getquotaroot(tokens: Tokens) -> GetQuotaRoot:
    """GETQUOTAROOT (RFC 9208 §4.1.2)."""
    tokens.sp()
    return GetQuotaRoot(tokens.mailbox())


def parse_setquota(tokens: Tokens) -> SetQuota:
    """SETQUOTA (RFC 9208 §4.1.3)."""
    tokens.sp()
    root = tokens.astring_text()
    tokens.expect(b" (")
    limits: list[tuple[str, int]] = []
    while not tokens.skip(b")"):
        if limits:
            tokens.sp()
        if len(limits) == _MAX_RESOURCES:
            raise tokens.fault("too many resources")
        name = tokens.keyword()
        tokens.sp()
        limits.append((name, tokens.number64()))
    return SetQuota(root, tuple(limits))


QUOTA: tuple[CommandEntry, ...] = (
    ("GETQUOTA", parse_getquota),
    ("GETQUOTAROOT", parse_getquotaroot),
    ("SETQUOTA", parse_setquota),
)
