"""Resources' calendars: free times for the domain, everything for managers."""

import pytest

from kit.collections import KEYS, Home
from pillarbox.base.errors import Invalid, NotFound
from pillarbox.domain.accounts import domains
from pillarbox.domain.calendars import resources
from pillarbox.domain.collections import homes
from pillarbox.domain.collections.model import ALL_RIGHTS, CollectionKind, Right
from pillarbox.storage.db import Database


async def test_who_sees_what(ann: Home, bob: Home, database: Database) -> None:
    room = await database.write(resources.create, KEYS, "room@example.org", "Blue Room")
    kinds = (CollectionKind.CALENDAR,)

    async def rights(home: Home) -> list[Right]:
        found = await database.read(homes.list_of, KEYS, home.actor, room.account_id, kinds)
        return [one.rights for one in found]

    assert await rights(bob) == [Right.FREE_BUSY]
    await database.write(resources.add_manager, KEYS, room, "ann@example.org")
    assert await rights(ann) == [ALL_RIGHTS]
    found = await database.read(resources.managers, KEYS, room)
    assert [one.address for one in found] == ["ann@example.org"]
    await database.write(resources.remove_manager, KEYS, room, "ann@example.org")
    assert await rights(ann) == [Right.FREE_BUSY]
    with pytest.raises(NotFound):
        await database.write(resources.remove_manager, KEYS, room, "ann@example.org")
    with pytest.raises(Invalid):
        await database.write(resources.add_manager, KEYS, room, "none@example.org")
    await database.write(domains.create, "example.net")
    assert await database.read(resources.managers, KEYS, room) == []
