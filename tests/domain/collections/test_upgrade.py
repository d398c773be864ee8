"""A database from before there were calendars: who was there has them after the upgrade."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from kit.clock import FakeClock
from kit.collections import Home, actor_of
from kit.database import KINDS, open_database
from pillarbox.domain.accounts import domains, users
from pillarbox.domain.accounts.model import Role, User
from pillarbox.domain.contacts import directory
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.sharing import groups
from pillarbox.storage.dialect.base import Dialect
from pillarbox.storage.dialect.postgres import PostgresDialect
from pillarbox.storage.dialect.sqlite import SqliteDialect
from pillarbox.storage.migrate import current_step, ensure_schema, newest_step
from pillarbox.storage.schema import metadata
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

BEFORE = "0007"


@pytest.fixture(params=KINDS)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Dialect, Path | None]:
    """A dialect for an empty database, and its lock."""
    if request.param == "sqlite":
        return SqliteDialect(tmp_path / "mail.db", checkpoint=True), tmp_path / "lock"
    return PostgresDialect(request.getfixturevalue("postgres_server").new_database()), None


def house(tx: Tx) -> User:
    domains.create(tx, "example.org")
    user = users.create(tx, "ann@example.org", "hash", "", Role.USER, 1000)
    groups.add_member(tx, groups.create(tx, "team@example.org"), user)
    return user


def tables(tx: Tx) -> dict[str, list[dict[str, object]]]:
    """The rows of all tables that have some."""
    found = {}
    for table in metadata.sorted_tables:
        names = [column.name for column in table.columns]
        rows = [dict(zip(names, row, strict=True)) for row in tx.all(Statement(select(table)))]
        if rows:
            found[table.name] = rows
    return found


def copy(tx: Tx, filled: dict[str, list[dict[str, object]]]) -> None:
    for name, rows in filled.items():
        tx.run_many(insert_row(metadata.tables[name]), rows)


def policy_of_old(tx: Tx) -> int:
    """The policies there are; each has the new column, that says nothing."""
    table = metadata.tables["domain_policies"]
    own = tx.scalar(
        Statement(
            select(func.count()).select_from(table).where(table.c.directory_enabled.is_not(None))
        )
    )
    return int(own)


async def test_old_accounts_get_calendars(
    empty: tuple[Dialect, Path | None], tmp_path: Path, clock: FakeClock
) -> None:
    dialect, lock = empty
    ensure_schema(dialect, lock, BEFORE)
    published: list[str] = []
    model = SqliteDialect(tmp_path / "model.db", checkpoint=True)
    ensure_schema(model, tmp_path / "model.lock")
    source = open_database(model, tmp_path, clock, published.append)
    user = await source.write(house)
    boxes = await source.read(mailboxes.all_of, user.account_id)
    filled = await source.read(tables)
    await source.close()
    assert {"accounts", "domains", "users", "group_members", "mailboxes"} <= filled.keys()
    before = open_database(dialect, tmp_path, clock, published.append)
    await before.write(copy, filled)
    await before.close()
    _change(dialect, "INSERT INTO domain_policies (domain) VALUES ('example.org')")

    assert ensure_schema(dialect, lock)
    assert current_step(dialect) == newest_step()
    database = open_database(dialect, tmp_path, clock, published.append)
    try:
        assert await database.read(mailboxes.all_of, user.account_id) == boxes
        ann = await Home.open(database, user)
        await ann.put("a", b"x" * 900)
        assert await ann.content("a") == b"x" * 900
        assert await database.read(policy_of_old) == 0
        assert len(await database.read(directory.list_of, actor_of(user))) == 2
        await database.write(users.delete, user.account_id)
    finally:
        await database.close()


def _change(dialect: Dialect, sql: str) -> None:
    connection = dialect.connect(write=True)
    connection.cursor().execute(sql, {})
    connection.close()
