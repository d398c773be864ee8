"""Kept messages as users see them: their own, and those of whose INBOX they may read.

Called by `pipeline/inbound/quarantine` and the command line. Without an actor an admin acts at the
machine itself, who may do all.
"""

from sqlalchemy import bindparam, select

from pillarbox.base.errors import Denied, NotFound
from pillarbox.base.ids import AccountId, BlobId, EmailId
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.accounts.tables import user_groups, users
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.mail.tables import messages
from pillarbox.domain.quarantine import rows
from pillarbox.domain.quarantine.model import KeptMessage
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing.access import Right
from pillarbox.domain.sharing.rights import NO_RIGHTS
from pillarbox.domain.spam import training
from pillarbox.domain.spam.model import Category
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

VIRUS = "virus"
"""The name of what a scanner finds, as it stands in `Kept.because`."""

_m = messages.c
_LATEST = Statement(
    select(_m.email_id, _m.saved_ms)
    .where(_m.mailbox_id == bindparam("mailbox"))
    .order_by(_m.uid.desc())
    .limit(1)
)
_USER = Statement(
    select(users.c.address, users.c.enabled).where(users.c.account_id == bindparam("account"))
)
_GROUP = Statement(
    select(user_groups.c.address).where(user_groups.c.account_id == bindparam("account"))
)


def list_of(
    tx: Tx, keys: KeyRing, actor: Actor | None, after: int = 0, most: int = rows.LIST_MAX
) -> list[KeptMessage]:
    """What an actor may see, oldest first, from behind the id `after`."""
    if actor is None:
        return rows.list_of(tx, keys, None, after, most)
    accounts = [actor.account_id]
    accounts += [
        one.mailbox.account_id
        for one in access.visible(tx, actor)
        if one.mailbox.name == mailboxes.INBOX and Right.READ in one.rights
    ]
    found = [
        one
        for account in dict.fromkeys(accounts)
        for one in rows.list_of(tx, keys, account, after, most)
    ]
    return sorted(found, key=lambda one: one.id)[:most]


def require(
    tx: Tx, keys: KeyRing, actor: Actor | None, number: int, right: Right = Right.READ
) -> KeptMessage:
    """A kept message that the actor has a right on, by the list of its account's INBOX.

    `NotFound` where there is none, or none to be known of; `Denied` without the right.
    """
    message = rows.get(tx, keys, number)
    if actor is None or message.account_id == actor.account_id:
        return message
    inbox = mailboxes.by_name(tx, message.account_id, mailboxes.INBOX)
    rights = (
        NO_RIGHTS if inbox is None else access.rights_on(tx, actor, message.account_id, inbox.id)
    )
    if Right.LOOKUP not in rights or Right.READ not in rights:
        raise NotFound(rows.NOT_FOUND)
    if right not in rights:
        raise Denied("You may not do that with this message")
    return message


def release(tx: Tx, keys: KeyRing, actor: Actor | None, number: int) -> BlobId:
    """Take a message out of quarantine, in the transaction that delivered it; gives its blob.

    Raises as `require` does: of two who release at once one fails. `Denied` for a virus, which
    only an admin at the machine lets out.
    """
    message = require(tx, keys, actor, number, Right.INSERT)
    if actor is not None and VIRUS in message.kept.because:
        raise Denied("This message has a virus; only an admin can release it")
    return rows.release(tx, number)


def remove(tx: Tx, keys: KeyRing, actor: Actor | None, number: int) -> BlobId:
    """Throw a message away; gives its blob. Raises as `require` does."""
    require(tx, keys, actor, number, Right.DELETE_MESSAGES)
    return rows.remove(tx, number)


def learn_as_wanted(tx: Tx, account_id: AccountId, detail: str | None) -> None:
    """Have the message learnt that this transaction has just delivered to an account."""
    found = None if not detail else mailboxes.by_detail(tx, account_id, detail)
    if found is None:
        inbox = mailboxes.by_name(tx, account_id, mailboxes.INBOX)
        if inbox is None:
            return
        found = inbox.id
    row = tx.one(_LATEST, mailbox=found)
    if row is not None and row[1] == tx.now_ms:
        training.note(tx, account_id, [EmailId(row[0])], Category.HAM, sorted=True)


def address_of(tx: Tx, account_id: AccountId) -> str:
    """Where to write to an account's users; empty where nobody is to read it."""
    row = tx.one(_USER, account=account_id)
    if row is not None:
        return str(row[0]) if row[1] else ""
    return tx.scalar(_GROUP, account=account_id) or ""
