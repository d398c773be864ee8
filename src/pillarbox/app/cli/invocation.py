"""What a command has at hand: where settings and data lie, and the database for one action."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

import click

from pillarbox.app.config.load import Configuration, Location, load, locate

if TYPE_CHECKING:
    from pillarbox.app.config.options import Options
    from pillarbox.cluster.bus import Bus
    from pillarbox.storage.db import Database
    from pillarbox.storage.tx import Tx

Ts = TypeVarTuple("Ts")
R = TypeVar("R")


class Invocation:
    """One call of the command line."""

    def __init__(self, config: Path | None, data: Path | None) -> None:
        self._config = config
        self._data = data

    @property
    def location(self) -> Location:
        """Where the settings and the data lie."""
        return locate(self._config, self._data)

    def configuration(self, *, write: bool = True) -> Configuration:
        """The settings; with `write` the file is made or completed, which is told."""
        location = self.location
        _become_owner(location.data)
        configuration = load(location, write=write)
        for note in configuration.notes:
            click.echo(note, err=True)
        return configuration

    def read(self, function: "Callable[[Tx, *Ts], R]", *args: *Ts) -> R:
        """Run a domain function that only looks."""
        with _warnings_alone():
            return asyncio.run(self._call(False, function, args))

    def write(self, function: "Callable[[Tx, *Ts], R]", *args: *Ts) -> R:
        """Run a domain function in a transaction; a running server is told of the change."""
        with _warnings_alone():
            return asyncio.run(self._call(True, function, args))

    def work(self, function: "Callable[[Options, Database, Bus], Awaitable[R]]") -> R:
        """Run what needs more than one transaction; a running server is told of changes."""
        with _warnings_alone():
            return asyncio.run(self._work(function))

    async def _work(self, function: "Callable[[Options, Database, Bus], Awaitable[R]]") -> R:
        from pillarbox.app.database import open_database

        configuration = self.configuration()
        bus = _join_bus(configuration.location.bus_folder)
        options = configuration.options
        database = open_database(options, publish=bus.publish, readers=1, writers=1)
        try:
            return await function(options, database, bus)
        finally:
            await database.close()
            bus.close()

    async def _call(self, change: bool, function: "Callable[[Tx, *Ts], R]", args: tuple[*Ts]) -> R:
        from pillarbox.app.database import open_database

        configuration = self.configuration()
        bus = _join_bus(configuration.location.bus_folder if change else None)
        database = open_database(configuration.options, publish=bus.publish, readers=1, writers=1)
        try:
            call = database.write if change else database.read
            return await call(function, *args)
        finally:
            await database.close()
            bus.close()


@contextmanager
def _warnings_alone() -> Iterator[None]:
    """Of what is logged show warnings alone, beside what the command prints."""
    import structlog

    from pillarbox.base.log import LogOptions, configure, open_target

    before = structlog.get_config() if structlog.is_configured() else None
    options = LogOptions("warning")
    configure(options, open_target(options))
    try:
        yield
    finally:
        if before is None:
            structlog.reset_defaults()
        else:
            structlog.configure(**before)


def _join_bus(folder: Path | None) -> "Bus":
    """The way to tell a running server; where none has ever run, nobody is told."""
    if folder is None or not folder.is_dir():
        from pillarbox.cluster.bus import LocalBus

        return LocalBus()
    from pillarbox.cluster.unix import UnixBus

    return UnixBus(folder)


def _become_owner(folder: Path) -> None:
    """Called as root, act as the owner of the data, so that the server can use what is made."""
    if os.geteuid() != 0 or not folder.exists():
        return
    owner = folder.stat()
    if owner.st_uid == 0:
        return
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    if not all(os.access(place, os.R_OK, effective_ids=True) for place in (os.__file__, __file__)):
        # The owner can't read this Python, which still has modules to import.
        os.seteuid(0)
        os.setegid(0)
