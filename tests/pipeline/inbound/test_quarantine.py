"""Mail that is refused or put into quarantine, from the judgement to its release."""

from dataclasses import replace
from random import Random
from typing import cast

import pytest

from kit.checks import Scripted, arrival
from kit.clock import FakeClock
from kit.smtp import HOSTNAME, House
from pillarbox.base.errors import Busy, Denied, NotFound, OverQuota
from pillarbox.base.ids import AccountId, BlobId, public_id
from pillarbox.domain.accounts import users
from pillarbox.domain.accounts.model import LocalTarget
from pillarbox.domain.judgement.model import Action
from pillarbox.domain.mail import acl_entries, mailboxes, sweep
from pillarbox.domain.policy import weights
from pillarbox.domain.quarantine.model import KeepLimits, KeptMessage, Reason
from pillarbox.domain.rescue import access
from pillarbox.domain.sender_lists import lists
from pillarbox.domain.sender_lists.model import SERVER, Owner, Scope
from pillarbox.domain.sharing.rights import Right
from pillarbox.domain.spam import training
from pillarbox.domain.spam.model import Category
from pillarbox.pipeline.inbound.checks.clamav import VIRUS
from pillarbox.pipeline.inbound.checks.sender_lists import SenderLists
from pillarbox.pipeline.inbound.deliver import Delivery, Outcomes, Parcel
from pillarbox.pipeline.inbound.judging import Judgement, Judging
from pillarbox.pipeline.inbound.message import Envelope, Origin, Recipient
from pillarbox.pipeline.inbound.policies import Policies
from pillarbox.pipeline.inbound.quarantine import Quarantine, essence
from pillarbox.pipeline.inbound.receive import Inbound
from pillarbox.pipeline.inbound.records import Records
from pillarbox.pipeline.inbound.running import Runner
from pillarbox.pipeline.inbound.screening import Screened
from pillarbox.pipeline.jobs.quarantine import QuarantineDigest, QuarantineUpkeep
from pillarbox.pipeline.prepare import Preparation
from pillarbox.storage.tx import Tx

ALICE, BOB = "alice@example.test", "bob@example.test"
EVE = "eve@bad.test"
MAIL = b"From: Eve <eve@bad.test>\r\nSubject: Riches\r\nMessage-ID: <1@bad.test>\r\n\r\nhello\r\n"

# Nothing that compression makes small.
LARGE = MAIL + Random(1).randbytes(1_500_000).hex().encode()


class Bench:
    """A house where eve is on somebody's list."""

    def __init__(self, house: House, limits: KeepLimits) -> None:
        self.house = house
        self.database = house.database
        self.keys = house.store.keys
        delivery: Delivery = house.inbound.delivery
        preparation = Preparation(house.store, house.inbound.ids)
        self.quarantine = Quarantine(
            house.database, preparation, delivery, HOSTNAME, limits, house.inbound.forwarding
        )
        check = SenderLists(house.database, self.keys, house.bus, house.clock)
        known = Policies(house.database, house.bus, house.clock)
        self.inbound: Inbound = replace(
            house.inbound,
            judging=Judging(Runner((check,)), known),
            records=Records(house.database, self.keys, house.clock),
            aftermaths=(self.quarantine,),
        )

    def account(self, address: str) -> AccountId:
        return AccountId(self.house.users[address].account_id)

    async def put(self, owner: Owner, pattern: str = EVE, action: Action = Action.REFUSE) -> None:
        await self.database.write(lists.add, self.keys, owner, pattern, action)
        self.house.bus.publish("sender lists")

    async def receive(self, *to: str, content: bytes = MAIL, sender: str = EVE) -> Outcomes:
        found = [await self.inbound.recipient(path) for path in to]
        came = arrival(content, reverse_path=sender)
        came.recipients = found
        envelope = Envelope(Origin("192.0.2.7", "bad.test", "ESMTP"), sender, tuple(found))
        return (await self.inbound.receive(envelope, content, Screened(came))).outcomes

    async def kept(self, address: str | None = None) -> list[KeptMessage]:
        actor = None if address is None else self.house.actor(address)
        return await self.database.read(access.list_of, self.keys, actor)


@pytest.fixture
async def bench(house: House) -> Bench:
    return Bench(house, KeepLimits(messages=3))


async def test_what_is_refused_can_be_had(bench: Bench) -> None:
    await bench.put(Owner(Scope.USER, bench.account(ALICE)))
    with pytest.raises(Denied):
        await bench.receive(ALICE)
    assert await bench.house.contents(ALICE) == []
    (one,) = await bench.kept(ALICE)
    assert one.reason is Reason.REFUSED
    assert (one.kept.sender, one.kept.subject, one.kept.ip) == (EVE, "Riches", "192.0.2.7")
    assert one.kept.because == ("sender_blocked",)
    assert "kept out" in one.kept.why[0]
    released = await bench.quarantine.release(bench.house.actor(ALICE), one.id)
    assert released.id == one.id
    (content,) = await bench.house.contents(ALICE)
    assert content.startswith(b"Return-Path: <eve@bad.test>\r\n")
    assert content.count(b"Return-Path:") == 1
    assert content.endswith(MAIL)
    assert b"Received: from bad.test" in content
    assert await bench.kept(ALICE) == []


async def test_release_happens_once_and_teaches(bench: Bench) -> None:
    await bench.put(Owner(Scope.USER, bench.account(ALICE)))
    with pytest.raises(Denied):
        await bench.receive(ALICE)
    (one,) = await bench.kept()
    await bench.quarantine.release(None, one.id)
    with pytest.raises(NotFound):
        await bench.quarantine.release(None, one.id)
    (task,) = await bench.database.read(training.waiting, 10)
    assert (task.account_id, task.category) == (bench.account(ALICE), Category.HAM)
    with pytest.raises(Denied):
        await bench.receive(ALICE)  # sent once more
    assert await bench.kept() == []
    assert len(await bench.house.contents(ALICE)) == 1


async def test_a_sender_who_tries_again_piles_up_nothing(bench: Bench) -> None:
    await bench.put(SERVER)
    for hop in (b"a", b"b", b"c"):
        again = b"Received: from " + hop + b".test\r\n by bad.test\r\n" + MAIL
        with pytest.raises(Denied):
            await bench.receive(ALICE, content=again)
    (one,) = await bench.kept(ALICE)
    assert one.tries == 3
    with pytest.raises(Denied):
        await bench.receive(ALICE, content=MAIL.replace(b"hello", b"other"))
    assert len(await bench.kept(ALICE)) == 2


class Counter:
    """An aftermath that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def prepare(
        self, message_id: str, envelope: Envelope, judgement: Judgement, head: bytes
    ) -> None:
        self.asked += 1


async def test_who_is_gone_since_is_noted_once(bench: Bench) -> None:
    counter = Counter()
    bench.inbound = replace(bench.inbound, aftermaths=(counter,))
    gone = Recipient(ALICE, (LocalTarget(AccountId(99), ALICE, None),), here=True)
    came = arrival(MAIL, reverse_path=EVE)
    envelope = Envelope(Origin("192.0.2.7", "bad.test", "ESMTP"), EVE, (gone,))
    (outcome,) = (await bench.inbound.receive(envelope, MAIL, Screened(came))).outcomes
    assert isinstance(outcome, NotFound)
    assert counter.asked == 1


async def test_a_virus_is_let_out_by_admins_alone(bench: Bench) -> None:
    policies = Policies(bench.database, bench.house.bus, bench.house.clock)
    check = Scripted((VIRUS.found("Eicar"),))
    bench.inbound = replace(bench.inbound, judging=Judging(Runner((check,)), policies))
    with pytest.raises(Denied):
        await bench.receive(ALICE)
    (one,) = await bench.kept(ALICE)
    with pytest.raises(Denied, match="virus"):
        await bench.quarantine.release(bench.house.actor(ALICE), one.id)
    assert await bench.house.contents(ALICE) == []
    await bench.quarantine.release(None, one.id)
    assert len(await bench.house.contents(ALICE)) == 1


async def test_what_finds_no_room_is_put_off_and_nothing_lost(bench: Bench) -> None:
    await bench.put(Owner(Scope.USER, bench.account(ALICE)))
    for word in (b"one", b"two", b"three"):
        await bench.receive(ALICE, BOB, content=MAIL.replace(b"hello", word))
    before = {one.id for one in await bench.kept(ALICE)}
    with pytest.raises(Busy):
        await bench.receive(ALICE, BOB, content=MAIL.replace(b"hello", b"four"))
    assert {one.id for one in await bench.kept(ALICE)} == before
    assert len(await bench.house.contents(BOB)) == 3


async def test_one_has_it_the_other_may_have_it(bench: Bench) -> None:
    await bench.put(Owner(Scope.USER, bench.account(ALICE)))
    await bench.receive(ALICE, BOB)
    assert len(await bench.house.contents(BOB)) == 1
    assert await bench.house.contents(ALICE) == []
    (one,) = await bench.kept(ALICE)
    assert one.reason is Reason.QUARANTINED  # its sender was told that it was taken
    assert await bench.kept(BOB) == []
    await bench.quarantine.release(bench.house.actor(ALICE), one.id)
    assert len(await bench.house.contents(ALICE)) == 1


async def test_the_blob_is_shared_and_goes_with_the_last(bench: Bench) -> None:
    await bench.put(SERVER)
    with pytest.raises(Denied):
        await bench.receive(ALICE, BOB)
    first, second = await bench.kept()
    await bench.quarantine.remove(bench.house.actor(ALICE), first.id)
    _, content = await bench.quarantine.content(bench.house.actor(BOB), second.id)
    assert content.endswith(MAIL)
    await bench.quarantine.remove(bench.house.actor(BOB), second.id)
    with pytest.raises(NotFound):
        await bench.quarantine.content(None, second.id)
    left = await bench.database.read(sweep.orphans, BlobId(0), bench.house.clock.now_ms() + 1, 10)
    assert left == (None, [])


async def test_what_goes_to_junk_is_not_kept(bench: Bench) -> None:
    await bench.put(Owner(Scope.USER, bench.account(ALICE)), action=Action.JUNK)
    await bench.receive(ALICE)
    assert len(await bench.house.contents(ALICE, "Junk")) == 1
    assert await bench.kept() == []


async def test_quarantine_is_accepted_and_in_no_mailbox(bench: Bench) -> None:
    await bench.put(SERVER, action=Action.JUNK)
    await bench.database.write(weights.set_weight, "_default", "sender_blocked", None, "quarantine")
    await bench.receive(ALICE)
    assert await bench.house.contents(ALICE) == []
    assert await bench.house.contents(ALICE, "Junk") == []
    (one,) = await bench.kept(ALICE)
    assert one.reason is Reason.QUARANTINED


async def test_large_content_lies_in_a_file_that_goes(bench: Bench) -> None:
    await bench.put(SERVER)
    store = bench.house.store.blobs
    with pytest.raises(Denied):
        await bench.receive(ALICE, content=LARGE)
    assert len(list(store.files())) == 1
    (one,) = await bench.kept(ALICE)
    await bench.quarantine.release(None, one.id)
    (content,) = await bench.house.contents(ALICE)
    assert len(content) > 2_000_000
    assert len(list(store.files())) == 1  # that of the mailbox


async def test_rights(bench: Bench) -> None:
    await bench.put(SERVER)
    with pytest.raises(Denied):
        await bench.receive(ALICE)
    (one,) = await bench.kept(ALICE)
    bob = bench.house.actor(BOB)
    assert await bench.kept(BOB) == []
    for call in (bench.quarantine.release, bench.quarantine.remove, bench.quarantine.content):
        with pytest.raises(NotFound):
            await call(bob, one.id)

    def share(tx: Tx) -> None:
        inbox = mailboxes.by_name(tx, bench.account(ALICE), "INBOX")
        assert inbox is not None
        rights = Right.LOOKUP | Right.READ
        entry = acl_entries.Entry(acl_entries.Kind.USER, bench.account(BOB), False, rights)
        acl_entries.put(tx, inbox.id, entry)

    await bench.database.write(share)
    assert len(await bench.kept(BOB)) == 1
    for act in (bench.quarantine.release, bench.quarantine.remove):
        with pytest.raises(Denied):
            await act(bob, one.id)
    assert len(await bench.kept(ALICE)) == 1


async def test_what_can_not_be_delivered_stays(bench: Bench) -> None:
    await bench.put(SERVER)
    with pytest.raises(Denied):
        await bench.receive(ALICE)
    (one,) = await bench.kept(ALICE)
    await bench.database.write(users.set_quota, bench.account(ALICE), 1)
    with pytest.raises(OverQuota):
        await bench.quarantine.release(None, one.id)
    assert len(await bench.kept(ALICE)) == 1
    await bench.database.write(users.set_quota, bench.account(ALICE), 0)
    await bench.quarantine.release(None, one.id)
    assert len(await bench.house.contents(ALICE)) == 1


async def test_for_addresses_elsewhere_admins_decide(bench: Bench) -> None:
    await bench.put(SERVER)
    with pytest.raises(Denied):
        await bench.receive("away@example.test")
    (one,) = await bench.kept()
    assert one.kept.outside == ("ann@elsewhere.test",)
    for user in (ALICE, BOB):
        assert await bench.kept(user) == []
        with pytest.raises(NotFound):
            await bench.quarantine.release(bench.house.actor(user), one.id)
    await bench.quarantine.release(None, one.id)
    (queued,) = await bench.house.queued()
    assert [one.address for one in queued.recipients] == ["ann@elsewhere.test"]


async def test_users_are_told_once_a_day(bench: Bench, clock: FakeClock) -> None:
    digest = QuarantineDigest(
        bench.database, bench.keys, bench.inbound.delivery, clock, bench.inbound.ids,
        HOSTNAME, "example.test",
    )  # fmt: skip
    await digest.run()
    assert await bench.house.contents(ALICE) == []
    await bench.put(Owner(Scope.USER, bench.account(ALICE)))
    evil = MAIL.replace(b"Subject: Riches", b"Subject: =?utf-8?q?Rich=0D=0Aes=1B?=")
    with pytest.raises(Denied):
        await bench.receive(ALICE, content=evil)
    await digest.run()
    await digest.run()
    (letter,) = await bench.house.contents(ALICE)
    (one,) = await bench.kept(ALICE)
    assert public_id("", one.id).encode() in letter
    assert b"Subject: Kept back: 1 message\r\n" in letter
    assert b"eve@bad.test" in letter
    assert b"Subject: Rich es\r\n" in letter
    assert b"kept out" in letter
    assert await bench.house.contents(BOB) == []
    clock.advance(hours=25)
    await digest.run()
    assert len(await bench.house.contents(ALICE)) == 1  # nothing new
    for number in range(4):
        with pytest.raises(Denied):
            await bench.receive(ALICE, content=MAIL + b"%d" % number)
    await digest.run()
    second = (await bench.house.contents(ALICE))[1]
    assert b"Subject: Kept back: 3 messages\r\n" in second
    assert b"2 messages had to go early" in second


async def test_what_is_kept_while_a_letter_is_written_is_told_in_the_next(
    bench: Bench, clock: FakeClock
) -> None:
    await bench.put(Owner(Scope.USER, bench.account(ALICE)))

    class Slow:
        """Something is kept between the reading and the writing of the letter."""

        async def deliver(self, parcel: Parcel) -> Outcomes:
            clock.advance(seconds=1)
            with pytest.raises(Denied):
                await bench.receive(ALICE, content=MAIL.replace(b"Riches", b"Late"))
            clock.advance(seconds=1)
            return await bench.inbound.delivery.deliver(parcel)

    digest = QuarantineDigest(
        bench.database, bench.keys, cast("Delivery", Slow()), clock, bench.inbound.ids,
        HOSTNAME, "example.test",
    )  # fmt: skip
    with pytest.raises(Denied):
        await bench.receive(ALICE)
    await digest.run()
    clock.advance(hours=25)
    await replace(digest, delivery=bench.inbound.delivery).run()
    first, second = await bench.house.contents(ALICE)
    assert (b"Riches" in first, b"Late" in first) == (True, False)
    assert (b"Riches" in second, b"Late" in second) == (False, True)


async def test_upkeep_removes_what_is_over(bench: Bench, clock: FakeClock) -> None:
    await bench.put(SERVER)
    store = bench.house.store.blobs
    with pytest.raises(Denied):
        await bench.receive(ALICE, BOB, content=LARGE)
    upkeep = QuarantineUpkeep(bench.quarantine)
    clock.advance(days=13)
    await upkeep.run()
    assert len(list(store.files())) == 1
    clock.advance(days=2)
    await upkeep.run()
    assert list(store.files()) == []
    assert await bench.kept() == []


async def test_a_flood_leaves_little_on_disk(bench: Bench) -> None:
    """What has to go early goes at once, not when the upkeep job comes by."""
    await bench.put(SERVER)
    for number in range(8):
        with pytest.raises(Denied):
            await bench.receive(ALICE, content=LARGE + b"%d" % number)
    assert len(await bench.kept(ALICE)) == 3
    assert len(list(bench.house.store.blobs.files())) <= 4


async def test_what_is_too_large_to_be_kept_is_not_written(house: House) -> None:
    bench = Bench(house, KeepLimits(size_bytes=1_000_000))
    await bench.put(SERVER)
    with pytest.raises(Denied):
        await bench.receive(ALICE, content=LARGE)
    assert await bench.kept() == []
    assert list(house.store.blobs.files()) == []


def test_essence_is_of_what_the_sender_wrote() -> None:
    hop = b"Received: by a.test;\r\n\tsome day\r\nDKIM-Signature: a\r\n b\r\n"
    assert essence(hop + MAIL) == essence(MAIL)
    assert essence(MAIL.replace(b"hello", b"hullo")) != essence(MAIL)
    assert essence(MAIL.replace(b"Riches", b"Money")) != essence(MAIL)
    assert essence(b"") != essence(b"\r\n\r\nx")
