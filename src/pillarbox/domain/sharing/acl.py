"""Access control lists: identifiers as people write them, and who may change what (RFC 4314 §3).

Identifiers are a user's address, `group:<address>`, or `anyone`, who is every user of the domain
of the mailbox's owner; a `-` in front takes rights away. Lists hold ids, so that a new user of an
old address has none of the rights of the old one.
"""

from dataclasses import dataclass
from enum import Enum

from sqlalchemy import bindparam, select

from pillarbox.base.errors import Invalid, NotFound, TooLarge
from pillarbox.base.ids import AccountId
from pillarbox.domain import changes
from pillarbox.domain.accounts import names
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.accounts.tables import user_groups, users
from pillarbox.domain.mail import acl_entries
from pillarbox.domain.mail.acl_entries import Entry, Kind
from pillarbox.domain.mail.model import Mailbox
from pillarbox.domain.mail.tables import acl
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing.rights import ALL_RIGHTS, NO_RIGHTS, Right
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Row, Tx

ANYONE = "anyone"
GROUP_PREFIX = "group:"
MAX_ENTRIES = 500

_USER = Statement(select(users.c.account_id).where(users.c.address == bindparam("address")))
_GROUP = Statement(
    select(user_groups.c.account_id).where(user_groups.c.address == bindparam("address"))
)
_USER_ACCOUNT = Statement(
    select(users.c.domain_id, users.c.address).where(users.c.account_id == bindparam("account"))
)
_GROUP_ACCOUNT = Statement(
    select(user_groups.c.domain_id, user_groups.c.address).where(
        user_groups.c.account_id == bindparam("account")
    )
)
_LIST = Statement(
    select(acl.c.kind, acl.c.negative, acl.c.rights, users.c.address, user_groups.c.address)
    .select_from(
        acl.outerjoin(
            users, (users.c.account_id == acl.c.identifier_id) & (acl.c.kind == int(Kind.USER))
        ).outerjoin(
            user_groups,
            (user_groups.c.account_id == acl.c.identifier_id) & (acl.c.kind == int(Kind.GROUP)),
        )
    )
    .where(acl.c.mailbox_id == bindparam("mailbox"))
)


class RightsChange(Enum):
    """How given rights meet those an identifier has."""

    SET = ""
    ADD = "+"
    REMOVE = "-"


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a list as people read it."""

    identifier: str
    rights: Right


def set_rights(
    tx: Tx, actor: Actor, name: str, identifier: str, how: RightsChange, rights: Right
) -> None:
    """Change what an identifier may do; needs the right to administer.

    Raises `NotFound`, `Denied`, `Invalid` for an unknown identifier or the owner, `TooLarge`.
    """
    mailbox = access.require(tx, actor, name, Right.ADMIN).mailbox
    change(tx, mailbox, identifier, how, rights)


def listed(tx: Tx, actor: Actor, name: str) -> tuple[access.Access, list[Listed]]:
    """A mailbox and its list; needs the right to administer."""
    found = access.require(tx, actor, name, Right.ADMIN)
    return found, list_of(tx, found.mailbox)


def grantable(tx: Tx, actor: Actor, name: str, identifier: str) -> tuple[access.Access, bool]:
    """A mailbox, and whether the identifier is its owner, who has all rights in any case."""
    found = access.require(tx, actor, name, Right.ADMIN)
    entry = _entry(tx, found.mailbox, identifier)
    return found, _is_owner(found.mailbox, entry)


def change(tx: Tx, mailbox: Mailbox, identifier: str, how: RightsChange, rights: Right) -> None:
    """Change what an identifier may do, whoever asks; for the command line."""
    entry = _entry(tx, mailbox, identifier)
    if _is_owner(mailbox, entry):
        takes = how is RightsChange.REMOVE and rights
        if entry.negative or takes or (how is RightsChange.SET and rights != ALL_RIGHTS):
            raise Invalid("The owner of a mailbox has all rights to it")
        return
    had = Right(acl_entries.rights_of(tx, mailbox.id, entry))
    if how is RightsChange.ADD:
        rights |= had
    elif how is RightsChange.REMOVE:
        rights = had & ~rights
    if rights == had:
        return
    if not had and acl_entries.count(tx, mailbox.id) >= MAX_ENTRIES:
        raise TooLarge(f"The access list of a mailbox can have {MAX_ENTRIES} entries")
    acl_entries.put(
        tx, mailbox.id, Entry(entry.kind, entry.identifier_id, entry.negative, int(rights))
    )
    modseq = changes.next_modseq(tx, mailbox.account_id)
    changes.note(tx, mailbox.account_id, modseq, changes.Kind.MAILBOX, mailbox.id)


def list_of(tx: Tx, mailbox: Mailbox) -> list[Listed]:
    """Who may do what with a mailbox: its owner, if a user, then others in order."""
    found = []
    for kind, negative, rights, user, group in tx.all(_LIST, mailbox=mailbox.id):
        name = {Kind.USER: user, Kind.GROUP: f"{GROUP_PREFIX}{group}"}.get(kind, ANYONE)
        if name is not None:
            found.append(Listed(("-" if negative else "") + name, Right(rights)))
    found.sort(key=lambda one: (one.identifier.lstrip("-"), one.identifier))
    owner = tx.one(_USER_ACCOUNT, account=mailbox.account_id)
    return found if owner is None else [Listed(owner[1], ALL_RIGHTS), *found]


def owner_named(tx: Tx, address: str) -> AccountId:
    """The account of the user or group with this address; `NotFound` if there is none."""
    key = names.mailbox_key(address)[0]
    found = tx.scalar(_USER, address=key) or tx.scalar(_GROUP, address=key)
    if found is None:
        raise NotFound(f"There is no user or group {address}")
    return AccountId(found)


def _entry(tx: Tx, mailbox: Mailbox, identifier: str) -> Entry:
    """What an identifier stands for, without rights; `Invalid` for an unknown one."""
    negative = identifier.startswith("-")
    name = identifier[1:] if negative else identifier
    if name.lower() == ANYONE:
        return Entry(Kind.ANYONE, _owner(tx, mailbox)[0], negative, NO_RIGHTS)
    is_group = name.lower().startswith(GROUP_PREFIX)
    address = name[len(GROUP_PREFIX) :] if is_group else name
    try:
        key = names.mailbox_key(address)[0]
    except Invalid:
        key = ""
    found = tx.scalar(_GROUP if is_group else _USER, address=key)
    if found is None:
        raise Invalid("There is no such user or group")
    return Entry(Kind.GROUP if is_group else Kind.USER, found, negative, NO_RIGHTS)


def _is_owner(mailbox: Mailbox, entry: Entry) -> bool:
    return entry.kind is Kind.USER and entry.identifier_id == mailbox.account_id


def _owner(tx: Tx, mailbox: Mailbox) -> Row:
    """Domain and address of a mailbox's owner."""
    account = mailbox.account_id
    row = tx.one(_USER_ACCOUNT, account=account) or tx.one(_GROUP_ACCOUNT, account=account)
    if row is None:
        raise NotFound("There is no such mailbox")
    return row
