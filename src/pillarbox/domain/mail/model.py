"""Values of the mail store."""

from dataclasses import dataclass
from enum import IntFlag

from pillarbox.base.ids import AccountId, BlobId, EmailId, MailboxId


class Flag(IntFlag):
    """Flags and well-known keywords kept as bits (RFC 9051 §2.3.2)."""

    SEEN = 1
    ANSWERED = 2
    FLAGGED = 4
    DELETED = 8
    DRAFT = 16
    FORWARDED = 32
    MDN_SENT = 64
    JUNK = 128
    NOT_JUNK = 256
    PHISHING = 512


FLAG_NAMES: tuple[tuple[Flag, str], ...] = (
    (Flag.ANSWERED, "\\Answered"),
    (Flag.FLAGGED, "\\Flagged"),
    (Flag.DELETED, "\\Deleted"),
    (Flag.SEEN, "\\Seen"),
    (Flag.DRAFT, "\\Draft"),
    (Flag.FORWARDED, "$Forwarded"),
    (Flag.MDN_SENT, "$MDNSent"),
    (Flag.JUNK, "$Junk"),
    (Flag.NOT_JUNK, "$NotJunk"),
    (Flag.PHISHING, "$Phishing"),
)

MAX_KEYWORDS_PER_MESSAGE = 64
MAX_KEYWORD_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class FlagSet:
    """The flags of one message: well-known ones as bits, other keywords as sorted names."""

    bits: int = 0
    keywords: tuple[str, ...] = ()

    def column(self) -> str | None:
        """The keywords as they are stored."""
        return " ".join(self.keywords) or None


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox and its counters."""

    id: MailboxId
    account_id: AccountId
    name: str
    special_use: str | None
    uidvalidity: int
    uidnext: int
    modseq: int
    total: int
    unseen: int
    deleted: int
    size_bytes: int
    recent_uid: int


@dataclass(frozen=True, slots=True)
class Appended:
    """Where a message was placed."""

    mailbox_id: MailboxId
    uidvalidity: int
    uid: int
    email_id: EmailId
    modseq: int


@dataclass(frozen=True, slots=True)
class Copied:
    """Where messages were copied or moved: source and new UIDs, in the same order."""

    mailbox_id: MailboxId
    uidvalidity: int
    source_uids: tuple[int, ...]
    uids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ContentRef:
    """How to get at an email's content: the blob and its key."""

    email_id: EmailId
    blob_id: BlobId
    wrapped_key: bytes
    data: bytes | None
    """The sealed bytes where they lie in the database, else `None`."""
