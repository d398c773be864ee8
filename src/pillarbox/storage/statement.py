"""SQL statements, defined once in SQLAlchemy Core and run straight on the driver.

A `Statement` is a module constant of a domain module. Each `Dialect` object compiles it the first
time it is used and keeps the text, so a call costs what the driver costs and no more.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Table, bindparam, insert
from sqlalchemy.sql.expression import ClauseElement


class Statement:
    """A Core statement whose values are all `bindparam`s or constants.

    No expanding parameters (`IN` over a list): such statements are built when they are needed and
    go through `Tx.select` and `Tx.change`.
    """

    __slots__ = ("core",)

    def __init__(self, core: ClauseElement) -> None:
        self.core = core


def insert_row(table: Table) -> Statement:
    """The insertion of one row; its parameters are named as the table's columns, all of them."""
    return Statement(
        insert(table).values({column.name: bindparam(column.name) for column in table.columns})
    )


def insert_new(dialect: str, table: Table, values: Mapping[str, Any]) -> Statement:
    """The insertion of one row that touches nothing where there is a row of that key already."""
    # Each dialect costs 2 MB; the one in use is imported anyway.
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as insert_postgresql

        return Statement(insert_postgresql(table).values(values).on_conflict_do_nothing())
    from sqlalchemy.dialects.sqlite import insert as insert_sqlite

    return Statement(insert_sqlite(table).values(values).on_conflict_do_nothing())


def upsert(
    dialect: str,
    table: Table,
    values: Mapping[str, Any],
    changes: Callable[[Any], Mapping[str, Any]],
    where: Callable[[Any], Any] | None = None,
) -> Statement:
    """The insertion of one row, or the change of the one of that key where there is one already.

    `changes` gives the new values from the row that was to be inserted; with `where` only rows for
    which it holds are changed.
    """
    insert: Any
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as insert_postgresql

        insert = insert_postgresql(table)
    else:
        from sqlalchemy.dialects.sqlite import insert as insert_sqlite

        insert = insert_sqlite(table)
    new = insert.excluded
    return Statement(
        insert.values(values).on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_=dict(changes(new)),
            where=None if where is None else where(new),
        )
    )


class Compiled:
    """The text of a statement in one dialect, and the constants it was written with."""

    __slots__ = ("constants", "sql")

    def __init__(self, sql: str, constants: dict[str, Any]) -> None:
        self.sql = sql
        self.constants = constants
