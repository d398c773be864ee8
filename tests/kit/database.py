"""Databases for tests: SQLite in a temporary folder, PostgreSQL where it is installed."""

from collections.abc import Callable
from pathlib import Path

from pillarbox.base.clock import Clock
from pillarbox.base.ids import IdSource
from pillarbox.storage.db import Database
from pillarbox.storage.dialect.base import Dialect
from pillarbox.storage.dialect.postgres import PostgresDialect
from pillarbox.storage.dialect.sqlite import SqliteDialect
from pillarbox.storage.migrate import ensure_schema

KINDS = ("sqlite", "postgresql")
NEEDS_POSTGRES = "skipped: needs PostgreSQL"


def new_dialect(kind: str, folder: Path, new_dsn: Callable[[], str]) -> Dialect:
    """A dialect of `kind` whose database is new and has the schema."""
    made: Dialect
    if kind == "sqlite":
        made = SqliteDialect(folder / "mail.db", checkpoint=True)
        ensure_schema(made, folder / "lock")
    else:
        made = PostgresDialect(new_dsn())
        ensure_schema(made, None)
    return made


def open_database(
    dialect: Dialect, folder: Path, clock: Clock, publish: Callable[[str], None]
) -> Database:
    """A `Database` over a dialect of `new_dialect`; needs a running loop."""
    lock = folder / "lock" if dialect.compiler.name == "sqlite" else None
    return Database(dialect, clock=clock, ids=IdSource(), publish=publish, lock_path=lock)
