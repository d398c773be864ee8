"""SQLite: one file, one writer at a time, readers that never wait.

Only the writer of one process (`checkpoint=True`) moves the write-ahead log into the database:
SQLite before 3.51.3 can lose pages when two connections do that at once.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from pillarbox.base.errors import Failure, Unavailable
from pillarbox.storage.dialect.base import Compiler, Connection
from pillarbox.storage.dialect.sqlite_library import MINIMUM_SAFE, driver, sqlite_version

CHECKPOINT_FROM_BYTES = 16 << 20

_RETRYABLE = ("database is locked", "database table is locked", "database schema has changed")


class SqliteDialect:
    """How to speak with one SQLite file."""

    lookup_inline = True
    begin_read = "BEGIN"
    begin_write = "BEGIN IMMEDIATE"

    def __init__(self, path: Path, *, checkpoint: bool) -> None:
        self.path = path
        self._checkpoint = checkpoint
        self._log = path.with_name(path.name + "-wal")
        self._batches = 0
        core = SQLiteDialect_pysqlite(paramstyle="named")
        self.compiler = Compiler("sqlite", core)

    def connect(self, *, write: bool) -> Connection:
        connection: Any = driver.connect(
            str(self.path),
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
            timeout=30.0,
        )
        try:
            for pragma in (
                "journal_mode=WAL",
                "synchronous=FULL",
                "wal_autocheckpoint=0",
                "foreign_keys=ON",
                "temp_store=MEMORY",
                f"cache_size=-{8192 if write else 4096}",
                *(() if write else ("query_only=ON",)),
            ):
                connection.execute("PRAGMA " + pragma)
        except Exception:
            connection.close()
            raise
        return connection  # type: ignore[no-any-return]

    def tidy(self, connection: Connection, alone: AbstractContextManager[object]) -> None:
        """Move a long log into the database; writers wait for the last bit of it at most.

        The log begins anew only once all of it was moved, which never happens while others write.
        """
        if not self._checkpoint:
            return
        self._batches += 1
        if self._batches % 16 or self._log.stat().st_size < CHECKPOINT_FROM_BYTES:
            return
        cursor = connection.cursor()
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)", {})
        with alone:
            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)", {})

    def retryable(self, error: Exception) -> bool:
        if isinstance(error, driver.IntegrityError):
            return True
        return isinstance(error, driver.OperationalError) and str(error).startswith(_RETRYABLE)

    def broken(self, error: Exception) -> bool:
        return False

    def failure(self, error: Exception) -> Failure | None:
        if isinstance(error, driver.IntegrityError):
            return None
        if isinstance(error, (driver.OperationalError, driver.DatabaseError)):
            if isinstance(error, driver.ProgrammingError) or "syntax error" in str(error):
                return None
            return Unavailable("The mail store can't be written or read just now", str(error))
        return None


def library_warning() -> str | None:
    """What to tell an admin whose SQLite has the log-reset fault, or `None`."""
    version = sqlite_version()
    if version >= MINIMUM_SAFE:
        return None
    found = ".".join(map(str, version))
    wanted = ".".join(map(str, MINIMUM_SAFE))
    return (
        f"SQLite {found} can damage a database that several processes write "
        f"(fixed in {wanted}); install pysqlite3, or set WORKERS = 1. Python {sys.version_info[0]}"
        f".{sys.version_info[1]} brought this copy."
    )
