"""Resources with their calendars: everybody of the domain sees when they are free, managers all."""

from pillarbox.base.errors import Invalid
from pillarbox.domain.accounts import resources
from pillarbox.domain.accounts.model import Actor, Role
from pillarbox.domain.accounts.resources import AutoAccept, Resource, ResourceKind
from pillarbox.domain.collections import homes, shares
from pillarbox.domain.collections.model import (
    ALL_RIGHTS,
    Access,
    CollectionKind,
    Right,
    Share,
)
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

MANAGER_RIGHTS = ALL_RIGHTS


def create(
    tx: Tx,
    keys: KeyRing,
    address: str,
    name: str,
    kind: ResourceKind = ResourceKind.RESOURCE,
    auto_accept: AutoAccept = AutoAccept.WHEN_FREE,
    capacity: int = 0,
    quota_bytes: int = 0,
) -> Resource:
    """Add a resource with a calendar whose times everybody of its domain may see.

    Raises as `resources.create`.
    """
    made = resources.create(tx, address, name, kind, auto_accept, capacity, quota_bytes)
    homes.ensure(tx, made.account_id)
    shares.share(tx, keys, _actor(made), calendar(tx, keys, made), shares.ANYONE, Right.FREE_BUSY)
    return made


def calendar(tx: Tx, keys: KeyRing, resource: Resource) -> Access:
    """The calendar a resource is booked in."""
    homes.ensure(tx, resource.account_id)
    found = homes.default_of(tx, keys, resource.account_id, CollectionKind.CALENDAR)
    if found is None:
        raise Invalid(f"{resource.address} has no default calendar")
    return Access(found, ALL_RIGHTS)


def managers(tx: Tx, keys: KeyRing, resource: Resource) -> list[Share]:
    """Who manages a resource: users and groups that may change its calendar."""
    found = shares.shares_of(tx, calendar(tx, keys, resource))
    return [one for one in found if Right.WRITE in one.rights]


def add_manager(tx: Tx, keys: KeyRing, resource: Resource, address: str) -> None:
    """Let a user or group manage a resource. Raises `Invalid` for an unknown address."""
    place = calendar(tx, keys, resource)
    shares.share(tx, keys, _actor(resource), place, address, MANAGER_RIGHTS)


def remove_manager(tx: Tx, keys: KeyRing, resource: Resource, address: str) -> None:
    """Take a resource from a manager. Raises `NotFound`, `Invalid` for an unknown address."""
    shares.unshare(tx, keys, _actor(resource), calendar(tx, keys, resource), address)


def _actor(resource: Resource) -> Actor:
    return Actor(resource.account_id, resource.address, resource.domain_id, Role.USER)
