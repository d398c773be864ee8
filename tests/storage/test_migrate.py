"""Schema steps: run once, by one process, up to exactly what the tables say."""

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pillarbox
from kit import postgres
from kit.database import KINDS
from kit.storage_children import migrate, start
from pillarbox.base.errors import Invalid
from pillarbox.storage.dialect.base import Dialect
from pillarbox.storage.dialect.postgres import PostgresDialect
from pillarbox.storage.dialect.sqlite import SqliteDialect
from pillarbox.storage.migrate import current_step, ensure_schema, make_engine, newest_step
from pillarbox.storage.schema import metadata


@pytest.fixture(params=KINDS)
def where(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """The kind and place of an empty database."""
    if request.param == "sqlite":
        return "sqlite", str(tmp_path / "mail.db")
    server: postgres.PostgresServer = request.getfixturevalue("postgres_server")
    return "postgresql", server.new_database()


@pytest.fixture
def empty(where: tuple[str, str]) -> tuple[Dialect, Path | None]:
    """A dialect for an empty database, and its lock."""
    kind, place = where
    if kind == "sqlite":
        return SqliteDialect(Path(place), checkpoint=True), Path(place).with_name("lock")
    return PostgresDialect(place), None


def change(dialect: Dialect, sql: str) -> None:
    connection = dialect.connect(write=True)
    connection.cursor().execute(sql, {})
    connection.close()


def test_second_run_has_nothing_to_do(empty: tuple[Dialect, Path | None]) -> None:
    dialect, lock = empty
    assert current_step(dialect) is None
    assert ensure_schema(dialect, lock)
    assert current_step(dialect) == newest_step()
    assert not ensure_schema(dialect, lock)


def test_newer_schema_is_refused(empty: tuple[Dialect, Path | None]) -> None:
    dialect, lock = empty
    ensure_schema(dialect, lock)
    change(dialect, "UPDATE schema_version SET version_num = '9999'")
    with pytest.raises(Invalid, match="newer"):
        ensure_schema(dialect, lock)
    assert current_step(dialect) == "9999"


def test_processes_that_start_at_once(
    where: tuple[str, str], empty: tuple[Dialect, Path | None]
) -> None:
    processes = [start(migrate, *where) for _ in range(4)]
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert current_step(empty[0]) == newest_step()


def test_failed_step_leaves_nothing(
    empty: tuple[Dialect, Path | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic.operations import Operations

    dialect, lock = empty
    create: Callable[..., Any] = Operations.create_table

    def fail(self: Operations, name: str, *columns: Any, **options: Any) -> Any:
        if name == "users":
            raise ZeroDivisionError
        return create(self, name, *columns, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Operations, "create_table", fail)
        with pytest.raises(ZeroDivisionError):
            ensure_schema(dialect, lock)
    assert current_step(dialect) is None
    assert ensure_schema(dialect, lock)


def test_schema_is_what_the_tables_say(empty: tuple[Dialect, Path | None]) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    for module in pkgutil.walk_packages(pillarbox.__path__, "pillarbox."):
        if module.name.startswith(("pillarbox.domain", "pillarbox.storage")) and not (
            module.name.rpartition(".")[2][0].isdigit()
        ):
            importlib.import_module(module.name)
    dialect, lock = empty
    ensure_schema(dialect, lock)
    engine = make_engine(dialect)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": "schema_version",
                "compare_type": True,
                "compare_server_default": True,
            },
        )
        differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []
    assert len(metadata.tables) >= 15


def test_old_rows_are_brought_up_to_date(empty: tuple[Dialect, Path | None]) -> None:
    dialect, lock = empty
    ensure_schema(dialect, lock, "0001")
    change(
        dialect,
        "INSERT INTO accounts (id, salt, modseq, quota_bytes, used_bytes, used_messages,"
        " created_ms) VALUES (1, 'x', 0, 0, 0, 0, 0), (2, 'x', 0, 0, 0, 0, 0)",
    )
    figures = "1, 1, 0, 0, 0, 0, 0, 0, 0, 1"
    change(
        dialect,
        "INSERT INTO mailboxes (id, account_id, name, uidvalidity, uidnext, modseq,"
        " created_modseq, changed_modseq, total, unseen, deleted, size_bytes, recent_uid)"
        f" VALUES (10, 1, 'INBOX', {figures}), (11, 1, 'Sent', {figures})",
    )
    change(
        dialect,
        "INSERT INTO messages (mailbox_id, uid, email_id, flags, keywords, modseq, created_modseq,"
        " internal_ms, saved_ms, size_bytes) VALUES (10, 1, 1, 0, 'Home work', 1, 1, 0, 0, 0),"
        " (10, 2, 2, 0, 'Work', 1, 1, 0, 0, 0), (11, 1, 1, 0, NULL, 1, 1, 0, 0, 0)",
    )
    assert ensure_schema(dialect, lock)
    counts = "SELECT id, mailbox_count FROM accounts ORDER BY id"
    assert _rows(dialect, counts) == [(1, 2), (2, 0)]
    words = "SELECT mailbox_id, folded FROM mailbox_keywords ORDER BY folded"
    assert _rows(dialect, words) == [(10, "home"), (10, "work")]


def test_mail_that_waited_before_is_sent(empty: tuple[Dialect, Path | None]) -> None:
    dialect, lock = empty
    ensure_schema(dialect, lock, "0003")
    waiting = [
        (1, "a@c.test", "c.test", 0, 300),
        (2, "b@c.test", "c.test", 0, 200),
        (3, "held@c.test", "c.test", 4, 100),
        (4, "held@d.test", "d.test", 4, 100),
        (5, "a@bücher.test", "bücher.test", 1, 500),
        (6, "a@bad..ü", "bad..ü", 0, 600),
    ]
    for number, address, domain, status, next_ms in waiting:
        change(
            dialect,
            "INSERT INTO queue_recipients (id, message_id, address, domain, status, attempts,"
            f" next_attempt_ms, expires_ms) VALUES ({number}, 7, '{address}', '{domain}',"
            f" {status}, 0, {next_ms}, 9000)",
        )
    assert ensure_schema(dialect, lock)
    found = "SELECT domain, due_ms, owner, lease_ms FROM queue_destinations ORDER BY due_ms"
    assert _rows(dialect, found) == [
        ("c.test", 200, "", 0),
        ("xn--bcher-kva.test", 500, "", 0),
        ("bad..ü", 600, "", 0),
    ]
    renamed = "SELECT domain FROM queue_recipients WHERE id = 5"
    assert _rows(dialect, renamed) == [("xn--bcher-kva.test",)]


def _rows(dialect: Dialect, sql: str) -> list[tuple[Any, ...]]:
    connection = dialect.connect(write=True)
    try:
        cursor = connection.cursor()
        cursor.execute(sql, {})
        return [tuple(row) for row in cursor.fetchall()]
    finally:
        connection.close()
