"""The writer of a SQLite file: full disks, read-only disks, several processes, power cuts."""

import asyncio
import multiprocessing
import os
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import text

from kit.clock import FakeClock
from kit.database import open_database
from kit.storage_children import add, kill, numbers, start, write_rows, write_until_killed
from pillarbox.base.errors import Conflict, Unavailable
from pillarbox.base.ids import IdSource
from pillarbox.storage import group_commit
from pillarbox.storage.db import Database
from pillarbox.storage.dialect import sqlite
from pillarbox.storage.dialect.base import Connection
from pillarbox.storage.dialect.sqlite import SqliteDialect
from pillarbox.storage.migrate import ensure_schema
from pillarbox.storage.turnstile import Turnstile
from pillarbox.storage.tx import Tx
from pillarbox.storage.units import Settler, Unit

PAGE = "x" * 4096


class WatchedDialect(SqliteDialect):
    """Keeps hold of the writer's connection, and can fail at upkeep."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, checkpoint=True)
        self.writers: list[Connection] = []
        self.tidy_fails = False

    def connect(self, *, write: bool) -> Connection:
        connection = super().connect(write=write)
        if write:
            self.writers.append(connection)
        return connection

    def tidy(self, connection: Connection, alone: AbstractContextManager[object]) -> None:
        if self.tidy_fails:
            raise OSError("no room for upkeep")
        super().tidy(connection, alone)

    def limit_pages(self, count: int) -> None:
        """Let the writer's file have no more pages than that."""
        self.writers[-1].cursor().execute(f"PRAGMA max_page_count={count}", {})


@pytest.fixture
def watched(tmp_path: Path) -> WatchedDialect:
    made = WatchedDialect(tmp_path / "mail.db")
    ensure_schema(made, tmp_path / "lock")
    return made


@pytest.fixture
async def writer(
    watched: WatchedDialect, tmp_path: Path, clock: FakeClock, published: list[str]
) -> AsyncIterator[Database]:
    opened = open_database(watched, tmp_path, clock, published.append)
    yield opened
    await opened.close()


def sealed_add(tx: Tx, number: int) -> int:
    return add(tx, number, PAGE)


def pages(tx: Tx) -> int:
    return int(tx.select(text("PRAGMA page_count"))[0][0])


async def write_until_full(database: Database, first: int) -> list[int]:
    """Write large rows until there is no room; gives those that were acknowledged."""
    written: list[int] = []
    while len(written) < 1000:
        try:
            written.append(await database.write(sealed_add, first + len(written)))
        except Unavailable:
            return written
    raise OverflowError("the disk is never full")


def add_then_fail(tx: Tx, number: int) -> None:
    add(tx, number)
    raise Conflict("no")


async def together(database: Database, folder: Path, *units: tuple[object, int]) -> list[object]:
    """Outcomes of units that lie in one batch: another holds the turn until all are queued."""
    with_turn = Turnstile(folder / "lock")
    with with_turn:
        first = asyncio.ensure_future(database.write(numbers))
        await asyncio.sleep(0)
        tasks = [asyncio.ensure_future(database.write(fn, n)) for fn, n in units]  # type: ignore[arg-type]
        await asyncio.sleep(0)
    with_turn.close()
    await asyncio.gather(first, return_exceptions=True)
    return list(await asyncio.gather(*tasks, return_exceptions=True))


async def test_failing_unit_of_a_batch_is_rolled_back_alone(
    writer: Database, tmp_path: Path, published: list[str]
) -> None:
    outcomes = await together(
        writer, tmp_path, (add, 1), (add_then_fail, 2), (add, 3), (add, 1), (add, 4)
    )
    assert outcomes[0] == 1
    assert isinstance(outcomes[1], Conflict)
    assert outcomes[2] == 3
    assert isinstance(outcomes[3], Exception)  # the same row once more
    assert outcomes[4] == 4
    assert await writer.read(numbers) == [1, 3, 4]
    assert sorted(published) == ["row:1", "row:3", "row:4"]


async def test_full_disk_fails_all_and_passes(
    writer: Database, watched: WatchedDialect, tmp_path: Path, published: list[str]
) -> None:
    await writer.write(add, 1)
    watched.limit_pages(await writer.read(pages) + 3)
    outcomes = await together(writer, tmp_path, *((sealed_add, n) for n in range(10, 40)))
    good = [outcome for outcome in outcomes if isinstance(outcome, int)]
    bad = [outcome for outcome in outcomes if not isinstance(outcome, int)]
    assert len(bad) >= 25
    assert all(isinstance(outcome, Unavailable) and outcome.temporary for outcome in bad)
    assert await writer.read(numbers) == [1, *good]
    assert sorted(published) == sorted(f"row:{n}" for n in [1, *good])
    await write_until_full(writer, 100)
    for n in range(50, 53):
        with pytest.raises(Unavailable):
            await writer.write(sealed_add, n)
    before = await writer.read(numbers)
    watched.limit_pages(1 << 20)
    assert await together(writer, tmp_path, (sealed_add, 90), (add, 91)) == [90, 91]
    assert await writer.read(numbers) == sorted([*before, 90, 91])


async def test_settled_units_stay_so_when_the_next_round_fails(
    watched: WatchedDialect, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Jammed(Turnstile):
        """Lets the writer through twice: for the unit it waits in, and for the batch."""

        turns = 0

        def __enter__(self) -> None:
            self.turns += 1
            if self.turns > 2:
                raise OSError("the lock is gone")
            super().__enter__()

    monkeypatch.setattr(group_commit, "Turnstile", Jammed)
    loop = asyncio.get_running_loop()
    settled: list[Unit] = []
    queued = threading.Event()

    class LateSettler(Settler):
        """Like a loop that is too busy to look at what was settled."""

        def settle(self, units: Sequence[Unit]) -> None:
            settled.extend(units)

    settler = LateSettler(loop, lambda topic: None)
    writer = group_commit.GroupCommitWriter(watched, tmp_path / "lock", settler, clock, IdSource())
    waits = Unit(lambda tx: queued.wait(20), (), loop.create_future())
    good, twice = (Unit(add, (n,), loop.create_future()) for n in (1, 1))
    for unit in (waits, good, twice):
        writer.submit(unit)
    queued.set()
    await asyncio.to_thread(writer.close)
    assert settled == [waits, good, twice]
    assert good.error is None
    assert good.hints == ["row:1"]
    assert twice.error is not None


async def test_upkeep_that_fails_hurts_nobody(
    writer: Database, watched: WatchedDialect, published: list[str]
) -> None:
    watched.tidy_fails = True
    for n in range(5):
        assert await writer.write(add, n) == n
    assert published == [f"row:{n}" for n in range(5)]


async def test_log_does_not_grow_without_bound(
    writer: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "CHECKPOINT_FROM_BYTES", 1 << 18)
    for n in range(600):
        await writer.write(sealed_add, n)
        if n % 50 == 0:
            await writer.read(numbers)
    log = os.stat(tmp_path / "mail.db-wal")
    assert log.st_size < 1 << 20
    assert len(await writer.read(numbers)) == 600


async def test_idle_process_keeps_the_log_of_others_short(
    writer: Database, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "CHECKPOINT_FROM_BYTES", 1 << 18)
    monkeypatch.setattr(group_commit, "UPKEEP_EVERY_S", 0.001)
    busy = open_database(
        SqliteDialect(tmp_path / "mail.db", checkpoint=False), tmp_path, clock, lambda topic: None
    )
    await writer.write(add, 5000)
    for n in range(600):
        await busy.write(sealed_add, n)
    log = os.stat(tmp_path / "mail.db-wal")
    assert log.st_size < 3 << 20
    assert len(await writer.read(numbers)) == 601
    await busy.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "pillarbox-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)


def remount(folder: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", str(folder)], check=True)


async def test_really_full_disk(small_disk: Path, clock: FakeClock) -> None:
    dialect = SqliteDialect(small_disk / "mail.db", checkpoint=True)
    ensure_schema(dialect, small_disk / "lock")
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(400 << 10))
    database = open_database(dialect, small_disk, clock, lambda topic: None)
    written = await write_until_full(database, 0)
    for n in range(1000, 1010):
        with pytest.raises(Unavailable):
            await database.write(sealed_add, n)
    assert await database.read(numbers) == written
    ballast.unlink()
    assert await database.write(sealed_add, 2000) == 2000
    await database.close()
    database = open_database(dialect, small_disk, clock, lambda topic: None)
    assert await database.read(numbers) == [*written, 2000]
    await database.close()


async def test_read_only_disk(small_disk: Path, tmp_path: Path, clock: FakeClock) -> None:
    dialect = SqliteDialect(small_disk / "mail.db", checkpoint=True)
    ensure_schema(dialect, tmp_path / "lock")
    remount(small_disk, "ro")
    database = open_database(dialect, tmp_path, clock, lambda topic: None)
    for n in range(3):
        with pytest.raises(Unavailable):
            await database.write(add, n)
    remount(small_disk, "rw")
    assert await database.write(add, 5) == 5
    assert await database.read(numbers) == [5]
    await database.close()


async def test_many_processes_write_one_file(writer: Database, tmp_path: Path) -> None:
    processes = [start(write_rows, tmp_path, 1000 * n, 200) for n in range(4)]
    await asyncio.gather(*(writer.write(add, 5000 + n) for n in range(200)))
    for process in processes:
        await asyncio.to_thread(process.join, 60)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    expected = [1000 * p + n for p in range(4) for n in range(200)]
    assert await writer.read(numbers) == expected + [5000 + n for n in range(200)]


@pytest.mark.usefixtures("watched")
def test_acknowledged_rows_survive_a_kill(tmp_path: Path) -> None:
    told: list[int] = []
    for number in range(20):
        here, there = multiprocessing.Pipe(duplex=False)
        process = start(write_until_killed, tmp_path, number * 100_000, there)
        there.close()
        told += [here.recv() for _ in range(5 + 7 * number)]
        kill(process)
        try:
            while True:
                told.append(here.recv())
        except EOFError:
            here.close()
        connection = SqliteDialect(tmp_path / "mail.db", checkpoint=True).connect(write=True)
        cursor = connection.cursor()
        cursor.execute("SELECT account_id FROM subscriptions", {})
        kept = {row[0] for row in cursor.fetchall()}
        cursor.execute("PRAGMA quick_check", {})
        assert cursor.fetchall() == [("ok",)]
        connection.close()
        assert set(told) <= kept
    assert len(told) == len(set(told)) > 1000
