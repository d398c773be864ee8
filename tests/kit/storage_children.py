"""What tests of the storage layer run in processes of their own, some to be killed."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, insert, select

from pillarbox.base.clock import SystemClock
from pillarbox.base.ids import IdSource
from pillarbox.domain.mail.tables import subscriptions
from pillarbox.storage.db import Database
from pillarbox.storage.dialect.postgres import PostgresDialect
from pillarbox.storage.dialect.sqlite import SqliteDialect
from pillarbox.storage.migrate import ensure_schema
from pillarbox.storage.statement import Statement
from pillarbox.storage.turnstile import Turnstile
from pillarbox.storage.tx import Tx

_INSERT = Statement(
    insert(subscriptions).values(account_id=bindparam("account_id"), name=bindparam("name"))
)
_NUMBERS = Statement(select(subscriptions.c.account_id).order_by(subscriptions.c.account_id))


def add(tx: Tx, number: int, text: str = "row") -> int:
    """Add a row of that number, and hint at it."""
    tx.run(_INSERT, account_id=number, name=text)
    tx.emit(f"row:{number}")
    return number


def numbers(tx: Tx) -> list[int]:
    """The numbers of all rows."""
    return [row[0] for row in tx.all(_NUMBERS)]


def start(target: Callable[..., None], *args: Any) -> BaseProcess:
    """Run `target` in a new process that shares nothing with this one."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["kit.storage_children"])
    process = context.Process(target=target, args=args, daemon=True)
    process.start()
    return process


def kill(process: BaseProcess) -> None:
    """Kill a process as a power cut would, and wait for its end."""
    if process.pid is not None:
        os.kill(process.pid, signal.SIGKILL)
    process.join()


def write_rows(folder: Path, first: int, count: int) -> None:
    """Write rows of the numbers from `first` on, many at a time; a fault gives an exit code."""

    async def write() -> None:
        database = _open(folder)
        await asyncio.gather(*(database.write(add, first + n) for n in range(count)))
        await database.close()

    asyncio.run(write())


def write_until_killed(folder: Path, first: int, acknowledged: Connection) -> None:
    """Write rows for ever and tell the number of each once it is said to be on disk."""

    async def write_some(database: Database, numbers: range) -> None:
        for number in numbers:
            acknowledged.send(await database.write(add, number))

    async def write() -> None:
        database = _open(folder)
        await asyncio.gather(
            *(
                write_some(database, range(first + 10_000 * lane, first + 10_000 * (lane + 1)))
                for lane in range(5)
            )
        )

    with suppress(BrokenPipeError):
        asyncio.run(write())


def migrate(kind: str, where: str) -> None:
    """Bring a database to the newest schema."""
    if kind == "sqlite":
        path = Path(where)
        ensure_schema(SqliteDialect(path, checkpoint=True), path.with_name("lock"))
    else:
        ensure_schema(PostgresDialect(where), None)


def count_up(lock: Path, counter: Path, times: int) -> None:
    """Add one to the number in a file, many times, each time in the turnstile."""
    turnstile = Turnstile(lock)
    for _ in range(times):
        with turnstile:
            counter.write_text(str(int(counter.read_text()) + 1))
    turnstile.close()


def enter_and_stay(lock: Path, entered: Connection) -> None:
    """Enter the turnstile and never leave."""
    with Turnstile(lock):
        entered.send("in")
        signal.pause()


def _open(folder: Path) -> Database:
    return Database(
        SqliteDialect(folder / "mail.db", checkpoint=False),
        clock=SystemClock(),
        ids=IdSource(),
        publish=lambda topic: None,
        lock_path=folder / "lock",
    )
