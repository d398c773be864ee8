"""The rows of access control lists, and what drops them; `domain/sharing/acl` has the rules."""

from dataclasses import dataclass
from enum import IntEnum

from sqlalchemy import bindparam, delete, func, insert, select

from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.mail.tables import acl
from pillarbox.storage.schema import Big
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx


class Kind(IntEnum):
    """Whom an entry is for."""

    USER = 1
    GROUP = 2
    ANYONE = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """Rights given to an identifier, or with `negative` taken from it.

    `identifier_id` is an account, for `ANYONE` the domain of the mailbox's owner.
    """

    kind: Kind
    identifier_id: int
    negative: bool
    rights: int


_OF_MAILBOX = acl.c.mailbox_id == bindparam("mailbox")
_OF_IDENTIFIER = (acl.c.kind == bindparam("of_kind"), acl.c.identifier_id == bindparam("of_id"))
_THIS = (_OF_MAILBOX, *_OF_IDENTIFIER, acl.c.negative == bindparam("is_negative"))
_GET = Statement(select(acl.c.rights).where(*_THIS))
_COUNT = Statement(select(func.count()).select_from(acl).where(_OF_MAILBOX))
_REMOVE = Statement(delete(acl).where(*_THIS))
_INSERT = insert_row(acl)
_INHERIT = Statement(
    insert(acl).from_select(
        ["mailbox_id", "kind", "identifier_id", "negative", "rights"],
        select(
            bindparam("child", type_=Big),
            acl.c.kind,
            acl.c.identifier_id,
            acl.c.negative,
            acl.c.rights,
        ).where(_OF_MAILBOX),
    )
)
_FORGET_MAILBOX = Statement(delete(acl).where(_OF_MAILBOX))
_FORGET_IDENTIFIER = Statement(delete(acl).where(*_OF_IDENTIFIER))


def rights_of(tx: Tx, mailbox: MailboxId, who: Entry) -> int:
    """The rights the list has for an identifier; those of `who` don't matter."""
    where = {"of_kind": int(who.kind), "of_id": who.identifier_id}
    found = tx.scalar(_GET, mailbox=mailbox, is_negative=int(who.negative), **where)
    return int(found or 0)


def count(tx: Tx, mailbox: MailboxId) -> int:
    """How many entries a mailbox's list has."""
    return int(tx.scalar(_COUNT, mailbox=mailbox))


def put(tx: Tx, mailbox: MailboxId, entry: Entry) -> None:
    """Set the rights of an identifier; without any it is taken out of the list."""
    where = {"of_kind": int(entry.kind), "of_id": entry.identifier_id}
    tx.run(_REMOVE, mailbox=mailbox, is_negative=int(entry.negative), **where)
    if entry.rights:
        tx.run(
            _INSERT,
            mailbox_id=mailbox,
            kind=int(entry.kind),
            identifier_id=entry.identifier_id,
            negative=int(entry.negative),
            rights=int(entry.rights),
        )


def inherit(tx: Tx, parent: MailboxId, child: MailboxId) -> None:
    """Give a new mailbox the list of another (RFC 4314 §4)."""
    tx.run(_INHERIT, mailbox=parent, child=child)


def forget_mailbox(tx: Tx, mailbox: MailboxId) -> None:
    """Drop the list of a mailbox that goes (RFC 4314 §4)."""
    tx.run(_FORGET_MAILBOX, mailbox=mailbox)


def forget_user(tx: Tx, account: AccountId) -> None:
    """Drop the rights of a user who goes."""
    tx.run(_FORGET_IDENTIFIER, of_kind=int(Kind.USER), of_id=account)


def forget_group(tx: Tx, account: AccountId) -> None:
    """Drop the rights of a group that goes."""
    tx.run(_FORGET_IDENTIFIER, of_kind=int(Kind.GROUP), of_id=account)
