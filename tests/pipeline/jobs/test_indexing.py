"""When mail is indexed: after a moment, a little of it later, what was forgotten now and then."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from kit.mail import MailAccount, content_store
from pillarbox.base.cache import ByteCache
from pillarbox.domain.changes import topic
from pillarbox.domain.mail.index import store as index
from pillarbox.pipeline.extraction import Extraction
from pillarbox.pipeline.jobs import indexing as jobs
from pillarbox.pipeline.jobs.indexing import Indexing
from pillarbox.storage import leases
from pillarbox.storage.db import Database


@pytest.fixture
async def account(database: Database, tmp_path: Path) -> MailAccount:
    return await MailAccount.open(database, content_store(tmp_path / "blobs"))


@pytest.fixture
async def indexing(account: MailAccount) -> AsyncIterator[Indexing]:
    extraction = Extraction()
    made = Indexing(account.database, account.store, ByteCache(1 << 20), extraction, "one")
    yield made
    await made.close()
    await extraction.close()


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the jobs see, in seconds; a test moves it."""
    now_s = [1000.0]

    class Time:
        @staticmethod
        def monotonic() -> float:
            return now_s[0]

    monkeypatch.setattr(jobs, "time", Time)
    return now_s


async def indexed(account: MailAccount) -> int:
    segments = await account.database.read(index.segments, account.id)
    return sum(one.emails for one in segments)


async def test_after_a_moment(
    account: MailAccount, indexing: Indexing, moment: list[float]
) -> None:
    await account.fill(jobs.FEW)
    indexing.note(topic(account.id))
    indexing.note("directory")
    await indexing.run_noted()
    assert await indexed(account) == 0  # more may be coming
    moment[0] += jobs.QUIET_S
    await indexing.run_noted()
    assert await indexed(account) == jobs.FEW


async def test_mail_that_does_not_stop(
    account: MailAccount, indexing: Indexing, moment: list[float]
) -> None:
    await account.fill(jobs.FEW)
    for _ in range(int(jobs.NOTED_AT_MOST_S) + 1):
        indexing.note(topic(account.id))
        await indexing.run_noted()
        moment[0] += 1
    await indexing.run_noted()
    assert await indexed(account) == jobs.FEW


async def test_a_little_waits(
    account: MailAccount, indexing: Indexing, moment: list[float]
) -> None:
    await account.fill(3)
    indexing.note(topic(account.id))
    moment[0] += jobs.NOTED_AT_MOST_S * 2
    await indexing.run_noted()
    await indexing.run_noted()
    assert await indexed(account) == 0
    moment[0] += jobs.FEW_WAIT_S
    await indexing.run_noted()
    assert await indexed(account) == 3


async def test_what_nobody_noted(account: MailAccount, indexing: Indexing) -> None:
    await account.fill(3)
    await indexing.look()
    await indexing.run_noted()
    assert await indexed(account) == 3
    assert await account.database.read(leases.busy_until) == {}  # none is left over


async def test_an_account_that_went(account: MailAccount, indexing: Indexing) -> None:
    await account.fill(3)
    await indexing.index(account.id)
    await account.fill(3)
    await account.database.write(lambda tx: tx.change(text("DELETE FROM accounts")))
    assert await indexing.index(account.id)
    await indexing.upkeep()
    assert await indexed(account) == 0
