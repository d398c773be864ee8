"""Dropping tombstones: what may go, and what those who were away are told then."""

import pytest

from kit.clock import FakeClock
from kit.mail import MailAccount
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain import changes
from pillarbox.domain.mail import mailboxes, read, tombstones
from pillarbox.domain.mail.expunge import remove
from pillarbox.pipeline.jobs import forgetting
from pillarbox.pipeline.jobs.forgetting import Forgetting

DAY_MS = 86_400_000


async def test_old_ones_go(account: MailAccount, clock: FakeClock) -> None:
    await account.fill(6)
    box = await account.box()
    await account.do(remove, "INBOX", ((1, 2),))
    between = (await account.box()).modseq
    clock.advance(days=20)
    await account.do(remove, "INBOX", ((5, 5),))
    database = account.database
    await Forgetting(database, clock).run()
    assert await database.read(read.vanished_since, box.id, box.modseq) == [1, 2, 5]
    clock.advance(days=15)
    await Forgetting(database, clock).run()
    assert await database.read(read.vanished_since, box.id, box.modseq) is None
    assert await database.read(read.vanished_since, box.id, between) == [5]
    found = await database.read(read.changed, box.id, box.modseq)
    assert found.whole
    assert [row[0] for row in found.rows] == [3, 4, 6]
    assert not (await database.read(read.changed, box.id, between)).whole


async def test_surplus_goes_in_steps(account: MailAccount, clock: FakeClock) -> None:
    await account.fill(10)
    box = await account.box()
    for uid in range(1, 9):
        await account.do(remove, "INBOX", ((uid, uid),))
    before_ms = clock.now_ms() - DAY_MS

    async def step() -> tuple[MailboxId, bool] | None:
        return await account.database.write(tombstones.prune, MailboxId(0), before_ms, 3, 4)

    assert await step() == (box.id, True)
    assert await step() == (box.id, False)
    assert await account.database.read(read.expunged_since, box.id, 0, None) == [5, 6, 7, 8]
    assert await step() == (box.id, False)
    assert await account.database.write(tombstones.prune, box.id, before_ms, 3, 4) is None


async def test_many_mailboxes_in_steps(
    account: MailAccount, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "AT_ONCE", 2)
    monkeypatch.setattr(forgetting, "STEP", 2)
    names = ("INBOX", "Sent", "Trash", "Junk", "Drafts")
    boxes = {}
    for name in names:
        await account.fill(3, name)
        boxes[name] = await account.box(name)
        await account.do(remove, name, ((1, 3),))
    clock.advance(days=31)
    await Forgetting(account.database, clock).run()
    for name in names:
        since = boxes[name].modseq
        assert await account.database.read(read.vanished_since, boxes[name].id, since) is None
        assert await account.database.read(read.expunged_since, boxes[name].id, 0, None) == []


async def test_the_change_log_is_dropped_too(account: MailAccount, clock: FakeClock) -> None:
    database = account.database
    start = await database.read(changes.current_modseq, account.id)
    await database.write(mailboxes.create, account.id, "One")
    clock.advance(days=31)
    await database.write(mailboxes.create, account.id, "Two")
    assert len(await database.read(changes.since, account.id, start) or []) == 2
    await Forgetting(database, clock).run()
    assert await database.read(changes.since, account.id, start) is None
    assert len(await database.read(changes.since, account.id, start + 1) or []) == 1
    assert await database.write(changes.prune, AccountId(account.id), 0, 9) is None
