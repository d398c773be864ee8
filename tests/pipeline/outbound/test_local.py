"""Recipients of the queue whose mailbox is here."""

from pathlib import Path

import pytest

from kit.clock import FakeClock
from kit.outbound import DAY_MS, Post, open_post
from kit.smtp import House, open_house
from pillarbox.base.errors import (
    Busy,
    Failure,
    Invalid,
    NotFound,
    OverQuota,
    TooLarge,
    Unavailable,
)
from pillarbox.domain.owners.tables import accounts
from pillarbox.domain.queue import inspect
from pillarbox.domain.queue.model import Outgoing, OutgoingRecipient, Stage, Status
from pillarbox.formats.dsn.model import Action
from pillarbox.pipeline.outbound.local import reply_for
from pillarbox.pipeline.outbound.model import Journey, RouteKind
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

ALICE = "alice@example.test"
CONTENT = b"From: ann@elsewhere.test\r\nSubject: late\r\n\r\nAt last.\r\n"
FROM_ANN = Outgoing("ann@elsewhere.test", ())


@pytest.fixture
async def house(database: Database, tmp_path: Path, clock: FakeClock) -> House:
    return await open_house(database, tmp_path, clock)


@pytest.fixture
def post(house: House, tmp_path: Path, clock: FakeClock) -> Post:
    made = open_post(house.database, tmp_path, clock)
    made.store = house.store
    made.directory, made.delivery = house.submission.recipients, house.submission.delivery
    made.map.journeys["example.test"] = Journey(RouteKind.LOCAL, "local")
    return made


async def test_held_mail_comes_in_time_with_its_return_path(
    post: Post, house: House, clock: FakeClock
) -> None:
    outgoing = Outgoing(
        "ann@elsewhere.test",
        (OutgoingRecipient(ALICE),),
        hold_until_ms=clock.now_ms() + 60_000,
    )
    message = await post.enqueue(content=CONTENT, outgoing=outgoing)
    await post.work()
    assert await house.contents(ALICE) == []
    clock.advance(minutes=1)
    await post.work()
    assert await house.contents(ALICE) == [b"Return-Path: <ann@elsewhere.test>\r\n" + CONTENT]
    assert (await post.recipient(message)).status is Status.DELIVERED
    (line,) = await post.log(message)
    assert (line.stage, line.way.route, line.code) == (Stage.LOCAL, "local", None)
    assert await post.database.read(inspect.destinations) == []


async def test_success_is_told_where_it_was_asked_for(post: Post) -> None:
    recipient = OutgoingRecipient(ALICE, notify="SUCCESS")
    await post.enqueue(outgoing=Outgoing("ann@elsewhere.test", (recipient,)))
    await post.work()
    assert [(address, kind) for address, kind, _ in post.reports.told] == [
        (ALICE, Action.DELIVERED)
    ]
    assert post.reports.filed == 1


async def test_a_full_mailbox_is_tried_again(post: Post, house: House, clock: FakeClock) -> None:
    await post.database.write(_quota, 1)
    message = await post.enqueue(ALICE, outgoing=FROM_ANN)
    await post.work()
    deferred = await post.recipient(message)
    assert (deferred.state, deferred.last_reply) == ("deferred", "Mailbox full")
    await post.database.write(_quota, 0)
    clock.advance(minutes=6)
    await house.change(_quota, 0)
    await post.work()
    assert (await post.recipient(message)).status is Status.DELIVERED
    assert len(await house.contents(ALICE)) == 1


async def test_a_mailbox_that_stays_full_expires(post: Post, clock: FakeClock) -> None:
    await post.database.write(_quota, 1)
    message = await post.enqueue(ALICE, outgoing=FROM_ANN, age_ms=DAY_MS)
    await post.work()
    clock.advance(days=1)
    await post.work()
    assert (await post.recipient(message)).status is Status.EXPIRED
    assert "Mailbox full" in post.reports.told[-1][2]


async def test_nobody_there(post: Post) -> None:
    message = await post.enqueue("nobody@example.test", ALICE, outgoing=FROM_ANN)
    await post.work()
    assert (await post.recipient(message, "nobody@example.test")).status is Status.FAILED
    assert (await post.recipient(message, ALICE)).status is Status.DELIVERED


def _quota(tx: Tx, quota_bytes: int) -> None:
    tx.change(accounts.update().values(quota_bytes=quota_bytes))


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (OverQuota("full"), 452),
        (NotFound("nobody"), 550),
        (Invalid("bad"), 501),
        (TooLarge("many"), 550),
        (Unavailable("down"), 451),
        (Busy("later"), 451),
    ],
)
def test_replies(failure: Failure, code: int) -> None:
    assert reply_for(failure).code == code


async def test_an_alias_that_leads_elsewhere(post: Post, house: House) -> None:
    message = await post.enqueue("both@example.test", content=CONTENT, outgoing=FROM_ANN)
    await post.work()
    assert (await post.recipient(message)).status is Status.DELIVERED
    assert len(await house.contents("bob@example.test")) == 1
    assert [sent[2] for sent in post.hosts.sent] == [("ann@elsewhere.test",)]
