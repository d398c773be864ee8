"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE and NAMESPACE (RFC 9051 §6.3)."""

from dataclasses import dataclass
from types import MappingProxyType

from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.tokens import Tokens

SPECIAL_USES = MappingProxyType(
    {
        use.upper(): use
        for use in (
            r"\All",
            r"\Archive",
            r"\Drafts",
            r"\Flagged",
            r"\Important",
            r"\Junk",
            r"\Sent",
            r"\Trash",
        )
    }
)
"""The special-use attributes that may be asked for (RFC 6154 §2, RFC 8457 §3)."""


@dataclass(frozen=True, slots=True)
class Create:
    """A new mailbox; the name is not checked yet (`names.check_name`)."""

    mailbox: str
    special_uses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a mailbox."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class Rename:
    """Give a mailbox another name; `target` is not checked yet."""

    mailbox: str
    target: str


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Add a name to the subscriptions, or take it out with `on` false."""

    mailbox: str
    on: bool


@dataclass(frozen=True, slots=True)
class Namespace:
    """Which namespaces there are."""


def parse_create(tokens: Tokens) -> Create:
    """CREATE, with `(USE (\\Sent))` (RFC 9051 §6.3.4, RFC 6154 §3)."""
    tokens.sp()
    mailbox = tokens.mailbox()
    uses: list[str] = []
    if tokens.skip(b" ("):
        if tokens.keyword() != "USE":
            raise tokens.fault("unknown parameter")
        tokens.expect(b" (")
        while not tokens.skip(b")"):
            if uses:
                tokens.sp()
            tokens.expect(b"\\")
            use = SPECIAL_USES.get("\\" + tokens.keyword())
            if use is None:
                raise tokens.fault("unknown special use")
            if len(uses) == len(SPECIAL_USES):
                raise tokens.fault("too many special uses")
            uses.append(use)
        tokens.expect(b")")
    return Create(mailbox, tuple(dict.fromkeys(uses)))


def parse_delete(tokens: Tokens) -> Delete:
    """DELETE (RFC 9051 §6.3.5)."""
    tokens.sp()
    return Delete(tokens.mailbox())


def parse_rename(tokens: Tokens) -> Rename:
    """RENAME (RFC 9051 §6.3.6)."""
    tokens.sp()
    mailbox = tokens.mailbox()
    tokens.sp()
    return Rename(mailbox, tokens.mailbox())


def parse_subscribe(tokens: Tokens) -> Subscribe:
    """SUBSCRIBE (RFC 9051 §6.3.7)."""
    tokens.sp()
    return Subscribe(tokens.mailbox(), on=True)


def parse_unsubscribe(tokens: Tokens) -> Subscribe:
    """UNSUBSCRIBE (RFC 9051 §6.3.8)."""
    tokens.sp()
    return Subscribe(tokens.mailbox(), on=False)


def parse_namespace(tokens: Tokens) -> Namespace:
    """NAMESPACE (RFC 9051 §6.3.10)."""
    return Namespace()


MAILBOXES: tuple[CommandEntry, ...] = (
    ("CREATE", parse_create),
    ("DELETE", parse_delete),
    ("RENAME", parse_rename),
    ("SUBSCRIBE", parse_subscribe),
    ("UNSUBSCRIBE", parse_unsubscribe),
    ("NAMESPACE", parse_namespace),
)
