"""Emails without a thread get theirs, however many there are."""

from pathlib import Path

from sqlalchemy import delete, select, update

from kit.mail import MailAccount, content_store
from pillarbox.domain.mail.tables import emails, thread_ids
from pillarbox.pipeline.jobs import threading as threading_job
from pillarbox.pipeline.jobs.threading import Threading
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx


def _as_before(tx: Tx) -> None:
    tx.change(update(emails).values(thread_id=0))
    tx.change(delete(thread_ids))


def _threads(tx: Tx) -> list[int]:
    return [row[0] for row in tx.select(select(emails.c.thread_id).order_by(emails.c.id))]


async def test_all_get_one(database: Database, tmp_path: Path) -> None:
    account = await MailAccount.open(database, content_store(tmp_path / "blobs"))
    for number in range(2 * threading_job.STEP + 1):
        answers = f"In-Reply-To: <{number - 2}@x>\r\n" if number > 1 else ""
        await account.put(f"Message-ID: <{number}@x>\r\n{answers}\r\n".encode())
    before = await database.read(_threads)
    assert len(set(before)) == 2
    await database.write(_as_before)
    job = Threading(database, account.store.keys)
    await job.run()
    assert await database.read(_threads) == before
    await job.run()
    assert await database.read(_threads) == before
