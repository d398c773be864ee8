"""Opening the database that the settings name, brought to this version's schema first."""

from collections.abc import Callable
from pathlib import Path

from pillarbox.app.config.options import Options
from pillarbox.base.clock import Clock, SystemClock
from pillarbox.base.errors import Unavailable
from pillarbox.base.ids import IdSource
from pillarbox.storage.db import Database
from pillarbox.storage.dialect.base import Dialect
from pillarbox.storage.facts import require_keys
from pillarbox.storage.migrate import ensure_schema


def lock_path(options: Options) -> Path | None:
    """Where the writers of an embedded database queue; `None` for a database server."""
    return options.db_path if options.db_driver == "sqlite" else None


def make_dialect(options: Options, *, checkpoint: bool) -> Dialect:
    """How to speak with the database; exactly one process of a server has `checkpoint`.

    Makes the folder of an embedded database. Raises `Unavailable` if that can't be.
    """
    if options.db_driver == "sqlite":
        from pillarbox.storage.dialect.sqlite import SqliteDialect

        try:
            options.db_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise Unavailable(
                f"The folder {options.db_path.parent} can't be made: {error.strerror}"
            ) from error
        return SqliteDialect(options.db_path, checkpoint=checkpoint)
    from pillarbox.storage.dialect.postgres import PostgresDialect

    return PostgresDialect(options.db_dsn)


def library_warning(options: Options) -> str | None:
    """What to tell an admin of the database library in use, or `None`."""
    if options.db_driver != "sqlite":
        return None
    from pillarbox.storage.dialect import sqlite

    return sqlite.library_warning()


def prepare_database(options: Options, dialect: Dialect) -> None:
    """Bring the schema up to date, and see that the keys of the settings are the database's.

    Raises as `open_database` does.
    """
    ensure_schema(dialect, lock_path(options))
    require_keys(dialect, lock_path(options), dict(options.encryption_key))


def open_database(
    options: Options,
    *,
    publish: Callable[[str], None],
    checkpoint: bool = False,
    clock: Clock | None = None,
    ids: IdSource | None = None,
    readers: int = 4,
    writers: int = 4,
) -> Database:
    """The database, its schema up to date; call it inside a running event loop.

    Raises `Invalid` where a newer version wrote it or other keys seal it, `Unavailable` where it
    can't be reached.
    """
    dialect = make_dialect(options, checkpoint=checkpoint)
    prepare_database(options, dialect)
    return Database(
        dialect,
        clock=clock or SystemClock(),
        ids=ids or IdSource(),
        publish=publish,
        lock_path=lock_path(options),
        readers=readers,
        writers=writers,
    )
