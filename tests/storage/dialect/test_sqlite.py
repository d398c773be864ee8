"""SQLite: upkeep of the log, which errors mean what, and old libraries."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from pillarbox.base.errors import Unavailable
from pillarbox.storage.dialect import sqlite
from pillarbox.storage.dialect.base import Connection
from pillarbox.storage.dialect.sqlite import SqliteDialect, library_warning, sqlite_version


def fill(connection: Connection, pages: int) -> None:
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE IF NOT EXISTS t (x)", {})
    for _ in range(pages):
        cursor.execute("INSERT INTO t VALUES (randomblob(4096))", {})


@pytest.mark.parametrize("checkpoint", [True, False])
def test_only_one_process_moves_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint: bool
) -> None:
    monkeypatch.setattr(sqlite, "CHECKPOINT_FROM_BYTES", 1 << 16)
    dialect = SqliteDialect(tmp_path / "t.db", checkpoint=checkpoint)
    connection = dialect.connect(write=True)
    for _ in range(64):
        fill(connection, 10)
        dialect.tidy(connection, nullcontext())
    log = (tmp_path / "t.db-wal").stat().st_size
    assert log < 2 << 20 if checkpoint else log > 2 << 20
    connection.close()


def test_reader_does_not_stop_upkeep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "CHECKPOINT_FROM_BYTES", 0)
    dialect = SqliteDialect(tmp_path / "t.db", checkpoint=True)
    writer, reader = dialect.connect(write=True), dialect.connect(write=False)
    fill(writer, 1)
    reader.cursor().execute("BEGIN", {})
    cursor = reader.cursor()
    cursor.execute("SELECT count(*) FROM t", {})
    cursor.fetchall()
    for _ in range(40):
        fill(writer, 1)
        dialect.tidy(writer, nullcontext())
    cursor.execute("SELECT count(*) FROM t", {})
    assert cursor.fetchall() == [(1,)]
    reader.close()
    writer.close()


def test_settings_of_a_connection(tmp_path: Path) -> None:
    dialect = SqliteDialect(tmp_path / "t.db", checkpoint=True)
    for write in (True, False):
        connection = dialect.connect(write=write)
        cursor = connection.cursor()
        found = {}
        for name in ("journal_mode", "synchronous", "foreign_keys", "query_only"):
            cursor.execute(f"PRAGMA {name}", {})
            found[name] = cursor.fetchall()[0][0]
        assert found == {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
            "query_only": int(not write),
        }
        connection.close()


def test_errors(tmp_path: Path) -> None:
    dialect = SqliteDialect(tmp_path / "t.db", checkpoint=True)
    connection = dialect.connect(write=True)
    cursor = connection.cursor()

    def error_of(sql: str) -> Exception:
        with pytest.raises(Exception, match=r".") as caught:
            cursor.execute(sql, {})
        return caught.value

    cursor.execute("CREATE TABLE t (x PRIMARY KEY)", {})
    cursor.execute("INSERT INTO t VALUES (1)", {})
    clash = error_of("INSERT INTO t VALUES (1)")
    assert dialect.retryable(clash)
    assert dialect.failure(clash) is None
    defect = error_of("SELEKT 1")
    assert not dialect.retryable(defect)
    assert dialect.failure(defect) is None
    cursor.execute("PRAGMA query_only=ON", {})
    outage = error_of("INSERT INTO t VALUES (2)")
    assert not dialect.retryable(outage)
    assert isinstance(dialect.failure(outage), Unavailable)
    assert dialect.failure(ZeroDivisionError()) is None
    assert not dialect.broken(outage)
    connection.close()


def test_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "t.db").write_bytes(b"not a database " * 1000)
    dialect = SqliteDialect(tmp_path / "t.db", checkpoint=True)
    with pytest.raises(Exception, match="not a database") as caught:
        dialect.connect(write=True)
    assert isinstance(dialect.failure(caught.value), Unavailable)


def test_old_libraries_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "MINIMUM_SAFE", (99, 0, 0))
    warning = library_warning()
    assert warning is not None
    assert ".".join(map(str, sqlite_version())) in warning
    monkeypatch.setattr(sqlite, "MINIMUM_SAFE", (3, 0, 0))
    assert library_warning() is None
