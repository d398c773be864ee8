"""Threads that each keep one database connection: readers everywhere, writers on server databases.

A thread hop costs what a query costs, so one hop carries a whole unit of work.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Busy
from pillarbox.base.ids import IdSource
from pillarbox.storage.dialect.base import Connection, Dialect
from pillarbox.storage.tx import Cursor, Tx
from pillarbox.storage.units import MAX_TRIES, Settler, Unit

MAX_WAITING = 20_000

_NONE: dict[str, object] = {}


class ConnectionThreads:
    """A fixed number of threads that run units of work, each in its own transaction.

    Threads start when they are first needed; a connection that broke is made anew.
    """

    def __init__(
        self,
        dialect: Dialect,
        settler: Settler,
        clock: Clock,
        ids: IdSource,
        *,
        write: bool,
        count: int,
    ) -> None:
        self._dialect = dialect
        self._settler = settler
        self._clock = clock
        self._ids = ids
        self._write = write
        self._begin = dialect.begin_write if write else dialect.begin_read
        self._count = count
        self._waiting: queue.SimpleQueue[Unit | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._unfinished = 0
        self._counting = threading.Lock()

    def submit(self, unit: Unit) -> None:
        """Queue a unit; called from the event loop only. `Busy` when far too many wait."""
        if self._waiting.qsize() >= MAX_WAITING:
            raise Busy("The mail store is overloaded; try again later")
        with self._counting:
            self._unfinished += 1
            needed = self._unfinished
        if len(self._threads) < min(needed, self._count):
            name = f"{'write' if self._write else 'read'}-{len(self._threads)}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        self._waiting.put(unit)

    def close(self) -> None:
        """Finish what waits, then stop every thread."""
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        connection: Connection | None = None
        while True:
            unit = self._waiting.get()
            if unit is None:
                break
            connection = self._run(connection, unit)
            with self._counting:
                self._unfinished -= 1
            self._settler.settle((unit,))
            del unit  # its result may be large, and the next one may be long in coming
        if connection is not None:
            connection.close()

    def _run(self, connection: Connection | None, unit: Unit) -> Connection | None:
        while True:
            kept, begun = connection is not None, False
            try:
                if connection is None:
                    connection = self._dialect.connect(write=self._write)
                cursor = connection.cursor()
                cursor.execute(self._begin, _NONE)
                begun = True
                unit.run(Tx(cursor, self._dialect.compiler, self._ids, self._clock.now_ms()))
                cursor.execute("COMMIT", _NONE)
                require_committed(cursor)
            except Exception as error:
                if connection is not None and not roll_back(connection, self._dialect, error):
                    connection = None
                    if kept and not begun:
                        continue  # it broke while it was idle: nothing has been done yet
                unit.tries += 1
                if unit.tries < MAX_TRIES and self._dialect.retryable(error):
                    continue
                unit.fail(error, self._dialect)
            return connection


def require_committed(cursor: Cursor) -> None:
    """Raise `RuntimeError` where a COMMIT was answered by a rollback.

    PostgreSQL does so without an error when a statement failed and its exception was swallowed.
    """
    if getattr(cursor, "statusmessage", None) == "ROLLBACK":
        raise RuntimeError("a unit of work went on after a statement had failed")


def roll_back(connection: Connection, dialect: Dialect, error: Exception) -> bool:
    """End a failed transaction; gives whether the connection can still be used."""
    if not dialect.broken(error):
        try:
            connection.cursor().execute("ROLLBACK", _NONE)
        except Exception as second:
            if not dialect.broken(second):
                return True  # no transaction was open
        else:
            return True
    try:
        connection.close()
    except Exception:
        return False
    return False


class InlineReader:
    """One connection of the event loop's own, for reads shorter than a thread hop."""

    def __init__(self, dialect: Dialect, clock: Clock, ids: IdSource) -> None:
        self._dialect = dialect
        self._clock = clock
        self._ids = ids
        self._connection: Connection | None = None

    def run(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Run `function(tx, *args)` at once; each statement sees the newest commit."""
        try:
            if self._connection is None:
                self._connection = self._dialect.connect(write=False)
            cursor = self._connection.cursor()
            return function(
                Tx(cursor, self._dialect.compiler, self._ids, self._clock.now_ms()), *args
            )
        except Exception as error:
            failure = self._dialect.failure(error)
            if failure is None:
                raise
            raise failure from error

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()


def new_future() -> asyncio.Future[Any]:
    """A future of the running loop."""
    return asyncio.get_running_loop().create_future()
