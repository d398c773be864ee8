"""Groups: users who share an address and the mailboxes of its account.

A group owns an account as a user does, and nobody logs in to it. Mail to its address comes into
that account's INBOX once; members see its mailboxes as `Shared/<address>/<path>`.
"""

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select

from pillarbox.base.errors import Exists, NotFound, TooLarge
from pillarbox.base.ids import AccountId, DomainId
from pillarbox.domain import changes
from pillarbox.domain.accounts import aliases, domains, names, resources, users
from pillarbox.domain.accounts.model import TOPIC, Domain, User
from pillarbox.domain.accounts.owned import close_account, open_account
from pillarbox.domain.accounts.tables import group_members, user_groups
from pillarbox.domain.accounts.tables import users as users_table
from pillarbox.domain.mail import acl_entries, mailboxes
from pillarbox.domain.owners.tables import accounts
from pillarbox.domain.sharing.rights import parse_rights
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Row, Tx

MEMBER_RIGHTS = parse_rights("lrswipkte")
"""What members may do with a new group's mailboxes: all but delete them and administer."""
MAX_MEMBERS = 1000

_SELECT = select(
    user_groups.c.account_id,
    user_groups.c.domain_id,
    user_groups.c.address,
    accounts.c.quota_bytes,
    accounts.c.used_bytes,
    accounts.c.used_messages,
).select_from(user_groups.join(accounts, accounts.c.id == user_groups.c.account_id))
_BY_ADDRESS = Statement(_SELECT.where(user_groups.c.address == bindparam("address")))
_BY_ACCOUNT = Statement(_SELECT.where(user_groups.c.account_id == bindparam("group")))
_OF_DOMAIN = Statement(
    _SELECT.where(user_groups.c.domain_id == bindparam("domain_id")).order_by(user_groups.c.address)
)
_ALL = Statement(_SELECT.order_by(user_groups.c.address))
_INSERT = insert_row(user_groups)
_DELETE = Statement(delete(user_groups).where(user_groups.c.account_id == bindparam("group")))
_MEMBERS = Statement(
    select(users_table.c.address)
    .select_from(
        group_members.join(users_table, users_table.c.account_id == group_members.c.account_id)
    )
    .where(group_members.c.group_id == bindparam("group"))
    .order_by(users_table.c.address)
)
_THIS_MEMBER = (
    group_members.c.group_id == bindparam("group"),
    group_members.c.account_id == bindparam("account"),
)
_IS_MEMBER = Statement(select(group_members.c.group_id).where(*_THIS_MEMBER))
_ADD_MEMBER = insert_row(group_members)
_REMOVE_MEMBER = Statement(delete(group_members).where(*_THIS_MEMBER))
_REMOVE_MEMBERS = Statement(
    delete(group_members).where(group_members.c.group_id == bindparam("group"))
)


@dataclass(frozen=True, slots=True)
class Group:
    """An address of several users, with mailboxes of its own."""

    account_id: AccountId
    domain_id: DomainId
    address: str
    quota_bytes: int
    used_bytes: int
    used_messages: int


def create(tx: Tx, address: str, quota_bytes: int = 0) -> Group:
    """Add a group without members, with the usual mailboxes; a quota of 0 is no limit.

    Raises `NotFound` if the domain is not served here, `Exists` if the address is taken.
    """
    key, _, domain_name = names.mailbox_key(address)
    domain = domains.require_mailboxes(tx, domain_name)
    alias = aliases.get(tx, key)
    taken = resources.get(tx, key) or get(tx, key) or users.get(tx, key)
    if taken is not None or (alias is not None and key not in alias.targets):
        raise Exists(f"The address {key} exists already")
    account = open_account(tx, quota_bytes)
    tx.run(_INSERT, account_id=account, domain_id=domain.id, address=key, created_ms=tx.now_ms)
    mailboxes.create_defaults(tx, account)
    members = acl_entries.Entry(acl_entries.Kind.GROUP, account, False, MEMBER_RIGHTS)
    for mailbox in mailboxes.all_of(tx, account):
        acl_entries.put(tx, mailbox.id, members)
    tx.emit(TOPIC)
    return Group(account, domain.id, key, quota_bytes, 0, 0)


def get(tx: Tx, address_key: str) -> Group | None:
    """The group with this address key (`names.mailbox_key`)."""
    row = tx.one(_BY_ADDRESS, address=address_key)
    return None if row is None else _group(row)


def by_account(tx: Tx, account: AccountId) -> Group | None:
    """The group whose account this is."""
    row = tx.one(_BY_ACCOUNT, group=account)
    return None if row is None else _group(row)


def require(tx: Tx, address: str) -> Group:
    """The group with this address, in any spelling; `NotFound` if there is none."""
    group = get(tx, names.mailbox_key(address)[0])
    if group is None:
        raise NotFound(f"There is no group {address}")
    return group


def list_of(tx: Tx, domain: Domain | None) -> list[Group]:
    """Groups of a domain, or all, by address."""
    rows = tx.all(_ALL) if domain is None else tx.all(_OF_DOMAIN, domain_id=domain.id)
    return [_group(row) for row in rows]


def delete_group(tx: Tx, group: Group) -> None:
    """Remove a group with all mail, and take its address out of every alias."""
    aliases.forget_target(tx, group.address)
    tx.run(_REMOVE_MEMBERS, group=group.account_id)
    acl_entries.forget_group(tx, group.account_id)
    tx.run(_DELETE, group=group.account_id)
    close_account(tx, group.account_id)
    changes.hint(tx, group.account_id)
    tx.emit(TOPIC)


def members(tx: Tx, group: Group) -> list[str]:
    """The addresses of the members, in order."""
    return [row[0] for row in tx.all(_MEMBERS, group=group.account_id)]


def add_member(tx: Tx, group: Group, user: User) -> None:
    """Let a user in; once more does nothing. `TooLarge` where there are too many."""
    if tx.one(_IS_MEMBER, group=group.account_id, account=user.account_id) is not None:
        return
    if len(members(tx, group)) >= MAX_MEMBERS:
        raise TooLarge(f"A group can have {MAX_MEMBERS} members")
    tx.run(_ADD_MEMBER, group_id=group.account_id, account_id=user.account_id)


def remove_member(tx: Tx, group: Group, user: User) -> None:
    """Take a user out of the group; `NotFound` if they are no member."""
    if not tx.run(_REMOVE_MEMBER, group=group.account_id, account=user.account_id):
        raise NotFound(f"{user.address} is not a member of {group.address}")
    # Sessions that have one of its mailboxes open look at their rights.
    changes.hint(tx, group.account_id)


def _group(row: Row) -> Group:
    return Group(AccountId(row[0]), DomainId(row[1]), *row[2:])
