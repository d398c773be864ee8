"""Working off what users sorted: each message once, whatever happens on the way."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete

from kit.checks import arrival, data
from kit.mail import EVERYTHING, MailAccount, content_store
from pillarbox.base.errors import Unavailable
from pillarbox.base.ids import AccountId
from pillarbox.cluster.bus import LocalBus
from pillarbox.domain.accounts.model import LocalTarget
from pillarbox.domain.judgement.model import Finding
from pillarbox.domain.mail import copy, expunge
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.tables import emails
from pillarbox.domain.spam import results, store, training
from pillarbox.domain.spam.model import LEARNT_LEAST, SERVER, Category, Results, Scope, Task
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.bayes import BayesCheck
from pillarbox.pipeline.inbound.checks.content import Content
from pillarbox.pipeline.learning.training import LEASE, Training, learn_contents
from pillarbox.storage import leases
from pillarbox.storage.tx import Tx

WORDS = " ".join(f"word{number} thing{number}" for number in range(40))


def letter(kind: str, number: int = 0) -> bytes:
    return data(f"""
        From: {kind}@sender.test
        To: bob@example.test
        Subject: {kind} offer {number}

        This {kind} letter has {WORDS.replace("word", kind)} and number{number} too.
        """)


async def scopes(mail: MailAccount) -> dict[int, Scope]:
    return await mail.database.read(store.scopes, mail.store.keys, [mail.id])


async def move(mail: MailAccount, source: str, target: str) -> None:
    await mail.do(copy.move, source, EVERYTHING, (await mail.box(target)).id)


def coming(mail: MailAccount, content: bytes, *others: int) -> Arrival:
    found = arrival(content)
    (recipient,) = found.recipients
    accounts = (mail.id, *(AccountId(other) for other in others))
    local = tuple(LocalTarget(one, "bob@example.test", None) for one in accounts)
    found.recipients = [replace(recipient, local=local)]
    return found


async def judged(mail: MailAccount, content: bytes, *others: int) -> dict[str, Finding]:
    check = BayesCheck(mail.database, mail.store.keys)
    return {one.name: one for one in await check.run(coming(mail, content, *others))}


async def test_a_correction_has_its_effect_at_once(
    account: MailAccount, training: Training
) -> None:
    assert await judged(account, letter("spam", 2)) == {}
    await account.put(letter("spam"))
    await move(account, "INBOX", "Junk")
    assert await training.run_once() == 1
    found = await judged(account, letter("spam", 2))
    assert found["like_learnt_spam"].points == 5.0
    assert found["like_learnt_spam"].account_id == account.id
    assert await judged(account, letter("tea", 2)) == {}
    await move(account, "Junk", "INBOX")
    assert await training.run_once() == 1
    assert set(await judged(account, letter("spam", 2))) == {"like_learnt_ham"}
    assert await account.database.read(results.of, account.id) == Results()
    found_scopes = await scopes(account)
    assert (found_scopes[account.id].spam, found_scopes[account.id].ham) == (0, 1)


def from_a_webmailer(name: str, body: str) -> bytes:
    """As a large provider sends it, with much that all its mail has."""
    return data(f"""
        Received: from mail-ed1-f42.big.test (mail-ed1-f42.big.test [209.85.208.42])
        \tby mx.example.test with ESMTPS id 1; Thu, 01 Jan 2026 12:00:00 +0000
        X-Big-Dkim-Signature: v=1; a=rsa-sha256
        X-Big-State: AOJu0Y
        X-Big-Source: AGHT+I
        X-Seen: by 2002:a05:6402:34d1:b0:57c
        MIME-Version: 1.0
        From: {name} <{name.lower()}@big.test>
        Date: Thu, 1 Jan 2026 12:00:00 +0100
        Message-ID: <CAF{name}@mail.big.test>
        Subject: Hello
        To: bob@example.test
        Content-Type: multipart/alternative; boundary="0000000000001"

        --0000000000001
        Content-Type: text/plain; charset="UTF-8"

        {body}

        --0000000000001
        Content-Type: text/html; charset="UTF-8"
        Content-Transfer-Encoding: quoted-printable

        <div dir=3D"ltr">{body}</div>

        --0000000000001--
        """)


async def test_mail_of_one_provider_is_not_alike_for_being_sent_by_it(
    account: MailAccount, training: Training
) -> None:
    offer = "We can get your site to the first page of every search engine for little money"
    await account.put(from_a_webmailer("Eve", offer))
    await move(account, "INBOX", "Junk")
    assert await training.run_once() == 1
    for said in ("ok", "Yes!", "Hi Bob, are you free on Friday? Thanks, Ann"):
        assert await judged(account, from_a_webmailer("Ann", said)) == {}
    assert set(await judged(account, from_a_webmailer("Eva", offer))) == {"like_learnt_spam"}


async def test_the_account_judges_by_itself_and_others_by_the_server(
    account: MailAccount, training: Training
) -> None:
    for number in range(LEARNT_LEAST):
        await account.put(letter("spam", number), "Junk")
        await account.put(letter("tea", number), "Drafts")
    await move(account, "Drafts", "Junk")
    await move(account, "Junk", "INBOX")
    for number in range(LEARNT_LEAST):
        await account.put(letter("spam", 100 + number), "Junk")
    await training.run_once()
    known = await scopes(account)
    assert known[account.id].judges
    other = await MailAccount.open(account.database, account.store)
    found = await BayesCheck(account.database, account.store.keys).run(
        coming(account, letter("tea", 999), other.id)
    )
    assert {one.account_id for one in found} == {account.id, other.id}
    alone = await judged(other, letter("tea", 999))
    assert {one.account_id for one in alone.values()} == {None}


async def test_points_grow_with_what_was_learnt(account: MailAccount) -> None:
    database, keys = account.database, account.store.keys
    points = []
    for first, many in ((0, 10), (10, 50)):
        for kind, category in (("spam", Category.SPAM), ("tea", Category.HAM)):
            some = [letter(kind, number) for number in range(first, first + many)]
            for start in range(0, many, 10):
                await learn_contents(database, keys, some[start : start + 10], category)
        found = await judged(account, letter("spam", 999))
        (one,) = found.values()
        assert one.name == "bayes_999"
        points.append(one.points)
    assert points == [0.9, 4.5]
    assert (await judged(account, letter("tea", 999)))["bayes_00"].points == -3.0
    # Learnt for the account itself too, its word is enough for Junk.
    for kind, category in (("spam", Category.SPAM), ("tea", Category.HAM)):
        for number in range(60):
            some = [letter(kind, 1000 + number)]
            await learn_contents(database, keys, some, category, account.id)
    found = await judged(account, letter("spam", 999))
    assert found["bayes_999"].points == 5.0


async def test_double_training_changes_nothing(account: MailAccount, training: Training) -> None:
    await account.put(letter("spam"))
    await move(account, "INBOX", "Junk")
    await move(account, "Junk", "Trash")
    await move(account, "Trash", "Junk")
    assert await training.run_once() == 1
    await move(account, "Junk", "Trash")
    await move(account, "Trash", "Junk")
    assert await training.run_once() == 0
    assert (await scopes(account))[account.id].spam == 1


async def test_only_one_process_works_and_the_others_task_is_not_forgotten(
    account: MailAccount, training: Training
) -> None:
    database = account.database
    await account.put(letter("spam"), "Junk")
    assert await database.write(leases.take, LEASE, "another", 60_000)
    assert await training.run_once() == 0
    await database.write(leases.remove, LEASE, "another")
    assert await training.run_once() == 1
    # What comes while the lease is given back is seen to.
    assert await database.lookup(leases.busy_until) == {}


async def test_a_hint_wakes_it(
    account: MailAccount, training: Training, bus: LocalBus, published: list[str]
) -> None:
    running = asyncio.create_task(training.run())
    learnt = asyncio.Event()
    try:
        await account.put(letter("spam"), "Junk")
        assert "training" in published
        bus.publish("training")
        async with asyncio.timeout(20):
            while await account.database.read(_waiting):
                await asyncio.sleep(0.01)
                bus.publish("training")
        learnt.set()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert learnt.is_set()


def _waiting(tx: Tx) -> int:
    return training.count_waiting(tx)


async def test_what_was_not_committed_is_done_again(account: MailAccount) -> None:
    """A process that dies after it opened the messages has changed nothing."""
    database = account.database
    await account.put(letter("spam"), "Junk")

    class Dying(Exception):
        pass

    def dying(tx: Tx, *_: object) -> None:
        lesson = training.Lesson(account.id, 1, Category.SPAM, [1, 2], [3, 4])
        training.learn(tx, account.store.keys, [lesson])
        raise Dying

    with pytest.raises(Dying):
        await database.write(dying)
    assert await scopes(account) == {}
    again = Training(database, account.store, LocalBus(), "the next process")
    assert await again.run_once() == 1
    assert (await scopes(account))[SERVER].spam == 1


async def test_what_is_gone_or_not_wanted_vanishes(
    account: MailAccount, store: ContentStore, tmp_path: Path
) -> None:
    database = account.database
    await account.put(letter("spam"), "Junk")

    def lose(tx: Tx) -> None:
        tx.change(delete(emails))

    await database.write(lose)
    worker = Training(database, store, LocalBus(), "a")
    assert await worker.run_once() == 0
    assert await database.read(_waiting) == 0
    await account.put(letter("spam"), "Junk")
    unwilling = Training(database, store, LocalBus(), "b", wanted=lambda tx, account_id: False)
    assert await unwilling.run_once() == 0
    assert await database.read(_waiting) == 0
    # Content that can't be opened keeps nobody else waiting.
    await account.put(letter("spam", 1), "Junk")
    strange = Training(database, content_store(tmp_path / "other"), LocalBus(), "c")
    assert await strange.run_once() in (0, 1)
    assert await database.read(_waiting) == 0


async def test_an_expunged_email_is_still_learnt(account: MailAccount, training: Training) -> None:
    await account.put(letter("spam"), "Junk")
    await account.do(expunge.remove, "Junk", EVERYTHING)
    assert await training.run_once() == 1


async def test_other_filters_and_reputations_are_told(
    account: MailAccount, store: ContentStore
) -> None:
    taught: list[tuple[bool, bytes]] = []
    told: list[tuple[Category, Category]] = []

    class Filter:
        async def learn(self, content: bytes, spam: bool) -> None:
            taught.append((spam, content))

    class Away:
        async def learn(self, content: bytes, spam: bool) -> None:
            raise Unavailable("away")

    def tell(task: Task, content: Content, before: Category) -> None:
        told.append((task.category, before))

    worker = Training(
        account.database,
        store,
        LocalBus(),
        "a",
        told=tell,
        learners=(Away(), Filter()),
    )
    await account.put(letter("spam"), "Junk")
    await worker.run_once()
    await move(account, "Junk", "INBOX")
    await worker.run_once()
    assert [spam for spam, _ in taught] == [True, False]
    assert taught[0][1] == letter("spam")
    assert told == [(Category.SPAM, Category.FORGOTTEN), (Category.HAM, Category.SPAM)]


async def test_many_messages_at_once(account: MailAccount, training: Training) -> None:
    for number in range(30):
        await account.put(letter("spam", number))
    await move(account, "INBOX", "Junk")
    assert await training.run_once() == 30
    assert (await scopes(account))[account.id].spam == 30
    assert await account.database.read(results.of, account.id) == Results(missed=30)
    await training.upkeep()
