"""Who may do what with which mailbox: the one place where a client's name becomes a mailbox.

(RFC 4314) Owners may do everything with their own mailboxes.
"""

from dataclasses import dataclass
from enum import IntFlag

from pillarbox.base.errors import Denied, NotFound
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.mail.model import Mailbox
from pillarbox.storage.tx import Tx


class Right(IntFlag):
    """Standard rights (RFC 4314 §2.1)."""

    LOOKUP = 1
    READ = 2
    SEEN = 4
    WRITE = 8
    INSERT = 16
    POST = 32
    CREATE = 64
    DELETE_MAILBOX = 128
    DELETE_MESSAGES = 256
    EXPUNGE = 512
    ADMIN = 1024


RIGHT_LETTERS: tuple[tuple[Right, str], ...] = tuple(zip(Right, "lrswipkxtea", strict=True))
"""Each right and its letter, in the order in which they are told."""

ALL_RIGHTS = Right(2047)


@dataclass(frozen=True, slots=True)
class Access:
    """A mailbox, its name as the actor sees it, and what the actor may do with it."""

    mailbox: Mailbox
    name: str
    rights: Right


def find(tx: Tx, actor: Actor, name: str) -> Access | None:
    """The mailbox the actor means; `None` where there is none, or none to be known of."""
    mailbox = mailboxes.by_name(tx, actor.account_id, name)
    return None if mailbox is None else Access(mailbox, mailbox.name, ALL_RIGHTS)


def require(tx: Tx, actor: Actor, name: str, right: Right) -> Access:
    """The mailbox the actor means, which they have this right on.

    `NotFound` where there is none or the actor may not know of it, `Denied` without the right.
    """
    access = find(tx, actor, name)
    if access is None:
        raise NotFound("There is no such mailbox")
    if right not in access.rights:
        raise Denied("You may not do that with this mailbox")
    return access


def rights_on(tx: Tx, actor: Actor, owner: AccountId, mailbox: MailboxId) -> Right:
    """What the actor may do with a mailbox of `owner`; no query for their own."""
    return ALL_RIGHTS if owner == actor.account_id else Right(0)


def check(tx: Tx, actor: Actor, owner: AccountId, mailbox: MailboxId, right: Right) -> None:
    """Raise `Denied` where the actor lacks a right on a mailbox of `owner`."""
    if owner != actor.account_id and right not in rights_on(tx, actor, owner, mailbox):
        raise Denied("You may not do that with this mailbox")
