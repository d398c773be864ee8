"""Killing processes while clients of CalDAV write: what was acknowledged is there, and whole.

PILLARBOX_KILL_ROUNDS sets how many rounds are played; a tenth of what `test_kill` plays.
"""

import asyncio
import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import h11
import pytest

from kit.app import DOMAIN
from kit.dav import D, Dav, event
from kit.dav_follow import Follower, listing
from kit.http import HttpWire
from kit.live import USERS, LiveServer, kill
from scenarios import load
from scenarios.load import PATIENCE_S

ROUNDS = max(3, int(os.environ.get("PILLARBOX_KILL_ROUNDS", "50")) // 10)
SETTINGS = {"WORKERS": "2", "SHUTDOWN_TIMEOUT": "1", "LOG_LEVEL": "error"}
PLACES = ("~cal/personal/", "~cal/work/")
BROKEN = (*load.BROKEN, h11.ProtocolError)
"""A connection that was cut, or that the server said is the last answer's."""
MKCALENDAR = '<C:mkcalendar xmlns:C="urn:ietf:params:xml:ns:caldav"/>'
IMPORTED = 300

State = tuple[str, bytes] | None
"""Path and content of an object; `None` where it is not there."""


class Ledger:
    """What may be stored of each object, by UID: one state, or two where an answer was cut."""

    def __init__(self) -> None:
        self.states: dict[str, set[State]] = {}
        self.acknowledged = 0

    def live(self, uid: str) -> State:
        """How an object is."""
        (state,) = self.states.get(uid, {None})
        return state


async def opened(server: LiveServer) -> Dav:
    port = server.port("WEBCLIENT")
    wire = await HttpWire.open(port, f"alice@{DOMAIN}", server.password, tls=False)
    return Dav(wire, "alice")


async def change(dav: Dav, ledger: Ledger, dice: random.Random, uid: str) -> None:
    """Do something to one object that nobody else changes."""
    before = ledger.live(uid)
    what = "PUT" if before is None else dice.choice(("PUT", "PUT", "DELETE", "MOVE"))
    path = dice.choice(PLACES) + f"{uid}.ics" if before is None else before[0]
    after: State
    if what == "PUT":
        filling = "x" * dice.choice((10, 10, 10, 200_000))
        content = event(uid, f"SUMMARY:{dice.random()}", f"DESCRIPTION:{filling}")
        after, asking = (path, content), dav.put(path, content)
    elif what == "DELETE":
        after, asking = None, dav.ask("DELETE", path)
    else:
        assert before is not None
        target = dice.choice([one for one in PLACES if not path.startswith(one)]) + f"{uid}.ics"
        after, asking = (target, before[1]), dav.ask("MOVE", path, Destination=target)
    ledger.states[uid] = {before, after}
    answer = await asyncio.wait_for(asking, PATIENCE_S)
    if answer.status == 503:
        raise EOFError
    assert answer.status in (201, 204), (what, path, answer.heard)
    ledger.states[uid] = {after}
    ledger.acknowledged += 1


async def write(server: LiveServer, ledger: Ledger, number: int, done: asyncio.Event) -> None:
    """Change objects of one's own; those whose answer was cut are left as they are."""
    dice, made = random.Random(), 0
    mine: list[str] = []
    while not done.is_set():
        try:
            async with await asyncio.wait_for(opened(server), PATIENCE_S) as dav:
                while not done.is_set():
                    if len(mine) < 8:
                        mine.append(f"c{number}-{made}")
                        made += 1
                    await change(dav, ledger, dice, dice.choice(mine))
        except BROKEN:
            mine = [uid for uid in mine if len(ledger.states.get(uid, ())) < 2]
            await asyncio.sleep(0.05)


async def follow(server: LiveServer, followers: list[Follower], done: asyncio.Event) -> None:
    while not done.is_set():
        try:
            async with await asyncio.wait_for(opened(server), PATIENCE_S) as dav:
                while not done.is_set():
                    for one in followers:
                        await asyncio.wait_for(one.step(dav), PATIENCE_S)
        except BROKEN:
            await asyncio.sleep(0.05)


def import_file(server: LiveServer, file: Path) -> dict[str, int]:
    told: dict[str, int] = json.loads(
        server.command("calendar", "import", USERS[0], str(file), "--into", "club", "--json")
    )
    return told


async def play(server: LiveServer, folder: Path) -> None:
    ledger, done = Ledger(), asyncio.Event()
    followers = [Follower(path, limit) for path in PLACES for limit in (0, 2)]
    dice = random.SystemRandom()
    file = folder / "club.ics"
    file.write_bytes(b"".join(event(f"i{number}") for number in range(IMPORTED)))
    async with asyncio.TaskGroup() as tasks:
        for number in range(4):
            tasks.create_task(write(server, ledger, number, done))
        tasks.create_task(follow(server, followers, done))
        importing = tasks.create_task(asyncio.to_thread(import_file, server, file))
        for _ in range(ROUNDS):
            before = ledger.acknowledged
            async with asyncio.timeout(PATIENCE_S):
                while ledger.acknowledged < before + 20:  # noqa: ASYNC110
                    await asyncio.sleep(dice.uniform(0.01, 0.1))
            for pid in server.workers() if dice.random() < 0.5 else ():
                kill(pid)
            kill(server.supervisor())
            await asyncio.to_thread(server.reap)
            await asyncio.to_thread(server.start)
        done.set()
    assert (await importing)["added"] == IMPORTED
    again = await asyncio.to_thread(import_file, server, file)
    assert (again["added"], again["skipped"]) == (0, IMPORTED)
    cut = sum(len(states) > 1 for states in ledger.states.values())
    print(ledger.acknowledged, "acknowledged,", cut, "cut")
    async with await opened(server) as dav:
        await check(dav, ledger, followers)
    await asyncio.to_thread(check_sizes, server)


async def check(dav: Dav, ledger: Ledger, followers: list[Follower]) -> None:
    """What is there is what was acknowledged, and what clients know by their tokens."""
    stored: dict[str, State] = {}
    for place in PLACES:
        there = await listing(dav, place)
        for path, etag in there.items():
            found = await dav.ask("GET", path)
            assert found.etag == etag
            uid = path.rpartition("/")[2].removesuffix(".ics")
            assert uid not in stored, "there twice"
            stored[uid] = (place + f"{uid}.ics", found.heard.body)
        queried = await dav.report(
            place, "C:calendar-query",
            '<prop><getetag/></prop><C:filter><C:comp-filter name="VCALENDAR">'
            '<C:comp-filter name="VEVENT"><C:time-range start="20260101T000000Z"/>'
            "</C:comp-filter></C:comp-filter></C:filter>",
        )  # fmt: skip
        assert {path: row.text(D + "getetag") for path, row in queried.rows.items()} == there
        for one in followers:
            if one.path == place:
                await one.catch_up(dav)
                assert one.known == there
                assert not one.begun_anew
    for uid, states in ledger.states.items():
        assert stored.get(uid) in states, uid
    assert stored.keys() <= ledger.states.keys()


def check_sizes(server: LiveServer) -> None:
    """The account is charged for what it has."""
    rows = json.loads(server.command("calendar", "list", USERS[0], "--json"))
    used = {row["address"]: row for row in json.loads(server.command("user", "list", "--json"))}
    assert sum(row["size_bytes"] for row in rows) == used[USERS[0]]["used_bytes"]
    counts = {row["name"]: row["items"] for row in rows}
    assert counts["club"] == IMPORTED


async def run(server: LiveServer, folder: Path) -> None:
    server.start()
    try:
        async with await opened(server) as dav:
            for path in (PLACES[1], "~cal/club/"):
                assert (await dav.ask("MKCALENDAR", path, MKCALENDAR)).status == 201
        await play(server, folder)
        assert server.stop() == 0
        assert "Traceback" not in server.log()
    finally:
        server.end()
        print(server.log()[-4000:])


@pytest.mark.timeout(120 + 15 * ROUNDS)
async def test_kill_on_sqlite(tmp_path: Path) -> None:
    await run(LiveServer(tmp_path, SETTINGS), tmp_path)


@pytest.mark.timeout(120 + 15 * ROUNDS)
async def test_kill_on_postgresql(tmp_path: Path, new_postgres_dsn: Callable[[], str]) -> None:
    database = {"DB_DRIVER": "postgresql", "DB_DSN": new_postgres_dsn()}
    await run(LiveServer(tmp_path, SETTINGS | database), tmp_path)
