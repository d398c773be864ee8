"""Who may do what with which mailbox: the one place where a client's name becomes a mailbox.

Owners may do everything with their own mailboxes, others what the mailbox's list says (RFC 4314).
Mailboxes of other users are named `Other Users/<address>/<path>`, those of groups
`Shared/<address>/<path>` (RFC 2342).
"""

import unicodedata
from dataclasses import dataclass, replace

from sqlalchemy import and_, bindparam, or_, select

from pillarbox.base.errors import Denied, Invalid, NotFound, TooLarge
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.accounts import names
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.accounts.tables import group_members, user_groups, users
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.mail.acl_entries import Kind
from pillarbox.domain.mail.model import Mailbox
from pillarbox.domain.mail.tables import acl
from pillarbox.domain.mail.tables import mailboxes as table
from pillarbox.domain.sharing.rights import ALL_RIGHTS, NO_RIGHTS, RIGHT_LETTERS, Right
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Row, Tx

__all__ = [
    "ALL_RIGHTS",
    "RIGHT_LETTERS",
    "Access",
    "Place",
    "Right",
    "check",
    "find",
    "place_of",
    "require",
    "rights_on",
    "visible",
]

_NOT_FOUND = "There is no such mailbox"
_DENIED = "You may not do that with this mailbox"
_NO_MAILBOX = MailboxId(0)

_APPLIES = or_(
    and_(acl.c.kind == int(Kind.USER), acl.c.identifier_id == bindparam("actor")),
    and_(acl.c.kind == int(Kind.ANYONE), acl.c.identifier_id == bindparam("domain")),
    and_(
        acl.c.kind == int(Kind.GROUP),
        acl.c.identifier_id.in_(
            select(group_members.c.group_id).where(group_members.c.account_id == bindparam("actor"))
        ),
    ),
)
_RIGHTS = Statement(
    select(acl.c.negative, acl.c.rights).where(acl.c.mailbox_id == bindparam("mailbox"), _APPLIES)
)
_VISIBLE = Statement(
    select(acl.c.negative, acl.c.rights, users.c.address, user_groups.c.address, *mailboxes.COLUMNS)
    .select_from(
        acl.join(table, table.c.id == acl.c.mailbox_id)
        .outerjoin(users, users.c.account_id == table.c.account_id)
        .outerjoin(user_groups, user_groups.c.account_id == table.c.account_id)
    )
    .where(_APPLIES, table.c.account_id != bindparam("actor"))
)
_OF_USER = Statement(
    select(*mailboxes.COLUMNS)
    .select_from(table.join(users, users.c.account_id == table.c.account_id))
    .where(users.c.address == bindparam("address"), table.c.name == bindparam("path"))
)
_OF_GROUP = Statement(
    select(*mailboxes.COLUMNS)
    .select_from(table.join(user_groups, user_groups.c.account_id == table.c.account_id))
    .where(user_groups.c.address == bindparam("address"), table.c.name == bindparam("path"))
)


@dataclass(frozen=True, slots=True)
class Access:
    """A mailbox, its name as the actor sees it, and what the actor may do with it."""

    mailbox: Mailbox
    name: str
    rights: Right

    @property
    def seen(self) -> Mailbox:
        """The mailbox with its name as the actor sees it."""
        return replace(self.mailbox, name=self.name)


@dataclass(frozen=True, slots=True)
class Place:
    """What a name outside of the personal namespace points at, whether or not that exists."""

    namespace: str
    address: str
    path: str

    @property
    def name(self) -> str:
        """The name in its one spelling."""
        return f"{self.namespace}/{self.address}/{self.path}"


def place_of(name: str) -> Place | None:
    """What a name of the other namespaces points at; `None` for any other name."""
    name = unicodedata.normalize("NFC", name)
    namespace, _, rest = name.partition("/")
    if namespace not in mailboxes.NAMESPACES:
        return None
    # A local part may hold slashes, a domain can't.
    end = rest.find("/", rest.find("@") + 1)
    if end < 0:
        return None
    try:
        address, path = names.mailbox_key(rest[:end])[0], mailboxes.canonical_name(rest[end + 1 :])
    except (Invalid, TooLarge):
        return None
    return Place(namespace, address, path)


def find(tx: Tx, actor: Actor, name: str) -> Access | None:
    """The mailbox the actor means; `None` where there is none, or none to be known of."""
    mailbox = mailboxes.by_name(tx, actor.account_id, name)
    if mailbox is not None:
        return Access(mailbox, mailbox.name, ALL_RIGHTS)
    place = place_of(name)
    if place is None:
        return None
    statement = _OF_USER if place.namespace == mailboxes.OTHER_USERS else _OF_GROUP
    row = tx.one(statement, address=place.address, path=place.path)
    found = None if row is None else Mailbox(*row)
    # Asked for in any case, so that it takes as long where there is no such mailbox.
    rights = _rights(tx, actor, _NO_MAILBOX if found is None else found.id)
    if found is None or found.account_id == actor.account_id or Right.LOOKUP not in rights:
        return None
    return Access(found, place.name, rights)


def require(tx: Tx, actor: Actor, name: str, right: Right) -> Access:
    """The mailbox the actor means, which they have these rights on.

    `NotFound` where there is none or the actor may not know of it, `Denied` without the right.
    """
    access = find(tx, actor, name)
    if access is None:
        raise NotFound(_NOT_FOUND)
    if right not in access.rights:
        raise Denied(_DENIED)
    return access


def rights_on(tx: Tx, actor: Actor, owner: AccountId, mailbox: MailboxId) -> Right:
    """What the actor may do with a mailbox of `owner`; no query for their own."""
    return ALL_RIGHTS if owner == actor.account_id else _rights(tx, actor, mailbox)


def check(tx: Tx, actor: Actor, owner: AccountId, mailbox: MailboxId, right: Right) -> None:
    """Raise `Denied` where the actor lacks a right on a mailbox of `owner`."""
    if owner != actor.account_id and right not in rights_on(tx, actor, owner, mailbox):
        raise Denied(_DENIED)


def visible(tx: Tx, actor: Actor) -> list[Access]:
    """The mailboxes of other owners that the actor may know of; one query."""
    found: dict[int, list[Row]] = {}
    for row in tx.all(_VISIBLE, actor=actor.account_id, domain=actor.domain_id):
        found.setdefault(row[4], []).append(row)
    result = []
    for rows in found.values():
        rights = _combined([row[:2] for row in rows])
        user, group = rows[0][2:4]
        if Right.LOOKUP in rights and (user or group):
            mailbox = Mailbox(*rows[0][4:])
            namespace = mailboxes.OTHER_USERS if user else mailboxes.SHARED
            result.append(Access(mailbox, f"{namespace}/{user or group}/{mailbox.name}", rights))
    return result


def _rights(tx: Tx, actor: Actor, mailbox: MailboxId) -> Right:
    return _combined(
        tx.all(_RIGHTS, mailbox=mailbox, actor=actor.account_id, domain=actor.domain_id)
    )


def _combined(rows: list[Row]) -> Right:
    """What entries give together, less what negative ones take (RFC 4314 §2)."""
    given = taken = NO_RIGHTS
    for negative, rights in rows:
        if negative:
            taken |= Right(rights)
        else:
            given |= Right(rights)
    return given & ~taken
