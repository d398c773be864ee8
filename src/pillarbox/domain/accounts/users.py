"""Users: an account that owns mail, and a login. The address is both login and primary address."""

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy import delete as sql_delete

from pillarbox.base.errors import Exists, Invalid, NotFound
from pillarbox.base.ids import AccountId, DomainId
from pillarbox.domain.accounts import aliases, credentials, domains, names, tokens
from pillarbox.domain.accounts.model import TOPIC, CredentialKind, Domain, Role, User
from pillarbox.domain.accounts.owned import close_account, open_account
from pillarbox.domain.accounts.tables import group_members, resources, user_groups, users
from pillarbox.domain.mail import acl_entries, annotations, mailboxes
from pillarbox.domain.owners.tables import accounts
from pillarbox.formats.address import Address
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Row, Tx

_SELECT = select(
    users.c.account_id,
    users.c.domain_id,
    users.c.address,
    users.c.display_name,
    users.c.role,
    users.c.enabled,
    accounts.c.quota_bytes,
    accounts.c.used_bytes,
    accounts.c.used_messages,
).select_from(users.join(accounts, accounts.c.id == users.c.account_id))
_BY_ADDRESS = Statement(_SELECT.where(users.c.address == bindparam("address")))
_BY_ACCOUNT = Statement(_SELECT.where(users.c.account_id == bindparam("account")))
_OF_DOMAIN = Statement(
    _SELECT.where(users.c.domain_id == bindparam("domain_id")).order_by(users.c.address)
)
_ALL = Statement(_SELECT.order_by(users.c.address))
_INSERT = Statement(
    insert(users).values(
        account_id=bindparam("account_id"),
        domain_id=bindparam("domain_id"),
        address=bindparam("address"),
        display_name=bindparam("display_name"),
        role=bindparam("role"),
        enabled=1,
    )
)
_THIS_USER = users.c.account_id == bindparam("account")
_SET_ENABLED = Statement(update(users).where(_THIS_USER).values(enabled=bindparam("is_enabled")))
_SET_ROLE = Statement(update(users).where(_THIS_USER).values(role=bindparam("new_role")))
_SET_QUOTA = Statement(
    update(accounts)
    .where(accounts.c.id == bindparam("account"))
    .values(quota_bytes=bindparam("new_quota_bytes"))
)
_GROUP_OR_RESOURCE = Statement(
    select(user_groups.c.account_id)
    .where(user_groups.c.address == bindparam("address"))
    .union_all(select(resources.c.account_id).where(resources.c.address == bindparam("address")))
)
_LEAVE = Statement(
    sql_delete(group_members).where(group_members.c.account_id == bindparam("account"))
)
_DELETE = Statement(sql_delete(users).where(_THIS_USER))


def create(
    tx: Tx,
    address: str | Address,
    password_hash: str,
    display_name: str,
    role: Role,
    quota_bytes: int,
    scram: bytes | None = None,
) -> User:
    """Add a user with the usual mailboxes; a quota of 0 is no limit.

    `scram` is the sealed verifier of the password (`pipeline/verifiers`).

    Raises `NotFound` if the domain is not served here, `Exists` if the address is taken.
    """
    key, _, domain_name = names.mailbox_key(address)
    domain = domains.require_mailboxes(tx, domain_name)
    alias = aliases.get(tx, key)
    taken = get(tx, key) is not None or tx.one(_GROUP_OR_RESOURCE, address=key) is not None
    if taken or (alias is not None and key not in alias.targets):
        raise Exists(f"The address {key} exists already")
    account_id = open_account(tx, quota_bytes)
    tx.run(
        _INSERT,
        account_id=account_id,
        domain_id=domain.id,
        address=key,
        display_name=display_name,
        role=int(role),
    )
    credentials.add(tx, account_id, CredentialKind.PASSWORD, "", password_hash, scram)
    mailboxes.create_defaults(tx, account_id)
    tx.emit(TOPIC)
    return User(account_id, domain.id, key, display_name, role, True, quota_bytes, 0, 0)


def get(tx: Tx, address_key: str) -> User | None:
    """The user whose login is this address key (`names.mailbox_key`)."""
    return _user(tx.one(_BY_ADDRESS, address=address_key))


def require(tx: Tx, address: str) -> User:
    """The user whose login is this address, in any spelling; `NotFound` if there is none."""
    user = get(tx, names.mailbox_key(address)[0])
    if user is None:
        raise NotFound(f"There is no user {address}")
    return user


def by_account(tx: Tx, account_id: AccountId) -> User | None:
    """The user who owns an account."""
    return _user(tx.one(_BY_ACCOUNT, account=account_id))


def list_of(tx: Tx, domain: Domain | None) -> list[User]:
    """Users of a domain, or all, by address."""
    rows = tx.all(_ALL) if domain is None else tx.all(_OF_DOMAIN, domain_id=domain.id)
    return [_from_row(row) for row in rows]


def set_password(
    tx: Tx, account_id: AccountId, password_hash: str, scram: bytes | None = None
) -> None:
    """Replace the user's password; `NotFound` if there is no such user."""
    if by_account(tx, account_id) is None:
        raise NotFound("There is no such user")
    credentials.delete_kind(tx, account_id, CredentialKind.PASSWORD)
    credentials.add(tx, account_id, CredentialKind.PASSWORD, "", password_hash, scram)
    tx.emit(TOPIC)


def set_enabled(tx: Tx, account_id: AccountId, enabled: bool) -> None:
    """Disabled, a user can't log in and gets no mail; nothing is lost."""
    tx.run(_SET_ENABLED, account=account_id, is_enabled=int(enabled))
    tx.emit(TOPIC)


def set_role(tx: Tx, account_id: AccountId, role: Role) -> None:
    """Change what the user may administer."""
    tx.run(_SET_ROLE, account=account_id, new_role=int(role))
    tx.emit(TOPIC)


def set_quota(tx: Tx, account_id: AccountId, quota_bytes: int) -> None:
    """Change the limit; 0 is none. Mail over a new limit stays, only more is refused."""
    if quota_bytes < 0:
        raise Invalid("A quota can't be negative")
    tx.run(_SET_QUOTA, account=account_id, new_quota_bytes=quota_bytes)
    tx.emit(TOPIC)


def delete(tx: Tx, account_id: AccountId) -> None:
    """Remove a user with all mail, and take the address out of every alias.

    The account's salt goes with it, so that what backups of the blobs hold stays unreadable.
    """
    user = by_account(tx, account_id)
    if user is None:
        raise NotFound("There is no such user")
    aliases.forget_target(tx, user.address)
    acl_entries.forget_user(tx, account_id)
    annotations.forget_holder(tx, account_id)
    tx.run(_LEAVE, account=account_id)
    credentials.delete_all(tx, account_id)
    tokens.delete_all(tx, account_id)
    tx.run(_DELETE, account=account_id)
    close_account(tx, account_id)
    tx.emit(TOPIC)


def _user(row: Row | None) -> User | None:
    return None if row is None else _from_row(row)


def _from_row(row: Row) -> User:
    return User(
        AccountId(row[0]),
        DomainId(row[1]),
        row[2],
        row[3],
        Role(row[4]),
        bool(row[5]),
        row[6],
        row[7],
        row[8],
    )
