"""Countries of addresses, from a file that comes, changes, and may be broken."""

import os
import time
from pathlib import Path

import pytest

from kit.geo import write_countries
from pillarbox.net.geo import LOOK_EVERY_S, GeoDatabase

pytest.importorskip("maxminddb")
WORLD = {"192.0.2.0/24": "DE", "198.51.100.0/25": "FR", "2001:db8::/32": "JP"}


class Watch:
    """Seconds that a test counts."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


async def opened(path: Path, watch: Watch) -> GeoDatabase:
    database = GeoDatabase(path, watch)
    await database.refresh()
    return database


@pytest.mark.parametrize(
    ("ip", "country"),
    [
        ("192.0.2.7", "DE"),
        ("198.51.100.1", "FR"),
        ("198.51.100.129", ""),
        ("2001:db8:1::2", "JP"),
        ("2001:db9::1", ""),
        ("::ffff:192.0.2.7", ""),
    ],
)
async def test_countries(tmp_path: Path, ip: str, country: str) -> None:
    write_countries(tmp_path / "geo.mmdb", WORLD)
    assert (await opened(tmp_path / "geo.mmdb", Watch())).country(ip) == country


async def test_a_new_file_is_read(tmp_path: Path) -> None:
    path, watch = tmp_path / "geo.mmdb", Watch()
    database = await opened(path, watch)
    assert database.country("192.0.2.7") == ""
    write_countries(path, WORLD)
    await database.refresh()
    assert database.country("192.0.2.7") == ""
    watch.now_s += LOOK_EVERY_S
    await database.refresh()
    assert database.country("192.0.2.7") == "DE"
    other = tmp_path / "new"
    write_countries(other, {"192.0.2.0/24": "AT"})
    os.replace(other, path)
    watch.now_s += LOOK_EVERY_S
    await database.refresh()
    assert database.country("192.0.2.7") == "AT"


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xab\xcd\xefMaxMind.com" * 3])
async def test_a_broken_file_leaves_the_old_one(tmp_path: Path, content: bytes) -> None:
    path, watch = tmp_path / "geo.mmdb", Watch()
    write_countries(path, WORLD)
    database = await opened(path, watch)
    path.write_bytes(content)
    watch.now_s += LOOK_EVERY_S
    await database.refresh()
    assert database.country("192.0.2.7") == "DE"
    assert (await opened(path, watch)).country("192.0.2.7") == ""


async def test_damage_says_nothing_of_anybody(tmp_path: Path) -> None:
    path = tmp_path / "geo.mmdb"
    write_countries(path, WORLD)
    whole = path.read_bytes()
    at = whole.index(b"country") - 1
    for damage in (b"\xff", b"\x20\xff", b"\xe0"):
        path.write_bytes(whole[:at] + damage + whole[at + len(damage) :])
        assert (await opened(path, Watch())).country("192.0.2.7") in ("", "DE")


async def test_it_takes_no_time(tmp_path: Path) -> None:
    path = tmp_path / "geo.mmdb"
    write_countries(
        path, {f"10.{high}.{low}.0/24": "DE" for high in range(40) for low in range(40)}
    )
    database = await opened(path, Watch())
    begun = time.process_time()
    for low in range(200):
        assert database.country(f"10.7.{low % 40}.1") == "DE"
    assert time.process_time() - begun < 0.2
