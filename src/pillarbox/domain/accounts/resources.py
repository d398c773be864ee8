"""Resources: rooms and things with an address and a calendar, which are invited as people are.

Nobody logs in to one; who manages it has rights on its calendar (`domain/calendars/resources`).
Mail to its address comes into the INBOX of its account.
"""

from dataclasses import dataclass, replace
from enum import IntEnum

from sqlalchemy import bindparam, delete, select, update

from pillarbox.base.errors import Exists, Invalid, NotFound
from pillarbox.base.ids import AccountId, DomainId
from pillarbox.domain.accounts import aliases, domains, names
from pillarbox.domain.accounts.model import TOPIC, Domain
from pillarbox.domain.accounts.owned import close_account, open_account
from pillarbox.domain.accounts.tables import resources, user_groups, users
from pillarbox.domain.mail import mailboxes
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Row, Tx

NAME_CHARACTERS = 255
CAPACITY_MOST = 1_000_000

r = resources.c
_SELECT = select(
    r.account_id, r.domain_id, r.address, r.name, r.kind, r.auto_accept, r.capacity
).order_by(r.address)
_BY_ADDRESS = Statement(_SELECT.where(r.address == bindparam("address")))
_BY_ACCOUNT = Statement(_SELECT.where(r.account_id == bindparam("account")))
_OF_DOMAIN = Statement(_SELECT.where(r.domain_id == bindparam("domain_id")))
_ALL = Statement(_SELECT)
_TAKEN = Statement(
    select(users.c.account_id)
    .where(users.c.address == bindparam("address"))
    .union_all(
        select(user_groups.c.account_id).where(user_groups.c.address == bindparam("address")),
        select(r.account_id).where(r.address == bindparam("address")),
    )
)
_INSERT = insert_row(resources)
_CHANGE = Statement(
    update(resources)
    .where(r.account_id == bindparam("account"))
    .values(
        name=bindparam("new_name"),
        kind=bindparam("new_kind"),
        auto_accept=bindparam("new_auto_accept"),
        capacity=bindparam("new_capacity"),
    )
)
_DELETE = Statement(delete(resources).where(r.account_id == bindparam("account")))


class ResourceKind(IntEnum):
    """What is booked (RFC 5545 §3.2.3, CUTYPE)."""

    RESOURCE = 1
    ROOM = 2


class AutoAccept(IntEnum):
    """What happens to an invitation."""

    ALWAYS = 1
    WHEN_FREE = 2
    """Accepted where it is free, else declined."""
    MANUAL = 3
    """Left to its managers."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A room or thing; a `capacity` of 0 is not known."""

    account_id: AccountId
    domain_id: DomainId
    address: str
    name: str
    kind: ResourceKind = ResourceKind.RESOURCE
    auto_accept: AutoAccept = AutoAccept.WHEN_FREE
    capacity: int = 0


def create(
    tx: Tx,
    address: str,
    name: str,
    kind: ResourceKind = ResourceKind.RESOURCE,
    auto_accept: AutoAccept = AutoAccept.WHEN_FREE,
    capacity: int = 0,
    quota_bytes: int = 0,
) -> Resource:
    """Add a resource with the usual mailboxes; a quota of 0 is no limit.

    Raises `NotFound` if the domain is not served here, `Exists` if the address is taken, `Invalid`.
    """
    key, _, domain_name = names.mailbox_key(address)
    domain = domains.require_mailboxes(tx, domain_name)
    alias = aliases.get(tx, key)
    if tx.one(_TAKEN, address=key) is not None or (alias is not None and key not in alias.targets):
        raise Exists(f"The address {key} exists already")
    _require_fit(name, capacity)
    account = open_account(tx, quota_bytes)
    tx.run(
        _INSERT,
        account_id=account,
        domain_id=domain.id,
        address=key,
        name=name,
        kind=int(kind),
        auto_accept=int(auto_accept),
        capacity=capacity,
        created_ms=tx.now_ms,
    )
    mailboxes.create_defaults(tx, account)
    tx.emit(TOPIC)
    return Resource(account, domain.id, key, name, kind, auto_accept, capacity)


def get(tx: Tx, address_key: str) -> Resource | None:
    """The resource with this address key (`names.mailbox_key`)."""
    return _resource(tx.one(_BY_ADDRESS, address=address_key))


def by_account(tx: Tx, account: AccountId) -> Resource | None:
    """The resource whose account this is."""
    return _resource(tx.one(_BY_ACCOUNT, account=account))


def require(tx: Tx, address: str) -> Resource:
    """The resource with this address, in any spelling; `NotFound` if there is none."""
    found = get(tx, names.mailbox_key(address)[0])
    if found is None:
        raise NotFound(f"There is no resource {address}")
    return found


def list_of(tx: Tx, domain: Domain | None) -> list[Resource]:
    """Resources of a domain, or all, by address."""
    rows = tx.all(_ALL) if domain is None else tx.all(_OF_DOMAIN, domain_id=domain.id)
    return [_from_row(row) for row in rows]


def change(
    tx: Tx,
    resource: Resource,
    *,
    name: str | None = None,
    kind: ResourceKind | None = None,
    auto_accept: AutoAccept | None = None,
    capacity: int | None = None,
) -> Resource:
    """Change what is given and leave the rest; raises `Invalid`."""
    changed = replace(
        resource,
        name=resource.name if name is None else name,
        kind=resource.kind if kind is None else kind,
        auto_accept=resource.auto_accept if auto_accept is None else auto_accept,
        capacity=resource.capacity if capacity is None else capacity,
    )
    _require_fit(changed.name, changed.capacity)
    tx.run(
        _CHANGE,
        account=changed.account_id,
        new_name=changed.name,
        new_kind=int(changed.kind),
        new_auto_accept=int(changed.auto_accept),
        new_capacity=changed.capacity,
    )
    tx.emit(TOPIC)
    return changed


def remove(tx: Tx, resource: Resource) -> None:
    """Remove a resource with its calendar and mail, and take its address out of every alias."""
    aliases.forget_target(tx, resource.address)
    tx.run(_DELETE, account=resource.account_id)
    close_account(tx, resource.account_id)
    tx.emit(TOPIC)


def _require_fit(name: str, capacity: int) -> None:
    if not name.strip() or len(name) > NAME_CHARACTERS or not name.isprintable():
        raise Invalid(f"The name of a resource has 1 to {NAME_CHARACTERS} printable characters")
    if not 0 <= capacity <= CAPACITY_MOST:
        raise Invalid(f"A capacity is a number up to {CAPACITY_MOST:,}; 0: not known")


def _resource(row: Row | None) -> Resource | None:
    return None if row is None else _from_row(row)


def _from_row(row: Row) -> Resource:
    account, domain, address, name, kind, auto_accept, capacity = row
    return Resource(
        AccountId(account),
        DomainId(domain),
        address,
        name,
        ResourceKind(kind),
        AutoAccept(auto_accept),
        capacity,
    )
