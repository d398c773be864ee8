"""Networks that are barred, for a while or for good, by admins or by what they did."""

import pytest

from kit.clock import FakeClock
from pillarbox.base.errors import Invalid, TooLarge
from pillarbox.domain.bans import bans
from pillarbox.domain.bans.bans import TOPIC, Ban
from pillarbox.storage.db import Database

HOUR_MS = 3_600_000


async def names(database: Database) -> list[str]:
    return [one.network for one in await database.read(bans.running)]


async def test_a_ban_runs_out_and_is_swept(
    database: Database, clock: FakeClock, published: list[str]
) -> None:
    now_ms = clock.now_ms()
    await database.write(bans.add, "192.0.2.77/24", HOUR_MS, "spam")
    await database.write(bans.add, "2001:db8::1")
    assert published == [TOPIC, TOPIC]
    clock.advance(minutes=59)
    assert await database.read(bans.running) == [
        Ban("192.0.2.0/24", "spam", False, now_ms, now_ms + HOUR_MS),
        Ban("2001:db8::1/128", "", False, now_ms, None),
    ]
    clock.advance(minutes=1)
    assert await names(database) == ["2001:db8::1/128"]
    assert await database.write(bans.sweep) == 1
    assert await database.write(bans.sweep) == 0


async def test_release_is_by_network(database: Database, published: list[str]) -> None:
    await database.write(bans.add, "192.0.2.0/24")
    published.clear()
    assert not await database.write(bans.release, "192.0.2.7")
    assert published == []
    assert await database.write(bans.release, "192.0.2.9/24")
    assert published == [TOPIC]
    assert await names(database) == []


async def test_a_ban_is_replaced(database: Database) -> None:
    await database.write(bans.add, "192.0.2.7", HOUR_MS, "one")
    await database.write(bans.add, "192.0.2.7", None, "two")
    (ban,) = await database.read(bans.running)
    assert (ban.why, ban.expires_ms) == ("two", None)


async def test_the_server_shortens_no_ban(database: Database, clock: FakeClock) -> None:
    await database.write(bans.add, "192.0.2.7", None, "by hand")
    assert await database.write(bans.add_automatic, "192.0.2.7", HOUR_MS, "by itself") is None
    await database.write(bans.add, "192.0.2.8", HOUR_MS, "by hand")
    assert await database.write(bans.add_automatic, "192.0.2.8", HOUR_MS - 1, "by itself") is None
    clock.advance(minutes=1)
    longer = await database.write(bans.add_automatic, "192.0.2.8", HOUR_MS, "by itself")
    assert longer is not None
    assert [one.automatic for one in await database.read(bans.running)] == [False, True]


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        (" 192.0.2.7/25 ", "192.0.2.0/25"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("fe80::1%eth0", "fe80::1/128"),
    ],
)
def test_how_networks_are_written(text: str, network: str) -> None:
    assert str(bans.parse_network(text)) == network


@pytest.mark.parametrize("text", ["", "x", "192.0.2", "192.0.2.0/33", "::/129", "1.2.3.4/x"])
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(Invalid):
        bans.parse_network(text)


@pytest.mark.parametrize("text", ["0.0.0.0/0", "10.0.0.0/7", "::/0", "2000::/3", "::ffff:0:0/96"])
def test_half_the_world_is_not_barred(text: str) -> None:
    with pytest.raises(TooLarge):
        bans.parse_network(text)


async def test_of_too_many_those_of_admins_and_the_newest_hold(
    database: Database, clock: FakeClock
) -> None:
    await database.write(bans.add, "192.0.2.1")
    for number in range(2, 5):
        clock.advance(seconds=1)
        await database.write(bans.add_automatic, f"192.0.2.{number}", HOUR_MS, "guesses")
    found = await database.read(bans.running, 2)
    assert [one.network for one in found] == ["192.0.2.1/32", "192.0.2.4/32"]
