"""The writer thread of an embedded database: many units of work, one sync of the disk.

The thread takes whatever waits, runs each unit in a savepoint of its own, commits once and only
then answers. Processes on one file take turns through a `Turnstile`. The log is moved into the
database between batches, not inside a commit.
"""

from __future__ import annotations

import queue
import threading
from pathlib import Path

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Busy, Unavailable
from pillarbox.base.ids import IdSource
from pillarbox.storage.dialect.base import Connection, Dialect
from pillarbox.storage.turnstile import Turnstile
from pillarbox.storage.tx import Tx
from pillarbox.storage.units import MAX_TRIES, Settler, Unit

MAX_BATCH = 64
MAX_WAITING = 20_000
# Other processes may write while this one has nothing to do; the log they fill is everybody's.
UPKEEP_EVERY_S = 2.0

_NONE: dict[str, object] = {}


class GroupCommitWriter:
    """Runs units of work in batches; `submit` may be called from the event loop only."""

    def __init__(
        self, dialect: Dialect, lock_path: Path, settler: Settler, clock: Clock, ids: IdSource
    ) -> None:
        self._dialect = dialect
        self._turnstile = Turnstile(lock_path)
        self._settler = settler
        self._clock = clock
        self._ids = ids
        # Its C code wakes a thread several times quicker than a semaphore or a condition does.
        self._waiting: queue.SimpleQueue[Unit | None] = queue.SimpleQueue()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()

    def submit(self, unit: Unit) -> None:
        """Queue a unit; `Busy` when far more waits than the disk can take."""
        if self._waiting.qsize() >= MAX_WAITING:
            raise Busy("The mail store is overloaded; try again later")
        self._waiting.put(unit)

    def close(self) -> None:
        """Finish what waits, then stop the thread."""
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        connection: Connection | None = None
        try:
            while not self._stopping:
                batch = self._take()
                if not batch:
                    connection = self._idle(connection)
                    continue
                try:
                    if connection is None:
                        connection = self._dialect.connect(write=True)
                    while batch:
                        with self._turnstile:
                            # Whoever is not among those to try again has been told already.
                            batch = self._transaction(connection, batch)
                except Exception as error:
                    for unit in batch:
                        unit.fail(error, self._dialect)
                    self._settler.settle(batch)
                    continue
                self._tidy(connection)
        finally:
            self._turnstile.close()
            if connection is not None:
                connection.close()

    def _idle(self, connection: Connection | None) -> Connection | None:
        """Upkeep while nothing comes; gives the connection, made where there was none."""
        if connection is None:
            try:
                connection = self._dialect.connect(write=True)
            except Exception:
                return None  # whoever writes next is told
        self._tidy(connection)
        return connection

    def _tidy(self, connection: Connection) -> None:
        try:
            self._dialect.tidy(connection, self._turnstile)
        except Exception:
            return  # the units are on disk already; upkeep that failed comes again

    def _take(self) -> list[Unit]:
        """What waits, a batch at most; nothing when it is time for upkeep or to stop."""
        batch: list[Unit] = []
        try:
            unit = self._waiting.get(timeout=UPKEEP_EVERY_S)
            while unit is not None:
                batch.append(unit)
                if len(batch) >= MAX_BATCH:
                    return batch
                unit = self._waiting.get_nowait()
        except queue.Empty:
            return batch
        self._stopping = True
        return batch

    def _transaction(self, connection: Connection, batch: list[Unit]) -> list[Unit]:
        """Run and commit a batch; gives back the units that should be tried once more."""
        cursor = connection.cursor()
        tx = Tx(cursor, self._dialect.compiler, self._ids, self._clock.now_ms())
        again: list[Unit] = []
        alone = len(batch) == 1
        try:
            cursor.execute(self._dialect.begin_write, _NONE)
            for unit in batch:
                if not alone:
                    cursor.execute("SAVEPOINT unit", _NONE)
                try:
                    unit.run(tx)
                except Exception as error:
                    cursor.execute("ROLLBACK" if alone else "ROLLBACK TO unit", _NONE)
                    self._failed(unit, error, again)
                if not alone:
                    cursor.execute("RELEASE unit", _NONE)
            if not (alone and (batch[0].error is not None or again)):
                cursor.execute("COMMIT", _NONE)
        except Exception as error:
            self._roll_back(connection)
            failure = self._dialect.failure(error) or Unavailable(
                "The mail store can't be written just now", str(error)
            )
            for unit in batch:
                unit.fail(failure, self._dialect)
            again = []
        settled = [unit for unit in batch if unit not in again] if again else batch
        self._settler.settle(settled)
        return again

    def _failed(self, unit: Unit, error: Exception, again: list[Unit]) -> None:
        unit.tries += 1
        if unit.tries < MAX_TRIES and self._dialect.retryable(error):
            again.append(unit)
        else:
            unit.fail(error, self._dialect)

    @staticmethod
    def _roll_back(connection: Connection) -> None:
        try:
            connection.cursor().execute("ROLLBACK", _NONE)
        except Exception:
            return  # SQLite had rolled back by itself
