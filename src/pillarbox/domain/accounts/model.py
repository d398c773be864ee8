"""Values of the directory."""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from pillarbox.base.ids import AccountId, DomainId

TOPIC = "directory"
"""The bus topic of the directory: whoever keeps parts of it in memory drops them at a hint."""


class Role(IntEnum):
    """What a user may administer."""

    USER = 0
    DOMAIN_ADMIN = 1
    ADMIN = 2


class CredentialKind(IntEnum):
    """What kind of secret a login is checked against."""

    PASSWORD = 1


class Scope(StrEnum):
    """What a token is good for; `MAIL` is all that reads mail, `SEND` is submission.

    `DAV` is calendars, tasks and contacts.
    """

    MAIL = "mail"
    SEND = "send"
    IMAP = "imap"
    POP3 = "pop3"
    DAV = "dav"


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token, without the token itself, which nobody has but its holder."""

    id: int
    account_id: AccountId
    label: str
    scopes: frozenset[Scope]
    created_ms: int
    expires_ms: int | None
    last_used_ms: int | None


@dataclass(frozen=True, slots=True)
class Domain:
    """A mail domain served here; of a `relay` domain all mail is passed on to another server."""

    id: DomainId
    name: str
    enabled: bool
    catch_all: str | None
    relay: bool = False


@dataclass(frozen=True, slots=True)
class User:
    """Someone with a mailbox and a login; `address` is both login and primary address."""

    account_id: AccountId
    domain_id: DomainId
    address: str
    display_name: str
    role: Role
    enabled: bool
    quota_bytes: int
    used_bytes: int
    used_messages: int


@dataclass(frozen=True, slots=True)
class Alias:
    """An address that leads to others, here or outside."""

    id: int
    domain_id: DomainId
    address: str
    targets: tuple[str, ...]
    enabled: bool


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is logged in: what domain functions check rights against.

    `credential_id` is what proved it, 0 where nothing had to; a login lasts no longer than that.
    With `by_token` it is the id of a token, else that of a credential.
    """

    account_id: AccountId
    address: str
    domain_id: DomainId
    role: Role
    credential_id: int = field(default=0, compare=False)
    by_token: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class LocalTarget:
    """A local account a recipient address leads to; `detail` is the sub-address, if any."""

    account_id: AccountId
    address: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class Resolution:
    """Where a recipient address leads: local accounts and addresses elsewhere, no repeats."""

    local: tuple[LocalTarget, ...]
    outside: tuple[str, ...]
