"""A disk that is full or read-only: the client is put off, nothing is lost or doubled."""

import os
from pathlib import Path

import pytest

from kit.clock import FakeClock
from kit.connection import FakeConnection
from kit.database import new_dialect, open_database
from kit.smtp import House, Talk, open_house
from pillarbox.protocols.smtp.policy import Role
from pillarbox.storage.db import Database
from pillarbox.storage.dialect.base import Connection
from pillarbox.storage.dialect.sqlite import SqliteDialect

HEAD = b"MAIL FROM:<a@b.test>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n"


class FaultyDisk(SqliteDialect):
    """A database whose next writing connections run a pragma that makes writes fail."""

    pragma = ""

    def connect(self, *, write: bool) -> Connection:
        connection = super().connect(write=write)
        if write and self.pragma:
            connection.cursor().execute(self.pragma, {})
        return connection


async def house_on(path: Path, pragma: str, clock: FakeClock) -> tuple[Database, House]:
    """A house whose database was filled while all was well."""
    good = open_database(new_dialect("sqlite", path, str), path, clock, lambda topic: None)
    house = await open_house(good, path, clock)
    users = house.users
    await good.close()
    faulty = FaultyDisk(path / "mail.db", checkpoint=True)
    faulty.pragma = pragma
    database = open_database(faulty, path, clock, lambda topic: None)
    house.database = database
    house.users = users
    object.__setattr__(house.inbound.recipients, "_database", database)
    object.__setattr__(house.inbound.delivery, "_database", database)
    return database, house


@pytest.mark.parametrize("pragma", ["PRAGMA max_page_count=1", "PRAGMA query_only=ON"])
async def test_a_message_that_can_not_be_written_is_put_off(
    tmp_path: Path, clock: FakeClock, pragma: str
) -> None:
    database, house = await house_on(tmp_path, pragma, clock)
    talk = Talk(FakeConnection(), Role.MX, house.services())
    await talk.hear()
    await talk.say(b"EHLO c.test\r\n")
    for _ in range(2):
        assert b"354" in await talk.say(HEAD)
        answer = await talk.say(
            b"Subject: x\r\n\r\n" + os.urandom(20_000).hex().encode() + b"\r\n.\r\n"
        )
        assert answer.startswith(b"451 4.3.0")
    assert await house.contents("alice@example.test") == []
    await talk.hang_up()
    await database.close()
