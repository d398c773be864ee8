"""STATUS and its items, which LIST can ask for as well (RFC 9051 §6.3.11, RFC 5819)."""

from dataclasses import dataclass

from pillarbox.wire.imap.parse.command import CommandEntry
from pillarbox.wire.imap.tokens import Tokens

STATUS_ITEMS = frozenset(
    {
        "APPENDLIMIT",  # RFC 7889 §3
        "DELETED",
        "DELETED-STORAGE",  # RFC 9208 §5.1
        "HIGHESTMODSEQ",  # RFC 7162 §3.1.7
        "MAILBOXID",  # RFC 8474 §4.3
        "MESSAGES",
        "RECENT",
        "SIZE",
        "UIDNEXT",
        "UIDVALIDITY",
        "UNSEEN",
    }
)


@dataclass(frozen=True, slots=True)
class Status:
    """Figures of a mailbox that need not be selected; items in the order asked, each once."""

    mailbox: str
    items: tuple[str, ...]


def parse_status_items(tokens: Tokens) -> tuple[str, ...]:
    """Item names in parentheses."""
    tokens.expect(b"(")
    items: dict[str, None] = {}
    while True:
        item = tokens.keyword()
        if item not in STATUS_ITEMS:
            raise tokens.fault("unknown status item")
        items[item] = None
        if tokens.skip(b")"):
            return tuple(items)
        tokens.sp()


def parse_status(tokens: Tokens) -> Status:
    """STATUS (RFC 9051 §6.3.11)."""
    tokens.sp()
    mailbox = tokens.mailbox()
    tokens.sp()
    return Status(mailbox, parse_status_items(tokens))


STATUS: tuple[CommandEntry, ...] = (("STATUS", parse_status),)
