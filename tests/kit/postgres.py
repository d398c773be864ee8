"""A private PostgreSQL for the tests of one run, on a Unix socket in a temporary folder."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

_SETTINGS = "-c fsync=off -c listen_addresses= -c shared_buffers=16MB -c max_connections=60"


def binaries() -> Path | None:
    """Where `initdb` and `pg_ctl` are, in the newest version that is installed."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    if found:
        return found[-1].parent
    plain = shutil.which("initdb")
    return Path(plain).parent if plain else None


class PostgresServer:
    """A running server; `new_database` gives a database nobody has used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count()

    def new_database(self, like: str = "template1") -> str:
        """The DSN of a new database: empty, or a copy of one to which nobody is connected."""
        import psycopg

        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}" STRATEGY FILE_COPY')
        return self._dsn(name)

    def _dsn(self, database: str) -> str:
        return f"host={self._folder} user=postgres dbname={database}"


@contextmanager
def running() -> Iterator[PostgresServer]:
    """A server for as long as the block lasts."""
    where = binaries()
    if where is None:
        raise FileNotFoundError("initdb")
    folder = Path(tempfile.mkdtemp(prefix="pillarbox-pg-"))
    as_user: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    data = folder / "data"

    def run(*command: str) -> None:
        subprocess.run([*as_user, *command], check=True, capture_output=True, cwd=folder)

    try:
        # Texts sort as people sort them, as on most servers and unlike in SQLite.
        people = where.parent.name.isdigit() and int(where.parent.name) >= 15
        order = ["--locale-provider=icu", "--icu-locale=en-US"] if people else []
        run(str(where / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-N", *order)
        control = str(where / "pg_ctl")
        options = f"{_SETTINGS} -k {folder}"
        run(control, "-D", str(data), "-l", str(folder / "log"), "-o", options, "-w", "start")
        try:
            yield PostgresServer(folder)
        finally:
            run(control, "-D", str(data), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
