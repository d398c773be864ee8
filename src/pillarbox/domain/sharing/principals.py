"""Principals: users, groups and resources as others see them (RFC 3744 §2).

All share one space of addresses. Searching is within the actor's domain.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import bindparam, select

from pillarbox.base.errors import Invalid, NotFound
from pillarbox.base.ids import AccountId, DomainId
from pillarbox.domain.accounts import aliases, names
from pillarbox.domain.accounts.model import Actor, Role
from pillarbox.domain.accounts.resources import ResourceKind
from pillarbox.domain.accounts.tables import group_members, resources, user_groups, users
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Row, Tx

SEARCH_MOST = 100
ALIASES_MOST = 50


class PrincipalKind(StrEnum):
    """What a principal is, in the words of CUTYPE (RFC 5545 §3.2.3)."""

    USER = "INDIVIDUAL"
    GROUP = "GROUP"
    RESOURCE = "RESOURCE"
    ROOM = "ROOM"


EVERY_KIND = frozenset(PrincipalKind)


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody or something with an address here.

    `name` is what is shown, the address where nothing else is known. `addresses` are all that lead
    to it alone, its own first. `capacity` is that of a room, 0 where it is not known.
    """

    account_id: AccountId
    domain_id: DomainId
    address: str
    name: str
    kind: PrincipalKind
    enabled: bool = True
    capacity: int = 0
    addresses: tuple[str, ...] = ()

    @property
    def actor(self) -> Actor:
        """Who acts where the server does something in its name."""
        return Actor(self.account_id, self.address, self.domain_id, Role.USER)


_USERS = select(
    users.c.account_id, users.c.domain_id, users.c.address, users.c.display_name, users.c.enabled
)
_GROUPS = select(user_groups.c.account_id, user_groups.c.domain_id, user_groups.c.address)
_r = resources.c
_RESOURCES = select(_r.account_id, _r.domain_id, _r.address, _r.name, _r.kind, _r.capacity)
_USER_AT = Statement(_USERS.where(users.c.address == bindparam("address")))
_GROUP_AT = Statement(_GROUPS.where(user_groups.c.address == bindparam("address")))
_RESOURCE_AT = Statement(_RESOURCES.where(_r.address == bindparam("address")))
_USER_OF = Statement(_USERS.where(users.c.account_id == bindparam("account")))
_GROUP_OF = Statement(_GROUPS.where(user_groups.c.account_id == bindparam("account")))
_RESOURCE_OF = Statement(_RESOURCES.where(_r.account_id == bindparam("account")))
_USERS_IN = Statement(
    _USERS.where(users.c.domain_id == bindparam("domain"), users.c.enabled == 1).order_by(
        users.c.address
    )
)
_GROUPS_IN = Statement(
    _GROUPS.where(user_groups.c.domain_id == bindparam("domain")).order_by(user_groups.c.address)
)
_RESOURCES_IN = Statement(
    _RESOURCES.where(_r.domain_id == bindparam("domain")).order_by(_r.address)
)
_GROUPS_WITH = Statement(
    _GROUPS.select_from(
        user_groups.join(group_members, group_members.c.group_id == user_groups.c.account_id)
    )
    .where(group_members.c.account_id == bindparam("account"))
    .order_by(user_groups.c.address)
)
_MEMBERS = Statement(
    _USERS.select_from(users.join(group_members, group_members.c.account_id == users.c.account_id))
    .where(group_members.c.group_id == bindparam("account"))
    .order_by(users.c.address)
)


def find(tx: Tx, address: str) -> Principal | None:
    """The principal with an address, in any spelling; not by an alias."""
    try:
        key = names.mailbox_key(address)[0]
    except Invalid:
        return None
    return _first(tx, _AT, address=key)


def by_account(tx: Tx, account: AccountId) -> Principal | None:
    """The principal who has an account."""
    return _first(tx, _OF, account=account)


def require(tx: Tx, address: str) -> Principal:
    """`find` that raises `NotFound` where there is none."""
    found = find(tx, address)
    if found is None:
        raise NotFound(f"There is no user, group or resource {address}")
    return found


def behind(tx: Tx, address: str) -> Principal | None:
    """The principal that mail to an address reaches: its own, or an alias that leads there alone.

    For calendar user addresses (RFC 6638 §2.4.1).
    """
    seen: set[str] = set()
    while address not in seen and len(seen) < 10:
        seen.add(address)
        found = find(tx, address)
        if found is not None:
            return found
        try:
            alias = aliases.get(tx, names.mailbox_key(address)[0])
        except Invalid:
            return None
        if alias is None or not alias.enabled or len(alias.targets) != 1:
            return None
        address = alias.targets[0]
    return None


def search(
    tx: Tx,
    actor: Actor,
    text: str = "",
    kinds: Collection[PrincipalKind] = EVERY_KIND,
    most: int = SEARCH_MOST,
) -> list[Principal]:
    """Principals of the actor's domain whose name or address holds a text, by address.

    An empty text finds all. Disabled users are left out; aliases are not told.
    """
    wanted = text.casefold()
    found: list[Principal] = []
    if PrincipalKind.USER in kinds:
        found += map(_user, tx.all(_USERS_IN, domain=actor.domain_id))
    if PrincipalKind.GROUP in kinds:
        found += map(_group, tx.all(_GROUPS_IN, domain=actor.domain_id))
    if PrincipalKind.RESOURCE in kinds or PrincipalKind.ROOM in kinds:
        all_resources = map(_resource, tx.all(_RESOURCES_IN, domain=actor.domain_id))
        found += (one for one in all_resources if one.kind in kinds)
    fitting = [one for one in found if wanted in one.name.casefold() or wanted in one.address]
    return sorted(fitting, key=lambda one: one.address)[:most]


def groups_of(tx: Tx, account: AccountId) -> list[Principal]:
    """The groups somebody is a member of, by address."""
    return [_group(row) for row in tx.all(_GROUPS_WITH, account=account)]


def members(tx: Tx, group: Principal) -> list[Principal]:
    """The members of a group, by address."""
    return [_user(row) for row in tx.all(_MEMBERS, account=group.account_id)]


def _first(tx: Tx, places: "tuple[_Place, ...]", **where: object) -> Principal | None:
    """The principal of the first place where there is one, with all its addresses."""
    for statement, made in places:
        row = tx.one(statement, **where)
        if row is not None:
            found = made(row)
            own = aliases.own_of(tx, found.address, ALIASES_MOST)
            others = [one for one in own if one != found.address]
            return replace(found, addresses=(found.address, *others))
    return None


def _user(row: Row) -> Principal:
    account, domain, address, name, enabled = row
    return Principal(
        AccountId(account),
        DomainId(domain),
        address,
        name or address,
        PrincipalKind.USER,
        bool(enabled),
        addresses=(address,),
    )


def _group(row: Row) -> Principal:
    account, domain, address = row
    return Principal(
        AccountId(account),
        DomainId(domain),
        address,
        address,
        PrincipalKind.GROUP,
        addresses=(address,),
    )


def _resource(row: Row) -> Principal:
    account, domain, address, name, kind, capacity = row
    return Principal(
        AccountId(account),
        DomainId(domain),
        address,
        name,
        PrincipalKind.ROOM if kind == ResourceKind.ROOM else PrincipalKind.RESOURCE,
        capacity=capacity,
        addresses=(address,),
    )


_Place = tuple[Statement, Callable[[Row], Principal]]
_AT: tuple[_Place, ...] = ((_USER_AT, _user), (_GROUP_AT, _group), (_RESOURCE_AT, _resource))
_OF: tuple[_Place, ...] = ((_USER_OF, _user), (_GROUP_OF, _group), (_RESOURCE_OF, _resource))
