"""One transaction, as the domain sees it.

Domain functions get a `Tx` as their first argument and touch nothing else of the outside world, so
they can be run again when the database asks for it. Made by `storage/db.py` and its parts.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from sqlalchemy.sql.expression import ClauseElement

from pillarbox.base.ids import IdSource
from pillarbox.storage.statement import Compiled, Statement

Row = tuple[Any, ...]


class Cursor(Protocol):
    """What is used of a DB-API cursor."""

    @property
    def rowcount(self) -> int: ...
    def execute(self, sql: str, params: Mapping[str, Any], /) -> Any: ...
    def executemany(self, sql: str, params: Sequence[Mapping[str, Any]], /) -> Any: ...
    def fetchall(self) -> list[Row]: ...
    def fetchone(self) -> Row | None: ...


class StatementCompiler(Protocol):
    """Turns statements into a dialect's text."""

    @property
    def name(self) -> str: ...
    def compiled(self, statement: Statement) -> Compiled: ...
    def compile_once(self, core: ClauseElement) -> Compiled: ...


class Tx:
    """A transaction under way: statements in, rows out, hints for after the commit.

    `now_ms` is the instant the unit of work began; it does not move during it.
    """

    __slots__ = ("_compiler", "_cursor", "_ids", "hints", "now_ms")

    def __init__(
        self, cursor: Cursor, compiler: StatementCompiler, ids: IdSource, now_ms: int
    ) -> None:
        self._cursor = cursor
        self._compiler = compiler
        self._ids = ids
        self.now_ms = now_ms
        self.hints: list[str] = []

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._compiler.name

    def next_id(self) -> int:
        """A new id for a row."""
        return self._ids.next()

    def all(self, statement: Statement, **params: Any) -> list[Row]:
        """Every row of a statement."""
        self._execute(statement, params)
        return self._cursor.fetchall()

    def one(self, statement: Statement, **params: Any) -> Row | None:
        """The first row of a statement, or `None`."""
        self._execute(statement, params)
        return self._cursor.fetchone()

    def scalar(self, statement: Statement, **params: Any) -> Any:
        """The first column of the first row, or `None`."""
        self._execute(statement, params)
        row = self._cursor.fetchone()
        return None if row is None else row[0]

    def run(self, statement: Statement, **params: Any) -> int:
        """Run a statement that returns no rows; gives the number of rows it touched."""
        self._execute(statement, params)
        return self._cursor.rowcount

    def run_many(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run one statement for each of `rows`."""
        if not rows:
            return
        compiled = self._compiler.compiled(statement)
        constants = compiled.constants
        if constants:
            rows = [{**constants, **row} for row in rows]
        self._cursor.executemany(compiled.sql, rows)

    def select(self, core: ClauseElement) -> list[Row]:
        """Every row of a statement that was built for this one call."""
        compiled = self._compiler.compile_once(core)
        self._cursor.execute(compiled.sql, compiled.constants)
        return self._cursor.fetchall()

    def change(self, core: ClauseElement) -> int:
        """Run a statement that was built for this one call; gives the number of rows touched."""
        compiled = self._compiler.compile_once(core)
        self._cursor.execute(compiled.sql, compiled.constants)
        return self._cursor.rowcount

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what the block did where it raises, so that the transaction may go on; may nest.

        For units of work that catch a `Failure`. Not for reads.
        """
        emitted = len(self.hints)
        self._cursor.execute("SAVEPOINT part", {})
        try:
            yield
        except BaseException:
            del self.hints[emitted:]
            self._cursor.execute("ROLLBACK TO part", {})
            self._cursor.execute("RELEASE part", {})
            raise
        self._cursor.execute("RELEASE part", {})

    def emit(self, topic: str) -> None:
        """Publish a hint on the bus once the transaction is on disk."""
        self.hints.append(topic)

    def _execute(self, statement: Statement, params: dict[str, Any]) -> None:
        compiled = self._compiler.compiled(statement)
        if compiled.constants:
            params = {**compiled.constants, **params}
        self._cursor.execute(compiled.sql, params)
