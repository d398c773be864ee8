"""A full disk and a full account: objects are refused, and what was there stays as it was."""

import asyncio
import os
from pathlib import Path

from kit.app import AppUnderTest
from kit.dav import D, Dav, card, event
from scenarios.test_faults import fill, small_disk

__all__ = ["small_disk"]

CALENDAR = "~cal/personal/"
USED = "quota-used-bytes"


async def stored(dav: Dav, path: str = CALENDAR) -> dict[str, bytes]:
    found = await dav.propfind(path, "getetag", depth="1")
    return {
        one: (await dav.ask("GET", one)).heard.body for one in found.rows if not one.endswith("/")
    }


def large(uid: str, size: int = 400_000) -> bytes:
    """An event that can't be compressed to less than half."""
    return event(uid, f"DESCRIPTION:{os.urandom(size // 2).hex()}")


async def test_a_full_disk_is_answered(small_disk: Path) -> None:
    async with AppUnderTest(small_disk / "data") as server:
        await server.add_users("alice")
        async with await Dav.open(server) as alice:
            kept = {alice.path(f"{CALENDAR}{uid}.ics"): large(uid) for uid in "ab"}
            for path, content in kept.items():
                assert (await alice.put(path, content)).status == 201
            token = (await alice.sync(CALENDAR)).token
            filler = await asyncio.to_thread(fill, small_disk)
            refused = set()
            for uid in ("a", "b", "c", "d", "e"):
                answer = await alice.put(f"{CALENDAR}{uid}.ics", large(uid, 1_500_000))
                refused.add(answer.status)
            assert refused <= {503, 507}
            assert await stored(alice) == kept
            assert (await alice.sync(CALENDAR, token)).rows == {}
            filler.unlink()
            content = large("c")
            assert (await alice.put(CALENDAR + "c.ics", content)).status == 201
            kept[alice.path(CALENDAR + "c.ics")] = content
            assert await stored(alice) == kept
            assert set((await alice.sync(CALENDAR, token)).rows) == {alice.path(CALENDAR + "c.ics")}


async def test_an_account_is_charged_to_the_byte(
    tmp_path: Path, database_settings: dict[str, str]
) -> None:
    one, two = event("one"), event("two", "SUMMARY:longer than the other")
    room = len(one) + len(two)
    async with AppUnderTest(tmp_path / "data", database_settings) as server:
        await server.add_users("alice", quota_bytes=room)
        async with await Dav.open(server) as alice:

            async def used() -> int:
                found = await alice.propfind(CALENDAR, USED)
                return int(found.only.text(D + USED))

            async def put(name: str, content: bytes) -> int:
                answer = await alice.put(f"{CALENDAR}{name}.ics", content)
                if answer.status == 507:
                    assert answer.conditions == {D + "quota-not-exceeded"}
                return answer.status

            assert await put("one", one) == 201
            assert await put("two", two[:-1] + b"\n\r\n") == 507
            assert await put("two", two) == 201
            assert await used() == room
            assert await put("one", event("one", "SUMMARY:one more")) == 507
            assert (await alice.ask("GET", CALENDAR + "one.ics")).heard.body == one
            answer = await alice.put("~card/contacts/x.vcf", card("x"))
            assert answer.status == 507
            copied = await alice.ask("COPY", CALENDAR + "one.ics", Destination="~cal/tasks/one.ics")
            assert copied.status in (403, 507)
            moved = await alice.ask("MOVE", CALENDAR + "one.ics", Destination=CALENDAR + "1.ics")
            assert moved.status == 201
            assert await used() == room
            for name in ("1", "two"):
                assert (await alice.ask("DELETE", f"{CALENDAR}{name}.ics")).status == 204
            assert await used() == 0
