"""The calendar of birthdays follows the cards."""

import pytest

from kit.collections import BOOK, KEYS, Home
from pillarbox.base.errors import Denied
from pillarbox.domain.collections import collections, items
from pillarbox.domain.collections.model import ComponentKind
from pillarbox.domain.contacts import birthdays
from pillarbox.storage.tx import Tx

Events = tuple[tuple[str, bytes], ...]


async def put(home: Home, href: str, *events: tuple[str, bytes]) -> None:
    made = await home.put(href, name="contacts", kind=BOOK, component=ComponentKind.VCARD)

    def follow(tx: Tx) -> None:
        book = home.access(tx, "contacts", BOOK).collection
        birthdays.follow(tx, KEYS, book, made.item, events)

    await home.database.write(follow)


async def events(home: Home) -> list[bytes]:
    calendar = await home.database.read(birthdays.find, KEYS, home.actor.account_id)
    assert calendar is not None
    return [one for _, one in await home.database.read(items.contents, KEYS, calendar)]


async def test_events_follow_cards(ann: Home) -> None:
    await put(ann, "e", ("1", b"eve"))
    assert not await ann.database.read(birthdays.is_on, ann.actor.account_id)
    made = await ann.database.write(birthdays.turn_on, KEYS, ann.actor)
    assert await ann.database.write(birthdays.turn_on, KEYS, ann.actor) == made
    assert await ann.database.read(birthdays.is_on, ann.actor.account_id)
    assert made.properties.is_transparent
    await put(ann, "e", ("1", b"eve"), ("2", b"eve and adam"))
    assert await events(ann) == [b"eve", b"eve and adam"]
    token = await ann.token("birthdays")
    await put(ann, "e", ("1", b"eve"), ("2", b"eve and bob"))
    changed, removed, *_ = await ann.sync(token, name="birthdays")
    assert (len(changed), removed) == (1, [])
    assert await events(ann) == [b"eve", b"eve and bob"]
    await put(ann, "e", ("2", b"eve and bob"))  # the other day went: it takes the first place
    assert await events(ann) == [b"eve and bob"]
    await put(ann, "f", ("3", b"fay"), ("2", b"of another card"))
    assert await events(ann) == [b"eve and bob", b"fay"]
    with pytest.raises(Denied):
        await ann.put("x", name="birthdays")
    gone = await ann.delete("e", name="contacts", kind=BOOK)

    def follow(tx: Tx) -> None:
        birthdays.follow(tx, KEYS, ann.access(tx, "contacts", BOOK).collection, gone.item)

    await ann.database.write(follow)
    assert await events(ann) == [b"fay"]
    await ann.database.write(collections.remove, await ann.see("birthdays"))
    assert not await ann.database.read(birthdays.is_on, ann.actor.account_id)
    await put(ann, "f", ("3", b"fay"))
