"""CAPABILITY, NOOP, LOGOUT and ID: valid in every state (RFC 9051 §6.1, RFC 2971)."""

from dataclasses import dataclass

from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.tokens import Tokens

_MAX_FIELDS = 30


@dataclass(frozen=True, slots=True)
class Capability:
    """What the server can do."""


@dataclass(frozen=True, slots=True)
class Noop:
    """Nothing; a chance to tell what is new."""


@dataclass(frozen=True, slots=True)
class Logout:
    """The client is leaving."""


@dataclass(frozen=True, slots=True)
class Id:
    """What the client says it is: pairs of field and value, none for NIL."""

    fields: tuple[tuple[str, str | None], ...]


def parse_capability(tokens: Tokens) -> Capability:
    """CAPABILITY (RFC 9051 §6.1.1)."""
    return Capability()


def parse_noop(tokens: Tokens) -> Noop:
    """NOOP (RFC 9051 §6.1.2)."""
    return Noop()


def parse_logout(tokens: Tokens) -> Logout:
    """LOGOUT (RFC 9051 §6.1.3)."""
    return Logout()


def parse_id(tokens: Tokens) -> Id:
    """ID with a list of at most 30 fields or NIL (RFC 2971 §3.3)."""
    tokens.sp()
    if not tokens.skip(b"("):
        if tokens.keyword() != "NIL":
            raise tokens.fault("expected a list or NIL")
        return Id(())
    fields: list[tuple[str, str | None]] = []
    while not tokens.skip(b")"):
        if fields:
            tokens.sp()
        if len(fields) == _MAX_FIELDS:
            raise tokens.fault("too many fields")
        name = tokens.string_text()
        tokens.sp()
        fields.append((name, tokens.nstring_text()))
    return Id(tuple(fields))


ANY_STATE: tuple[CommandEntry, ...] = (
    ("CAPABILITY", parse_capability),
    ("NOOP", parse_noop),
    ("LOGOUT", parse_logout),
    ("ID", parse_id),
)
