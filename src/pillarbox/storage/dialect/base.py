"""What the database layer needs to know of one kind of database."""

from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy.engine import Dialect as CoreDialect
from sqlalchemy.sql.expression import ClauseElement

from pillarbox.base.errors import Failure
from pillarbox.storage.statement import Compiled, Statement
from pillarbox.storage.tx import Cursor


class Connection(Protocol):
    """What is used of a DB-API connection."""

    def cursor(self) -> Cursor: ...
    def close(self) -> None: ...


class Compiler:
    """Compiles statements for one SQLAlchemy dialect and keeps the text."""

    def __init__(self, name: str, core: CoreDialect) -> None:
        self.name = name
        self._core = core
        self._texts: dict[Statement, Compiled] = {}

    def compiled(self, statement: Statement) -> Compiled:
        """The text of a statement; compiled the first time it is asked for."""
        found = self._texts.get(statement)
        if found is None:
            found = self._compile(statement.core)
            self._texts[statement] = found
        return found

    def compile_once(self, core: ClauseElement) -> Compiled:
        """The text of a statement that will not be used again."""
        return self._compile(core)

    def _compile(self, core: ClauseElement) -> Compiled:
        compiled: Any = core.compile(
            dialect=self._core, compile_kwargs={"render_postcompile": True}
        )
        constants = {
            name: bind.effective_value
            for bind, name in compiled.bind_names.items()
            if not bind.required and name in compiled.params
        }
        if compiled.literal_execute_params or compiled.post_compile_params:
            constants |= {
                name: value
                for name, value in compiled.params.items()
                if name not in {b.key for b in compiled.bind_names if b.required}
            }
        return Compiled(str(compiled), constants)


class Dialect(Protocol):
    """One kind of database: how to connect, begin, and read its errors."""

    compiler: Compiler
    lookup_inline: bool
    """Whether a short indexed read is quicker than a hop to another thread."""
    begin_read: str
    begin_write: str

    def connect(self, *, write: bool) -> Connection:
        """A new connection in autocommit mode; transactions are begun by statement."""
        ...

    def tidy(self, connection: Connection, alone: AbstractContextManager[object]) -> None:
        """Called by the writer between batches: upkeep that should not be part of a commit.

        While `alone` is entered, no process writes.
        """
        ...

    def retryable(self, error: Exception) -> bool:
        """Whether the same unit of work may succeed when it is run again at once."""
        ...

    def broken(self, error: Exception) -> bool:
        """Whether the connection the error came from is of no more use."""
        ...

    def failure(self, error: Exception) -> Failure | None:
        """The failure to tell callers of; `None` where the error is a defect of ours."""
        ...
