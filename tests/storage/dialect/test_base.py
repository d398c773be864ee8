"""Compiling statements: constants stay with the text, values come with the call."""

import pytest
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from pillarbox.domain.mail.tables import messages, subscriptions
from pillarbox.storage.db import Database
from pillarbox.storage.dialect.base import Compiler
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

ADD = Statement(insert(subscriptions).values(account_id=bindparam("account_id"), name="a constant"))
FIND = Statement(
    select(subscriptions.c.account_id, subscriptions.c.name)
    .where(subscriptions.c.account_id > bindparam("least"), subscriptions.c.name != "another")
    .order_by(subscriptions.c.account_id)
    .limit(bindparam("most"))
)
RENAME = Statement(
    update(subscriptions)
    .where(subscriptions.c.account_id == bindparam("account"))
    .values(name=bindparam("new_name"))
    .returning(subscriptions.c.name)
)


@pytest.fixture(params=["sqlite", "postgresql"])
def compiler(request: pytest.FixtureRequest) -> Compiler:
    if request.param == "sqlite":
        return Compiler("sqlite", SQLiteDialect_pysqlite(paramstyle="named"))
    return Compiler("postgresql", PGDialect_psycopg())  # type: ignore[no-untyped-call]


def test_text_is_made_once(compiler: Compiler) -> None:
    assert compiler.compiled(FIND) is compiler.compiled(FIND)
    assert compiler.compile_once(FIND.core) is not compiler.compile_once(FIND.core)


def test_constants_are_told_from_parameters(compiler: Compiler) -> None:
    assert list(compiler.compiled(ADD).constants.values()) == ["a constant"]
    constants = compiler.compiled(FIND).constants
    assert "another" in constants.values()
    assert not {"least", "most"} & set(constants)
    assert compiler.compiled(RENAME).constants == {}


def test_lists_of_values(compiler: Compiler) -> None:
    core = select(messages.c.uid).where(messages.c.uid.in_([3, 1, 2]), messages.c.flags == 7)
    assert sorted(compiler.compile_once(core).constants.values()) == [1, 2, 3, 7]
    empty = compiler.compile_once(select(messages.c.uid).where(messages.c.uid.in_([])))
    assert empty.constants == {}


async def test_statements_run(database: Database) -> None:
    def work(tx: Tx) -> None:
        assert tx.run(ADD, account_id=1) == 1
        tx.run_many(ADD, [{"account_id": number} for number in (2, 3, 4)])
        tx.run_many(ADD, [])
        assert tx.all(FIND, least=1, most=2) == [(2, "a constant"), (3, "a constant")]
        assert tx.one(FIND, least=3, most=9) == (4, "a constant")
        assert tx.one(FIND, least=9, most=9) is None
        assert tx.scalar(FIND, least=3, most=9) == 4
        assert tx.scalar(FIND, least=9, most=9) is None
        assert tx.scalar(RENAME, account=2, new_name="another") == "another"
        core = select(subscriptions.c.account_id).where(subscriptions.c.account_id.in_([2, 4, 9]))
        assert sorted(tx.select(core)) == [(2,), (4,)]
        assert tx.select(select(subscriptions.c.name).where(subscriptions.c.name.in_([]))) == []
        assert tx.change(update(subscriptions).values(name="all")) == 4
        assert tx.run(ADD, account_id=1) == 1
        assert tx.dialect == database.dialect.compiler.name

    await database.write(work)
