"""Bringing a database to the schema this version needs, by numbered steps that run by themselves.

Steps lie in `storage/migrations` and are run by Alembic, which is imported only when there is
something to do. Two processes that start at once take turns.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pillarbox.base.errors import Failure, Invalid
from pillarbox.storage.dialect.base import Dialect
from pillarbox.storage.turnstile import Turnstile

STEPS = Path(__file__).with_name("migrations")
_VERSION_TABLE = "schema_version"
_ADVISORY_LOCK = 0x70696C6C6172


def newest_step() -> str:
    """The number of the newest step, such as `0001`."""
    return max(path.name[:4] for path in STEPS.glob("[0-9][0-9][0-9][0-9]_*.py"))


def current_step(dialect: Dialect) -> str | None:
    """The number of the last step the database has seen; `None` for an empty database."""
    connection = dialect.connect(write=True)
    try:
        cursor = connection.cursor()
        try:
            cursor.execute(f"SELECT version_num FROM {_VERSION_TABLE}", {})  # noqa: S608
        except Exception as error:
            if _is_missing_table(error):
                return None
            raise
        row = cursor.fetchone()
        return None if row is None else str(row[0])
    finally:
        connection.close()


def ensure_schema(dialect: Dialect, lock_path: Path | None, to: str | None = None) -> bool:
    """Run the steps the database lacks; gives whether there were any.

    `lock_path` is the lock of an embedded database. `to` is the last step to run, the newest if
    none is named. Raises `Invalid` for a database that a newer
    pillarbox has written.
    """
    current, newest = current_step(dialect), to or newest_step()
    if current == newest:
        return False
    if current is not None and current > newest:
        raise Invalid(
            f"The database has schema {current}, written by a newer pillarbox; this one knows up "
            f"to {newest}. Run the newer version, or restore a backup."
        )
    if lock_path is None:
        _upgrade(dialect, newest)
        return True
    turnstile = Turnstile(lock_path)
    try:
        with turnstile:
            _upgrade(dialect, newest)
    finally:
        turnstile.close()
    return True


def _is_missing_table(error: Exception) -> bool:
    return "no such table" in str(error) or getattr(error, "sqlstate", None) == "42P01"


def _upgrade(dialect: Dialect, to: str) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(STEPS), version_locations=[str(STEPS)])

    def steps(revision: Any, context: Any) -> Any:
        return script._upgrade_revs(to, revision)

    engine = make_engine(dialect)
    try:
        with (
            engine.connect() as connection,
            EnvironmentContext(Config(), script, fn=steps) as environment,
        ):
            environment.configure(
                connection=connection, version_table=_VERSION_TABLE, transactional_ddl=True
            )
            with environment.begin_transaction():
                if dialect.compiler.name == "postgresql":
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
                environment.run_migrations()
    except Exception as error:
        failure = dialect.failure(getattr(error, "orig", None) or error)
        if failure is None or isinstance(error, Failure):
            raise
        raise failure from error
    finally:
        engine.dispose()


def make_engine(dialect: Dialect) -> Any:
    """A SQLAlchemy engine over the dialect's own connections, for schema work only."""
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import NullPool

    url = {"sqlite": "sqlite://", "postgresql": "postgresql+psycopg://"}[dialect.compiler.name]

    def connect() -> Any:
        connection: Any = dialect.connect(write=True)
        if dialect.compiler.name == "postgresql":
            from psycopg import Cursor

            connection.cursor_factory = Cursor  # SQLAlchemy reads the catalogue as text
        return connection

    engine = create_engine(url, creator=connect, poolclass=NullPool)

    # The connections are in autocommit mode: transactions are begun by statement.
    def begin(connection: Any) -> None:
        connection.exec_driver_sql(dialect.begin_write)

    def commit(connection: Any) -> None:
        connection.exec_driver_sql("COMMIT")

    def rollback(connection: Any) -> None:
        connection.exec_driver_sql("ROLLBACK")

    event.listen(engine, "begin", begin)
    if dialect.compiler.name == "sqlite":
        event.listen(engine, "commit", commit)
        event.listen(engine, "rollback", rollback)
    return engine
