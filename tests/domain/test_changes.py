"""The change log: one sequence for each account, hints after the commit."""

import asyncio
from pathlib import Path

import pytest

from kit.mail import MailAccount, content_store
from pillarbox.base.errors import NotFound
from pillarbox.base.ids import AccountId
from pillarbox.domain import changes
from pillarbox.domain.changes import Kind
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx


@pytest.fixture
async def account(database: Database, tmp_path: Path) -> AccountId:
    return (await MailAccount.open(database, content_store(tmp_path / "blobs"))).id


def take(tx: Tx, account: AccountId, container: int) -> int:
    modseq = changes.next_modseq(tx, account)
    changes.note(tx, account, modseq, Kind.MAILBOX, container)
    return modseq


async def test_sequence_has_no_holes(database: Database, account: AccountId) -> None:
    start = await database.read(changes.current_modseq, account)
    taken = await asyncio.gather(*(database.write(take, account, n) for n in range(20)))
    assert sorted(taken) == list(range(start + 1, start + 21))
    assert await database.read(changes.current_modseq, account) == start + 20
    found = await database.read(changes.since, account, start)
    assert [row[0] for row in found] == sorted(taken)
    assert {(modseq, n) for modseq, _, n in found} == {(m, n) for n, m in enumerate(taken)}


async def test_since_gives_what_came_after(database: Database, account: AccountId) -> None:
    start = await database.read(changes.current_modseq, account)

    def two_at_once(tx: Tx) -> int:
        modseq = changes.next_modseq(tx, account)
        changes.note(tx, account, modseq, Kind.MAILBOX, 5)
        changes.note(tx, account, modseq, Kind.MAILBOX, 6)
        return modseq

    modseq = await database.write(two_at_once)
    later = await database.write(take, account, 6)
    assert sorted(await database.read(changes.since, account, start)) == [
        (modseq, Kind.MAILBOX, 5),
        (modseq, Kind.MAILBOX, 6),
        (later, Kind.MAILBOX, 6),
    ]
    assert await database.read(changes.since, account, modseq) == [(later, Kind.MAILBOX, 6)]
    assert await database.read(changes.since, account, later) == []


async def test_hints(database: Database, account: AccountId, published: list[str]) -> None:
    published.clear()
    await database.write(take, account, 1)
    assert published == [changes.topic(account)]

    def fail(tx: Tx) -> None:
        take(tx, account, 2)
        raise NotFound("no")

    before = await database.read(changes.current_modseq, account)
    with pytest.raises(NotFound):
        await database.write(fail)
    assert len(published) == 1
    assert await database.read(changes.current_modseq, account) == before


async def test_unknown_account(database: Database) -> None:
    assert await database.read(changes.current_modseq, AccountId(4)) == 0
    assert await database.read(changes.since, AccountId(4), 0) == []
    with pytest.raises(NotFound):
        await database.write(changes.next_modseq, AccountId(4))
