"""Making, renaming and deleting mailboxes by the name an actor uses, in any namespace.

Mailboxes made in another owner's tree are that owner's. What may be made is up to the nearest
mailbox above (RFC 4314 §4); at the top of a group's tree its INBOX stands for that.
"""

from dataclasses import dataclass

from sqlalchemy import bindparam, select

from pillarbox.base.errors import Denied, Invalid, NotFound
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.accounts.tables import user_groups, users
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.mail.model import Mailbox
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing.access import Place, Right, place_of
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

_USER = Statement(select(users.c.account_id).where(users.c.address == bindparam("address")))
_GROUP = Statement(
    select(user_groups.c.account_id).where(user_groups.c.address == bindparam("address"))
)
_NOT_HERE = "You may not make mailboxes there"
_NOT_ACROSS = "A mailbox can't be given to another owner; copy its messages instead"


class HasChildren(NotFound):
    """There is no such mailbox, but there are some below its name."""


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where in another owner's tree a mailbox may be made."""

    owner: AccountId
    path: str
    heir_of: MailboxId | None


def create(tx: Tx, actor: Actor, name: str, special_use: str | None = None) -> Mailbox:
    """Make a mailbox; raises what `mailboxes.create` raises, and `Denied`."""
    place = _foreign(tx, actor, name)
    if place is None:
        return mailboxes.create(tx, actor.account_id, name, special_use)
    spot = _spot(tx, actor, place)
    if special_use is not None:
        raise Invalid("Only mailboxes of your own can have a special use")
    return mailboxes.create(tx, spot.owner, spot.path, None, spot.heir_of)


def delete(tx: Tx, actor: Actor, name: str) -> None:
    """Delete a mailbox with its messages; raises `NotFound`, `Denied`, `Invalid` for INBOX."""
    found = access.find(tx, actor, name)
    if found is None:
        if place_of(name) is None and mailboxes.has_below(tx, actor.account_id, name):
            raise HasChildren("There is no such mailbox, but some below it")
        raise NotFound("There is no such mailbox")
    mailbox = found.mailbox
    access.check(tx, actor, mailbox.account_id, mailbox.id, Right.DELETE_MAILBOX)
    mailboxes.delete(tx, mailbox.account_id, mailbox.name)


def rename(tx: Tx, actor: Actor, name: str, new_name: str) -> None:
    """Rename a mailbox within its owner's tree; raises what `mailboxes.rename` raises, `Denied`."""
    mailbox = access.require(tx, actor, name, Right.DELETE_MAILBOX).mailbox
    place = _foreign(tx, actor, new_name)
    if mailbox.account_id == actor.account_id:
        if place is not None:
            raise Invalid(_NOT_ACROSS)
        mailboxes.rename(tx, actor.account_id, mailbox.name, new_name)
        return
    if place is None or _owner(tx, place) != mailbox.account_id:
        raise Invalid(_NOT_ACROSS)
    if mailbox.name == mailboxes.INBOX:
        raise Invalid("Only its owner can rename INBOX")
    spot = _spot(tx, actor, place)
    mailboxes.rename(tx, spot.owner, mailbox.name, spot.path, spot.heir_of)


def _foreign(tx: Tx, actor: Actor, name: str) -> Place | None:
    """The place a name means, unless it is that of an old mailbox of the actor's own."""
    place = place_of(name)
    if place is None or mailboxes.by_name(tx, actor.account_id, name) is not None:
        return None
    return place


def _owner(tx: Tx, place: Place) -> AccountId | None:
    of_user = place.namespace == mailboxes.OTHER_USERS
    found = tx.scalar(_USER if of_user else _GROUP, address=place.address)
    return None if found is None else AccountId(found)


def _spot(tx: Tx, actor: Actor, place: Place) -> _Spot:
    """Where a place is, if the actor may make mailboxes there; `Denied` tells no more than no."""
    owner = _owner(tx, place)
    if owner is None or owner == actor.account_id:
        raise Denied(_NOT_HERE)
    parent: Mailbox | None = None
    path = place.path.rpartition("/")[0]
    while path and parent is None:
        parent = mailboxes.by_name(tx, owner, path)
        path = path.rpartition("/")[0]
    top = None
    if place.namespace == mailboxes.SHARED:
        top = mailboxes.by_name(tx, owner, mailboxes.INBOX)
    judged = parent or top
    wanted = Right.LOOKUP | Right.CREATE
    if judged is None or wanted not in access.rights_on(tx, actor, owner, judged.id):
        raise Denied(_NOT_HERE)
    return _Spot(owner, place.path, None if top is None else top.id)
