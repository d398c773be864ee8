"""The only door from async code to the database.

`read`, `lookup` and `write` run a synchronous `fn(tx, *args)`; how transactions, threads and
commits work stays behind them. `write` returns once the commit is on disk, and only then are the
hints of the transaction published. A caller that is cancelled does not cancel its write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar, TypeVarTuple, cast

from pillarbox.base.clock import Clock
from pillarbox.base.errors import Unavailable
from pillarbox.base.ids import IdSource
from pillarbox.storage.dialect.base import Dialect
from pillarbox.storage.group_commit import GroupCommitWriter
from pillarbox.storage.threads import ConnectionThreads, InlineReader, new_future
from pillarbox.storage.tx import Tx
from pillarbox.storage.units import Settler, Unit

Ts = TypeVarTuple("Ts")
R = TypeVar("R")


class Writer(Protocol):
    """Runs units of work that change rows."""

    def submit(self, unit: Unit) -> None: ...
    def close(self) -> None: ...


class Database:
    """A database and the threads that speak with it; made inside a running event loop."""

    def __init__(
        self,
        dialect: Dialect,
        *,
        clock: Clock,
        ids: IdSource,
        publish: Callable[[str], None],
        lock_path: Path | None,
        readers: int = 4,
        writers: int = 4,
    ) -> None:
        """`lock_path` is given for an embedded database: its writers take turns through it."""
        settler = Settler(asyncio.get_running_loop(), publish)
        self.dialect = dialect
        self.ids = ids
        self._readers = ConnectionThreads(dialect, settler, clock, ids, write=False, count=readers)
        self._writer: Writer
        if lock_path is not None:
            self._writer = GroupCommitWriter(dialect, lock_path, settler, clock, ids)
        else:
            self._writer = ConnectionThreads(
                dialect, settler, clock, ids, write=True, count=writers
            )
        self._closed = False
        self._inline = InlineReader(dialect, clock, ids) if dialect.lookup_inline else None

    async def read(self, fn: Callable[[Tx, *Ts], R], *args: *Ts) -> R:
        """Run `fn` in a read-only transaction that sees one state of the database."""
        return cast(R, await self._submit(self._readers, fn, args))

    async def lookup(self, fn: Callable[[Tx, *Ts], R], *args: *Ts) -> R:
        """Run a few short indexed reads, each of which sees the newest commit.

        On an embedded database they run at once on the event loop, which is quicker than a hop.
        """
        if self._inline is not None and not self._closed:
            return cast(R, self._inline.run(fn, args))
        return cast(R, await self._submit(self._readers, fn, args))

    async def write(self, fn: Callable[[Tx, *Ts], R], *args: *Ts) -> R:
        """Run `fn` in a transaction and return its result once that is on disk.

        `fn` may be run several times (deadlock, lost race) and must touch nothing but `tx`.
        Raises what `fn` raised, or `Unavailable` when the database failed.
        """
        return cast(R, await self._submit(self._writer, fn, args))

    async def close(self) -> None:
        """Finish what is under way and close every connection; what comes now is `Unavailable`."""
        self._closed = True
        await asyncio.to_thread(self._writer.close)
        await asyncio.to_thread(self._readers.close)
        if self._inline is not None:
            self._inline.close()

    async def _submit(self, runner: Writer, fn: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        if self._closed:
            raise Unavailable("The server is shutting down")
        unit = Unit(fn, args, new_future())
        runner.submit(unit)
        return await unit.future
