"""PostgreSQL through psycopg: a connection for each database thread."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any

from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from pillarbox.base.errors import Failure, Invalid, Unavailable
from pillarbox.storage.dialect.base import Compiler, Connection

_READ_ONLY = "25006"
_RETRYABLE = frozenset({"40001", "40P01", "23505"})
# A read-only server (a standby, or one whose disk is full), and damage that it has noticed.
_OUT_OF_ORDER = ("25006", "XX")

# A server that vanished without a word must not hold a thread for the hours that TCP would wait.
_SETTINGS = MappingProxyType(
    {
        "application_name": "pillarbox",
        "connect_timeout": "10",
        "keepalives_idle": "30",
        "keepalives_interval": "10",
        "keepalives_count": "3",
        "tcp_user_timeout": "30000",
    }
)
READ_OPTIONS = "-c statement_timeout=60s"
WRITE_OPTIONS = "-c lock_timeout=30s"


class PostgresDialect:
    """How to speak with one PostgreSQL database; `dsn` is what libpq accepts."""

    lookup_inline = False
    begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    begin_write = "BEGIN"

    def __init__(self, dsn: str) -> None:
        import psycopg

        class BinaryCursor(psycopg.Cursor[Any]):
            """Rows come as they are; as text, every sealed column would double its size."""

            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                self.format = psycopg.pq.Format.BINARY

        self._psycopg = psycopg
        self._cursor_factory = BinaryCursor
        self._dsn = dsn
        core = PGDialect_psycopg()  # type: ignore[no-untyped-call]
        self.compiler = Compiler("postgresql", core)

    def connect(self, *, write: bool) -> Connection:
        try:
            conninfo = self._psycopg.conninfo
            given = conninfo.conninfo_to_dict(self._dsn)
            settings = {**_SETTINGS, **given, "options": _options(given, write)}
            connection: Any = self._psycopg.connect(
                conninfo.make_conninfo("", **settings),
                autocommit=True,
                cursor_factory=self._cursor_factory,
            )
        except self._psycopg.OperationalError as error:
            raise Unavailable("The database does not answer", str(error)) from error
        except self._psycopg.ProgrammingError:
            # What it says repeats parts of the DSN, of which one is a password.
            raise Invalid(
                "DB_DSN can't be understood; it must be like"
                " postgresql://user:password@host/database, with %XX for characters such as @ / %"
            ) from None
        return connection  # type: ignore[no-any-return]

    def tidy(self, connection: Connection, alone: AbstractContextManager[object]) -> None:
        return

    def retryable(self, error: Exception) -> bool:
        return getattr(error, "sqlstate", None) in _RETRYABLE

    def broken(self, error: Exception) -> bool:
        lost = (self._psycopg.OperationalError, self._psycopg.InterfaceError)
        state = getattr(error, "sqlstate", None)
        if state == _READ_ONLY:
            return True  # the server became a standby: a new connection may find the primary
        return isinstance(error, lost) and (state is None or state.startswith(("08", "57P")))

    def failure(self, error: Exception) -> Failure | None:
        lost = (self._psycopg.OperationalError, self._psycopg.InterfaceError)
        state = getattr(error, "sqlstate", None) or ""
        if isinstance(error, lost) or state.startswith(_OUT_OF_ORDER):
            return Unavailable("The mail store can't be written or read just now", str(error))
        return None


def _options(given: Mapping[str, Any], write: bool) -> str:
    """Our time limits, and behind them what the admin set: of two values the last one counts."""
    ours = WRITE_OPTIONS if write else READ_OPTIONS
    theirs = given.get("options") or os.environ.get("PGOPTIONS", "")
    return f"{ours} {theirs}".rstrip()
