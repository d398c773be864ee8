"""Clients that follow collections come to know what is there, whatever others do meanwhile."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from kit.app import AppUnderTest
from kit.dav import Dav, card, event
from kit.dav_follow import Follower, listing
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.collections.model import CollectionKind
from pillarbox.domain.sharing import principals
from pillarbox.pipeline.collections.importing import Importer
from pillarbox.pipeline.collections.places import Place
from pillarbox.storage.tx import Tx

PLACES = ("~cal/personal/", "~cal/work/", "~cal/club/")
MKCALENDAR = '<C:mkcalendar xmlns:C="urn:ietf:params:xml:ns:caldav"/>'
STEPS = 120


@pytest.fixture
async def workers(
    tmp_path: Path, database_settings: dict[str, str]
) -> AsyncIterator[tuple[AppUnderTest, ...]]:
    """Two workers of one server, with the user alice."""
    async with AsyncExitStack() as stack:
        found = []
        for index in range(2):
            app = AppUnderTest(tmp_path / "data", database_settings, index=index)
            found.append(await stack.enter_async_context(app))
        await found[0].add_users("alice")
        yield tuple(found)


async def change(dav: Dav, dice: random.Random) -> None:
    """Do something to one of few objects."""
    uid = f"u{dice.randrange(12)}"
    path = f"{dice.choice(PLACES)}{uid}.ics"
    what = dice.choices(("PUT", "DELETE", "MOVE", "COPY"), (5, 3, 3, 2))[0]
    if what == "PUT":
        answer = await dav.put(path, event(uid, f"SUMMARY:{dice.random()}"))
    elif what == "DELETE":
        answer = await dav.ask("DELETE", path)
    else:
        target = f"{dice.choice(PLACES)}{uid}{dice.choice(('', '', '-b'))}.ics"
        answer = await dav.ask(what, path, Destination=target)
    assert answer.status in (201, 204, 403, 404, 409), (what, path, answer.heard)


async def write(dav: Dav, dice: random.Random) -> None:
    for _ in range(STEPS):
        await change(dav, dice)


async def follow(
    dav: Dav, followers: list[Follower], dice: random.Random, done: asyncio.Event
) -> None:
    while not done.is_set():
        await dice.choice(followers).step(dav)


@pytest.mark.parametrize("seed", range(3))
async def test_followers_know_what_is_there(workers: tuple[AppUnderTest, ...], seed: int) -> None:
    followers = [Follower(path, limit) for path in PLACES for limit in (0, 1, 3)]
    done = asyncio.Event()
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(await Dav.open(workers[number % 2]))
            for number in range(6)
        ]
        first = clients[5]
        for path in PLACES[1:]:
            assert (await first.ask("MKCALENDAR", path, MKCALENDAR)).status == 201
        dice = random.Random(seed)
        following = [
            asyncio.create_task(follow(dav, followers[number::2], dice, done))
            for number, dav in enumerate(clients[:2])
        ]
        await asyncio.gather(
            *(write(dav, random.Random(f"{seed} {at}")) for at, dav in enumerate(clients[2:5]))
        )
        done.set()
        await asyncio.gather(*following)
        for one in followers:
            await one.catch_up(first)
            assert one.known == await listing(first, one.path), (one.path, one.limit)
            # By its token there is nothing more to be told.
            assert (await first.sync(one.path, one.token)).rows == {}
    assert any(one.cut for one in followers)
    assert not any(one.begun_anew for one in followers)


async def test_of_two_who_change_the_same_one_wins(workers: tuple[AppUnderTest, ...]) -> None:
    path = "~cal/personal/x.ics"
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(await Dav.open(workers[number % 2]))
            for number in range(6)
        ]

        async def all_at_once(content: str, **fields: str) -> list[int]:
            asked = (
                one.put(path, event("x", f"SUMMARY:{content} {number}"), **fields)
                for number, one in enumerate(clients)
            )
            answers = await asyncio.gather(*asked)
            won = [one for one in answers if one.status in (201, 204)]
            assert len(won) == 1
            there = await clients[0].ask("GET", path)
            assert there.etag == won[0].etag
            number = answers.index(won[0])
            assert f"SUMMARY:{content} {number}\r\n" in there.heard.text
            return sorted(one.status for one in answers)

        assert await all_at_once("made", If_None_Match="*") == [201, *[412] * 5]
        for step in range(8):
            etag = (await clients[0].ask("HEAD", path)).etag
            assert await all_at_once(f"step {step}", If_Match=etag) == [204, *[412] * 5]
        etag = (await clients[0].ask("HEAD", path)).etag
        asked = (one.ask("DELETE", path, If_Match=etag) for one in clients)
        statuses = sorted(one.status for one in await asyncio.gather(*asked))
        assert statuses.count(204) == 1
        assert set(statuses) <= {204, 404, 412}


async def test_others_write_while_very_many_are_imported(
    workers: tuple[AppUnderTest, ...],
) -> None:
    count = 5000
    services = workers[0].services

    def actor(tx: Tx) -> Actor:
        return principals.require(tx, "alice@example.test").actor

    async with await Dav.open(workers[0]) as alice, await Dav.open(workers[1]) as other:
        await alice.propfind("~card/", "resourcetype")
        alice_actor = await services.database.read(actor)
        place = Place(alice_actor.account_id, CollectionKind.ADDRESS_BOOK, "contacts")
        file = b"".join(card(f"i{number}") for number in range(count))
        importing = asyncio.create_task(
            Importer(services.database, services.keys).run(alice_actor, place, file)
        )
        follower = Follower("~card/contacts/", 500)
        written = 0
        while not importing.done():
            answer = await other.put(f"~card/contacts/w{written}.vcf", card(f"w{written}"))
            assert answer.status == 201
            written += 1
            if written % 20 == 0:
                await follower.step(alice)
        report = await importing
        assert (report.added, report.refused) == (count, 0)
        assert written > 20
        await follower.catch_up(alice)
        assert len(follower.known) == count + written
        assert follower.known == await listing(alice, "~card/contacts/")
