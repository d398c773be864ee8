"""What changed since: each name once, nothing missed from page to page, forgotten tokens."""

import random
from collections.abc import Callable

import pytest

from kit.collections import CALENDAR, KEYS, Home
from pillarbox.domain.collections import collections, items, tombstones
from pillarbox.domain.collections.model import TokenForgotten
from pillarbox.pipeline.jobs.forgetting import FORGET_ITEMS_AFTER_MS, Forgetting
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx


async def test_changes_are_told_once(ann: Home) -> None:
    empty = await ann.token()
    assert await ann.sync(0) == ([], [], empty, False)
    await ann.put("a")
    await ann.put("b")
    first = await ann.token()
    assert await ann.sync(empty) == (["a", "b"], [], first, False)
    await ann.put("a", b"anew")
    await ann.delete("b")
    await ann.put("c")
    await ann.delete("c")
    second = await ann.token()
    assert await ann.sync(first) == (["a"], ["b"], second, False)
    assert await ann.sync(0) == (["a"], [], second, False)
    assert await ann.sync(second) == ([], [], second, False)
    # Gone and there again: it has changed.
    await ann.delete("a")
    await ann.put("a", uid="another")
    await ann.put("b")
    assert (await ann.sync(second))[:2] == (["a", "b"], [])
    assert (await ann.sync(first))[:2] == (["a", "b"], [])
    await ann.delete("a")
    assert (await ann.sync(second))[:2] == (["b"], ["a"])
    await ann.put("a")
    await ann.delete("a")
    assert (await ann.sync(first))[:2] == (["b"], ["a"])


async def test_what_goes_again_between_two_pages_is_told(ann: Home) -> None:
    """Gone, there again behind the end of the page, and gone for good before the next one."""
    await ann.put("a")
    since = await ann.token()
    await ann.delete("a")
    for name in "bcd":
        await ann.put(name)
    await ann.put("a", uid="another")
    changed, removed, token, more = await ann.sync(since, most=2)
    assert (changed, removed, more) == (["b"], ["a"], True)
    await ann.delete("a")
    assert (await ann.sync(token))[:2] == (["c", "d"], [])


@pytest.mark.parametrize("seed", range(6))
async def test_whoever_follows_page_by_page_knows_all(ann: Home, seed: int) -> None:
    chance = random.Random(seed)
    known: dict[str, bytes | None] = {}
    token = 0
    for step in range(60):
        href = f"{chance.randrange(6)}"
        if chance.random() < 0.4 and await ann.content(href) is not None:
            await ann.delete(href)
        else:
            await ann.put(href, b"%d" % step)
        if chance.random() < 0.3:
            changed, removed, token, _ = await ann.sync(token, most=chance.randint(1, 3))
            assert not set(changed) & set(removed)
            assert len(changed) + len(removed) <= 3
            known |= {one: await ann.content(one) for one in changed}
            known |= dict.fromkeys(removed)
    more = True
    while more:
        changed, removed, token, more = await ann.sync(token, most=2)
        known |= {one: await ann.content(one) for one in changed}
        known |= dict.fromkeys(removed)
    collection = (await ann.see()).collection
    there = await ann.database.read(items.contents, KEYS, collection)
    assert {k: v for k, v in known.items() if v is not None} == {
        item.href: content for item, content in there
    }
    assert token == collection.modseq


@pytest.mark.parametrize("transfer", [items.copy, items.move])
async def test_what_took_the_place_of_another_is_told_to_be_gone(
    ann: Home, transfer: Callable[..., items.Put]
) -> None:
    await ann.database.write(
        collections.create, KEYS, ann.actor, ann.actor.account_id, CALENDAR, "work"
    )
    await ann.put("a")
    known = await ann.token()
    await ann.put("b", uid="a", name="work")

    def over(tx: Tx) -> items.Put:
        return transfer(tx, KEYS, ann.access(tx, "work"), "b", ann.access(tx), "a")

    assert not (await ann.database.write(over)).created
    then = await ann.token()
    assert await ann.sync(known) == (["a"], [], then, False)
    await ann.delete("a")
    assert (await ann.sync(known))[:2] == ([], ["a"])
    assert (await ann.sync(then))[:2] == ([], ["a"])


async def test_old_tombstones_are_forgotten(ann: Home, database: Database, clock) -> None:
    start = await ann.token()
    for href in "abc":
        await ann.put(href)
    made = await ann.token()
    for href in "ab":
        await ann.delete(href)
    gone = await ann.token()
    clock.advance(seconds=FORGET_ITEMS_AFTER_MS // 1000 - 10)
    await ann.delete("c")
    await Forgetting(database, clock).run()
    assert (await ann.sync(made))[1] == ["a", "b", "c"]
    clock.advance(seconds=60)
    await Forgetting(database, clock).run()
    for forgotten in (start, made):
        with pytest.raises(TokenForgotten):
            await ann.sync(forgotten)
    assert (await ann.sync(gone))[:2] == ([], ["c"])
    assert (await ann.sync(0))[:2] == ([], [])
    with pytest.raises(TokenForgotten):
        await ann.sync(await ann.token() + 1)
    with pytest.raises(TokenForgotten):
        await ann.sync(-1)


async def test_too_many_tombstones_are_forgotten(ann: Home, database: Database) -> None:
    for number in range(6):
        await ann.put(f"{number}")
        await ann.delete(f"{number}")
    collection = (await ann.see()).collection.id
    assert await database.write(tombstones.prune, 0, 0, 100, 2) == (collection, False)
    assert await database.write(tombstones.prune, collection, 0, 100, 2) is None
    with pytest.raises(TokenForgotten):
        await ann.sync(1)
