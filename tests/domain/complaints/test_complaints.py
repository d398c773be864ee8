"""Complaints stop mail to who complains, if they are about mail that was sent from here."""

from dataclasses import replace

import pytest

from kit.clock import FakeClock
from kit.queue import put_without_blob, settlement, take_all
from pillarbox.base.ids import AccountId, DomainId, QueueId
from pillarbox.domain.accounts import domains
from pillarbox.domain.complaints import complaints
from pillarbox.domain.complaints.complaints import Complaint
from pillarbox.domain.queue import suppression
from pillarbox.domain.queue.model import Outcome, Outgoing
from pillarbox.domain.queue.settle import settle
from pillarbox.formats.arf import Feedback, Original
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: bytes(32)})
SENDER, ANN, BOB = "news@here.test", "ann@there.test", "bob@else.test"
ABUSE = Feedback(
    "abuse",
    "Some/1.0",
    1,
    original_mail_from=SENDER,
    original_rcpt_to=(ANN,),
    reporting_mta="mx.there.test",
    source_ip="192.0.2.1",
    original=Original("m1@here.test", "News"),
)


class Desk:
    """What was sent, and who complains of it."""

    def __init__(self, database: Database, ours: DomainId) -> None:
        self.database = database
        self.ours = ours

    async def sent(
        self,
        *addresses: str,
        account: int | None = 7,
        outcome: Outcome = Outcome.DELIVERED,
        sender: str = SENDER,
    ) -> QueueId:
        return await self.database.write(_sent, addresses, account, outcome, sender)

    async def take(self, feedback: Feedback = ABUSE, *vouched: str) -> bool:
        return await self.database.write(_take, feedback, vouched)

    async def suppressed(self) -> dict[str, str]:
        addresses = (ANN, BOB)
        return await self.database.read(suppression.suppressed, self.ours, addresses)

    async def all(self) -> list[Complaint]:
        return await self.database.read(complaints.list_of)


def _sent(
    tx: Tx, addresses: tuple[str, ...], account: int | None, outcome: Outcome, sender: str
) -> QueueId:
    owner = None if account is None else AccountId(account)
    outgoing = Outgoing(sender, (), account_id=owner, envid="pb.1", message_id="<m1@here.test>")
    found = put_without_blob(tx, *addresses, outgoing=outgoing)
    for message in take_all(tx):
        settle(tx, settlement(message, outcome, tx.now_ms + 1000))
    return found


def _take(tx: Tx, feedback: Feedback, vouched: tuple[str, ...]) -> bool:
    return complaints.file(tx, feedback, complaints.match(tx, KEYS, feedback, vouched))


@pytest.fixture
async def desk(database: Database) -> Desk:
    return Desk(database, (await database.write(domains.create, "here.test")).id)


async def test_one_that_is_ours(desk: Desk) -> None:
    sent = await desk.sent(ANN)
    assert await desk.take()
    assert await desk.suppressed() == {ANN: "complaint"}
    (found,) = await desk.all()
    assert (found.queue_id, found.domain, found.suppressed) == (sent, "here.test", True)
    assert (found.sender, found.recipient, found.source_ip) == (SENDER, ANN, "192.0.2.1")
    assert (found.feedback_type, found.reporter) == ("abuse", "mx.there.test")
    assert found.report == ABUSE
    # Only for the senders of that domain.
    assert await desk.database.read(suppression.suppressed, None, (ANN,)) == {}
    assert await desk.database.read(complaints.count, desk.ours, 0) == 1
    of = await desk.database.read(complaints.list_of, desk.ours)
    assert of == [found]


async def test_found_by_its_envid(desk: Desk) -> None:
    await desk.sent(ANN)
    assert await desk.take(replace(ABUSE, original=Original(), original_envelope_id="pb.1"))
    assert await desk.suppressed() == {ANN: "complaint"}


async def test_who_complains_may_be_left_out(desk: Desk) -> None:
    await desk.sent(ANN)
    assert await desk.take(replace(ABUSE, original_rcpt_to=(), original_mail_from=""))
    assert await desk.suppressed() == {ANN: "complaint"}


@pytest.mark.parametrize(
    "feedback",
    [
        replace(ABUSE, original=Original("other@here.test")),
        replace(ABUSE, original=Original()),
        replace(ABUSE, original_mail_from="else@here.test"),
    ],
)
async def test_one_that_matches_nothing_is_kept(desk: Desk, feedback: Feedback) -> None:
    await desk.sent(ANN)
    assert await desk.take(feedback)
    assert await desk.suppressed() == {}
    (found,) = await desk.all()
    assert (found.queue_id, found.domain, found.suppressed) == (None, None, False)
    assert found.recipient == ANN
    assert await desk.database.read(complaints.count, desk.ours, 0) == 0


async def test_one_about_what_was_not_delivered(desk: Desk) -> None:
    await desk.sent(ANN, outcome=Outcome.FAILED)
    assert await desk.take()
    assert await desk.suppressed() == {}


async def test_other_recipients_of_a_message_can_not_complain_for_one(desk: Desk) -> None:
    await desk.sent(ANN, BOB)
    assert await desk.take()
    assert await desk.suppressed() == {}
    (found,) = await desk.all()
    assert (found.domain, found.suppressed) == ("here.test", False)
    assert await desk.take(replace(ABUSE, incidents=2), "test", "mail.there.test")
    assert await desk.suppressed() == {ANN: "complaint"}


async def test_who_is_none_of_several_recipients(desk: Desk) -> None:
    await desk.sent(ANN, BOB)
    assert await desk.take(replace(ABUSE, original_rcpt_to=("x@there.test",)))
    assert [one.domain for one in await desk.all()] == [None]


async def test_of_forwarded_mail_it_is_only_kept(desk: Desk) -> None:
    await desk.sent(ANN, account=None)
    assert await desk.take()
    assert await desk.suppressed() == {}
    assert [one.domain for one in await desk.all()] == ["here.test"]


async def test_of_senders_of_no_domain_here(desk: Desk) -> None:
    await desk.sent(ANN, sender="x@nowhere.test")
    assert await desk.take(replace(ABUSE, original_mail_from="x@nowhere.test"))
    assert await desk.suppressed() == {}


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "virus", "other", "x" * 99])
async def test_kinds_that_stop_nothing(desk: Desk, kind: str) -> None:
    await desk.sent(ANN)
    assert await desk.take(replace(ABUSE, kind=kind))
    assert await desk.suppressed() == {}


async def test_bounds(desk: Desk, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(complaints, "A_DAY_MAX", 6)
    assert await desk.take()
    assert not await desk.take()
    for number in range(4):
        kept = await desk.take(replace(ABUSE, version=number + 2, user_agent="x" * 1000))
        assert kept is (number < 2)
    await desk.sent(ANN)
    for number in range(4):  # about mail of ours, so the made-up ones don't keep them out
        assert await desk.take(replace(ABUSE, incidents=number + 2)) is (number < 3)
    assert await desk.suppressed() != {}
    clock.advance(days=365)
    assert await desk.take(replace(ABUSE, version=9))
    clock.advance(seconds=1)
    while await desk.database.write(complaints.sweep, 2):
        pass
    assert [one.report.version for one in await desk.all()] == [9]
