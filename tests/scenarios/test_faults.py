"""A full disk and a database that can't be written: temporary failures, and nothing is lost."""

import asyncio
import os
import resource
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from kit.app import PASSWORD, AppUnderTest
from kit.live import LiveServer, live_server
from kit.wire import ImapWire, SmtpWire
from pillarbox.storage.dialect.sqlite import SqliteDialect

SENDER, ALICE = "someone@outside.test", "alice@example.test"
DISK_BYTES = 24 << 20
LEFT_BYTES = 200_000
SMALL = b"Subject: small\r\n\r\nx\r\n"


def content(size_bytes: int) -> bytes:
    """A message that can't be compressed to less than half."""
    lines = b"\r\n".join(os.urandom(38).hex().encode() for _ in range(size_bytes // 78))
    return b"Subject: new\r\n\r\n" + lines + b"\r\n"


class Client:
    """Sends and appends, and keeps what was acknowledged."""

    def __init__(self, smtp: int, imap: int) -> None:
        self._smtp = smtp
        self._imap = imap
        self.kept: list[bytes] = []

    def at(self, smtp: int, imap: int) -> "Client":
        """The same client, of a server that has other ports now."""
        other = Client(smtp, imap)
        other.kept = self.kept
        return other

    async def send(self, message: bytes) -> int:
        """The code of the reply to a message."""
        smtp = await SmtpWire.open(self._smtp)
        async with smtp.wire:
            code, _ = await smtp.bdat(SENDER, (ALICE,), [message])
        if code == 250:
            self.kept.append(message)
        return code

    async def append(self, message: bytes) -> bytes:
        """The first word of the answer to APPEND."""
        imap = await ImapWire.open(self._imap, ALICE, PASSWORD)
        async with imap.wire:
            answer = await imap.append("INBOX", message)
        if answer.startswith(b"OK"):
            self.kept.append(message)
        return answer.split()[0]

    async def check(self) -> None:
        """What was acknowledged is there once, and nothing else."""
        imap = await ImapWire.open(self._imap, ALICE, PASSWORD, select="INBOX")
        async with imap.wire:
            found = list((await imap.bodies()).values())
        assert len(found) == len(self.kept)
        for stored, sent in zip(found, self.kept, strict=True):
            assert stored.endswith(sent)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of a few MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("needs root for a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """A file that leaves next to no room."""
    path = folder / "filler"
    free = os.statvfs(folder)
    with path.open("wb") as file:
        file.write(bytes(max(0, free.f_bavail * free.f_bsize - LEFT_BYTES)))
    return path


async def test_full_disk(small_disk: Path) -> None:
    async with AppUnderTest(small_disk / "data") as server:
        await server.add_users("alice")
        client = Client(server.ports["smtp"], server.ports["imap"])
        assert await client.send(SMALL) == 250
        assert await client.send(content(1_500_000)) == 250
        filler = await asyncio.to_thread(fill, small_disk)
        for size in (400_000, 3_000_000):
            assert await client.send(content(size)) in (451, 452)
            assert await client.append(content(size)) == b"NO"
        for _ in range(40):
            code = await client.send(content(9_000))
            assert code in (250, 451, 452)
        assert code != 250  # full to the last block
        await client.check()  # what is there can be read all the same
        filler.unlink()
        for size in (100, 400_000, 3_000_000):
            assert await client.send(content(size)) == 250
            assert await client.append(content(size)) == b"OK"
        await client.check()
    async with AppUnderTest(small_disk / "data") as server:
        await client.at(server.ports["smtp"], server.ports["imap"]).check()


async def test_files_that_cannot_grow(tmp_path: Path) -> None:
    with live_server(tmp_path, {"TLS_MODE": "off"}) as server:
        client = Client(server.port("SMTP"), server.port("IMAP"))
        assert await client.send(SMALL) == 250
        assert await client.append(SMALL) == b"OK"
        _limit_files(server, 4096)
        assert await client.send(SMALL) in (451, 452)
        assert await client.append(content(50_000)) == b"NO"
        assert await client.send(content(2_000_000)) in (451, 452)
        await client.check()
        _limit_files(server, resource.RLIM_INFINITY)
        for size in (100, 2_000_000):
            assert await client.send(content(size)) == 250
            assert await client.append(content(size)) == b"OK"
        await client.check()
        server.stop()
        server.start()
        await client.at(server.port("SMTP"), server.port("IMAP")).check()


def _limit_files(server: LiveServer, size_bytes: int) -> None:
    for pid in server.workers():
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size_bytes, hard))


Switch = Callable[[bool], None]


@pytest.fixture
def sqlite_switch(monkeypatch: pytest.MonkeyPatch) -> Switch:
    """Makes the connections of an embedded database read-only, or not."""
    connect, opened = SqliteDialect.connect, []

    def remembered(self: SqliteDialect, *, write: bool) -> Any:
        connection: Any = connect(self, write=write)
        if write:
            opened.append(connection)
        return connection

    def switch(read_only: bool) -> None:
        for connection in opened:
            with suppress(Exception):  # closed by now
                connection.execute(f"PRAGMA query_only={int(read_only)}")

    monkeypatch.setattr(SqliteDialect, "connect", remembered)
    return switch


def postgres_switch(dsn: str) -> Switch:
    """Makes a database of PostgreSQL read-only, or not, for connections that are made from now."""
    import psycopg

    def switch(read_only: bool) -> None:
        name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
        with psycopg.connect(dsn, dbname="postgres", autocommit=True) as connection:
            value = "on" if read_only else "off"
            connection.execute(
                f'ALTER DATABASE "{name}" SET default_transaction_read_only = {value}'  # type: ignore[arg-type]
            )
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )

    return switch


@pytest.fixture
async def client(
    tmp_path: Path, database_settings: dict[str, str], sqlite_switch: Switch
) -> AsyncIterator[tuple[Client, Switch]]:
    """A client of a server whose database can be made read-only."""
    async with AppUnderTest(tmp_path / "data", database_settings) as server:
        await server.add_users("alice")
        switch = sqlite_switch
        if database_settings:
            switch = postgres_switch(database_settings["DB_DSN"])
        yield Client(server.ports["smtp"], server.ports["imap"]), switch


async def test_read_only_database(client: tuple[Client, Switch]) -> None:
    mail, switch = client
    assert await mail.send(SMALL) == 250
    await asyncio.to_thread(switch, True)
    for size in (100, 2_000_000):
        assert await mail.send(content(size)) in (451, 452)
        assert await mail.append(content(size)) == b"NO"
    await mail.check()
    await asyncio.to_thread(switch, False)
    for size in (100, 2_000_000):
        assert await mail.send(content(size)) == 250
        assert await mail.append(content(size)) == b"OK"
    await mail.check()


async def test_database_that_is_gone_for_a_while(
    tmp_path: Path, new_postgres_dsn: Callable[[], str]
) -> None:
    import psycopg

    dsn = new_postgres_dsn()
    async with AppUnderTest(
        tmp_path / "data", {"DB_DRIVER": "postgresql", "DB_DSN": dsn}
    ) as server:
        await server.add_users("alice")
        mail = Client(server.ports["smtp"], server.ports["imap"])
        assert await mail.send(SMALL) == 250
        name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]

        def allow(yes: bool) -> None:
            with psycopg.connect(dsn, dbname="postgres", autocommit=True) as connection:
                connection.execute(
                    f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {str(yes).lower()}'  # type: ignore[arg-type]
                )
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                    [name],
                )

        await asyncio.to_thread(allow, False)
        smtp = await SmtpWire.open(server.ports["smtp"])
        async with smtp.wire:
            await smtp.say(f"MAIL FROM:<{SENDER}>", 250)
            await smtp.wire.send(f"RCPT TO:<{ALICE}>\r\n".encode())
            assert (await smtp.reply())[0] in (250, 451)
        await asyncio.to_thread(allow, True)
        assert await mail.send(content(100)) == 250
        assert await mail.append(content(100)) == b"OK"
        await mail.check()
