"""SETACL, DELETEACL, GETACL, LISTRIGHTS and MYRIGHTS (RFC 4314 §3)."""

from dataclasses import dataclass

from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.tokens import Tokens

RIGHTS = "lrswipkxtea"
OBSOLETE_RIGHTS = "cd"
_KNOWN = frozenset(RIGHTS + OBSOLETE_RIGHTS)
_MAX_IDENTIFIER_CHARACTERS = 400


@dataclass(frozen=True, slots=True)
class SetAcl:
    """Change what an identifier may do; `sign` is `+`, `-`, or empty to replace."""

    mailbox: str
    identifier: str
    sign: str
    rights: str


@dataclass(frozen=True, slots=True)
class DeleteAcl:
    """Take an identifier out of the list."""

    mailbox: str
    identifier: str


@dataclass(frozen=True, slots=True)
class GetAcl:
    """Who may do what."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class ListRights:
    """What an identifier can be allowed."""

    mailbox: str
    identifier: str


@dataclass(frozen=True, slots=True)
class MyRights:
    """What the client may do."""

    mailbox: str


def _mailbox(tokens: Tokens) -> str:
    tokens.sp()
    return tokens.mailbox()


def _identifier(tokens: Tokens) -> str:
    tokens.sp()
    identifier = tokens.astring_text()
    if not identifier.strip("-") or not identifier.isprintable():
        raise tokens.fault("expected an identifier")
    if len(identifier) > _MAX_IDENTIFIER_CHARACTERS:
        raise tokens.fault("identifier too long")
    return identifier


def parse_setacl(tokens: Tokens) -> SetAcl:
    """SETACL (RFC 4314 §3.1)."""
    mailbox, identifier = _mailbox(tokens), _identifier(tokens)
    tokens.sp()
    text = tokens.astring_text()
    sign = text[:1] if text[:1] in ("+", "-") else ""
    rights = text[len(sign) :]
    unknown = next((letter for letter in rights if letter not in _KNOWN), None)
    if unknown is not None:
        raise tokens.fault("unknown right")
    return SetAcl(mailbox, identifier, sign, "".join(dict.fromkeys(rights)))


def parse_deleteacl(tokens: Tokens) -> DeleteAcl:
    """DELETEACL (RFC 4314 §3.2)."""
    return DeleteAcl(_mailbox(tokens), _identifier(tokens))


def parse_getacl(tokens: Tokens) -> GetAcl:
    """GETACL (RFC 4314 §3.3)."""
    return GetAcl(_mailbox(tokens))


def parse_listrights(tokens: Tokens) -> ListRights:
    """LISTRIGHTS (RFC 4314 §3.4)."""
    return ListRights(_mailbox(tokens), _identifier(tokens))


def parse_myrights(tokens: Tokens) -> MyRights:
    """MYRIGHTS (RFC 4314 §3.5)."""
    return MyRights(_mailbox(tokens))


ACL: tuple[CommandEntry, ...] = (
    ("SETACL", parse_setacl),
    ("DELETEACL", parse_deleteacl),
    ("GETACL", parse_getacl),
    ("LISTRIGHTS", parse_listrights),
    ("MYRIGHTS", parse_myrights),
)
