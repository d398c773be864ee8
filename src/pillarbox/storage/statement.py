"""SQL statements, defined once in SQLAlchemy Core and run straight on the driver.

A `Statement` is a module constant of a domain module. Each `Dialect` object compiles it the first
time it is used and keeps the text, so a call costs what the driver costs and no more.
"""

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


class Compiled:
    """The text of a statement in one dialect, and the constants it was written with."""

    __slots__ = ("constants", "sql")

    def __init__(self, sql: str, constants: dict[str, Any]) -> None:
        self.sql = sql
        self.constants = constants
