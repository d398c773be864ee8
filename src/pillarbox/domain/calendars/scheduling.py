"""Which calendars scheduling looks at and writes to (RFC 6638 §2.2, §4).

For what the server does by itself: no rights are looked at here.
"""

from pillarbox.base.errors import NotFound
from pillarbox.base.ids import AccountId
from pillarbox.domain.collections import homes
from pillarbox.domain.collections.model import (
    ALL_RIGHTS,
    Access,
    Collection,
    CollectionKind,
    ComponentKind,
    Source,
)
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx


def inbox(tx: Tx, keys: KeyRing, account: AccountId) -> Access:
    """The inbox of an account, made with the other first collections where it has none.

    Raises `NotFound` for an unknown account.
    """
    homes.ensure(tx, account)
    found = homes.inbox_of(tx, keys, account)
    if found is None:
        raise NotFound("There is no such account")
    return Access(found, ALL_RIGHTS)


def default_for(
    tx: Tx, keys: KeyRing, account: AccountId, component: ComponentKind
) -> Access | None:
    """The calendar new objects of a component go to: the default, else the first that takes it."""
    homes.ensure(tx, account)
    own = [
        one
        for one in homes.of_owner(tx, keys, account, (CollectionKind.CALENDAR,))
        if one.source is Source.OWN and component in one.components
    ]
    own.sort(key=lambda one: not one.is_default)
    return Access(own[0], ALL_RIGHTS) if own else None


def that_block_time(tx: Tx, keys: KeyRing, account: AccountId) -> list[Collection]:
    """An account's own calendars whose events make it busy: those that are not transparent."""
    return [
        one
        for one in homes.of_owner(tx, keys, account, (CollectionKind.CALENDAR,))
        if not one.properties.is_transparent and ComponentKind.VEVENT in one.components
    ]
