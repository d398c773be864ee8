"""What every face does alike in its transactions: birthdays follow whatever becomes of cards."""

from pillarbox.domain.collections import collections, items
from pillarbox.domain.collections.model import NO_CONDITION, Access, Condition, ScheduleTag
from pillarbox.domain.contacts import birthdays
from pillarbox.pipeline.collections.reading import Reading
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx


def store(
    tx: Tx,
    keys: KeyRing,
    access: Access,
    href: str,
    reading: Reading,
    condition: Condition = NO_CONDITION,
    tag: ScheduleTag = ScheduleTag.NONE,
) -> items.Put:
    """Store an object that was read; raises as `items.put`."""
    put = items.put(tx, keys, access, href, reading.prepared, condition, tag=tag)
    birthdays.follow(tx, keys, access.collection, put.item, reading.birthdays)
    return put


def remove_collection(tx: Tx, keys: KeyRing, access: Access) -> None:
    """Remove a collection with everything in it; raises as `collections.remove`."""
    if access.mount is None:
        birthdays.forget_book(tx, keys, access.collection)
    collections.remove(tx, access)
