"""Mail for people here: who gets it, who waits, and who hears of it."""

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest

from kit.smtp import House
from pillarbox.base.errors import Denied, NotFound, OverQuota
from pillarbox.base.ids import AccountId, BlobId
from pillarbox.domain.accounts import users
from pillarbox.domain.mail import append, mailboxes
from pillarbox.domain.mail.content import ContentStore, PreparedEmail, prepare
from pillarbox.domain.mail.model import Appended
from pillarbox.domain.owners import quota
from pillarbox.domain.queue.model import Status
from pillarbox.pipeline import prepare as preparing
from pillarbox.pipeline.inbound import planned
from pillarbox.pipeline.inbound.message import Envelope, Origin
from pillarbox.pipeline.inbound.report_reading import ReportReading
from pillarbox.pipeline.inbound.trace import RoutingLoop
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.tx import Tx

ORIGIN = Origin("192.0.2.7", "c.test", "ESMTP")
CONTENT = b"Subject: hello\r\n\r\nworld\r\n"


async def envelope(house: House, *paths: str, each: bool = False) -> Envelope:
    recipients = tuple([await house.inbound.recipient(path) for path in paths])
    return Envelope(ORIGIN, "ann@elsewhere.test", recipients, each=each)


async def test_unknown_users_and_relaying_are_refused(house: House) -> None:
    with pytest.raises(NotFound):
        await house.inbound.recipient("nobody@example.test")
    with pytest.raises(Denied):
        await house.inbound.recipient("ann@elsewhere.test")


async def test_all_recipients_get_it_in_one_transaction(house: House) -> None:
    received = await house.inbound.receive(
        await envelope(house, "alice@example.test", "Bob@Example.TEST"), CONTENT
    )
    assert received.outcomes == (None, None)
    (alice,) = await house.contents("alice@example.test")
    (bob,) = await house.contents("bob@example.test")
    assert alice == bob
    assert alice.endswith(CONTENT)
    assert b" id " + received.id.encode() in alice
    assert b"for <" not in alice


async def test_an_alias_that_leads_outside_is_queued_without_return_path(house: House) -> None:
    await house.inbound.receive(await envelope(house, "both@example.test"), CONTENT)
    (bob,) = await house.contents("bob@example.test")
    (queued,) = await house.queued()
    assert bob.startswith(b"Return-Path: <ann@elsewhere.test>\r\nReceived: ")
    assert (await house.queued_content(queued)).startswith(b"Received: ")
    assert queued.reverse_path == "ann@elsewhere.test"
    assert queued.account_id is None
    (waiting,) = queued.recipients
    assert (waiting.address, waiting.status) == ("ann@elsewhere.test", Status.PENDING)
    assert waiting.next_attempt_ms == house.clock.now_ms()
    assert waiting.expires_ms == house.clock.now_ms() + 72 * 3_600_000


async def test_who_has_no_room_waits_in_the_queue_while_others_are_served(house: House) -> None:
    to_both = await envelope(house, "team@example.test")
    await house.change(users.set_quota, house.users["alice@example.test"].account_id, 10)
    received = await house.inbound.receive(to_both, CONTENT)
    assert received.outcomes == (None,)
    assert await house.contents("alice@example.test") == []
    assert len(await house.contents("bob@example.test")) == 1
    (queued,) = await house.queued()
    assert [r.address for r in queued.recipients] == ["alice@example.test"]
    assert not (await house.queued_content(queued)).startswith(b"Return-Path")


async def test_what_a_failed_placement_changed_is_undone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = house.users["alice@example.test"].account_id

    def place_late(tx: Tx, store: ContentStore, account: AccountId, *rest: Any) -> Appended:
        done = append.place(tx, store, account, *rest)
        if account == alice:
            raise OverQuota("noticed too late")
        return done

    monkeypatch.setattr(planned, "place", place_late)
    received = await house.inbound.receive(
        await envelope(house, "team@example.test", "both@example.test"), CONTENT
    )
    assert received.outcomes == (None, None)
    assert await house.contents("alice@example.test") == []
    assert len(await house.contents("bob@example.test")) == 1
    found = await house.database.read(users.by_account, alice)
    assert found is not None
    assert (found.used_bytes, found.used_messages) == (0, 0)


async def test_nothing_is_kept_when_nobody_has_room(house: House) -> None:
    to_both = await envelope(house, "alice@example.test", "bob@example.test")
    for name in house.users:
        await house.change(users.set_quota, house.users[name].account_id, 10)
    received = await house.inbound.receive(to_both, CONTENT)
    assert [type(outcome) for outcome in received.outcomes] == [OverQuota, OverQuota]
    assert await house.queued() == []


async def test_an_account_that_went_away_after_rcpt_does_not_stop_others(house: House) -> None:
    to_both = await envelope(house, "alice@example.test", "bob@example.test", each=True)
    await house.change(users.delete, house.users["alice@example.test"].account_id)
    received = await house.inbound.receive(to_both, CONTENT)
    assert [type(outcome) for outcome in received.outcomes] == [NotFound, type(None)]
    assert len(await house.contents("bob@example.test")) == 1


async def test_a_change_of_the_directory_is_seen_at_the_next_rcpt(house: House) -> None:
    assert (await house.inbound.recipient("alice@example.test")).local
    await house.change(users.set_enabled, house.users["alice@example.test"].account_id, False)
    with pytest.raises(NotFound):
        await house.inbound.recipient("alice@example.test")


async def test_a_change_nobody_told_of_is_seen_after_half_a_minute(house: House) -> None:
    assert (await house.inbound.recipient("alice@example.test")).local
    account = house.users["alice@example.test"].account_id
    await house.database.write(users.set_enabled, account, False)
    assert (await house.inbound.recipient("alice@example.test")).local
    house.clock.advance(seconds=31)
    with pytest.raises(NotFound):
        await house.inbound.recipient("alice@example.test")


async def test_a_large_message_is_stored_in_a_file(house: House) -> None:
    import os

    content = b"Subject: x\r\n\r\n" + os.urandom(1_500_000).hex().encode() + b"\r\n"
    await house.inbound.receive(await envelope(house, "alice@example.test"), content)
    (stored,) = await house.contents("alice@example.test")
    assert stored.endswith(content)
    assert len([path for _, path in house.store.blobs.files()]) == 1


async def test_loops_are_refused(house: House) -> None:
    with pytest.raises(RoutingLoop):
        await house.inbound.receive(
            await envelope(house, "alice@example.test"), b"received: x\r\n" * 51 + CONTENT
        )


@pytest.mark.parametrize("content", [b"no header\r\nat all\r\n", b"<html>\r\n"])
async def test_content_without_header_stays_a_body(house: House, content: bytes) -> None:
    await house.inbound.receive(await envelope(house, "alice@example.test"), content)
    (stored,) = await house.contents("alice@example.test")
    assert stored.endswith(b"+0000\r\n\r\n" + content)


async def test_a_return_path_that_came_along_is_replaced(house: House) -> None:
    content = b"Return-path: <old@x.test>\r\n folded\r\nSubject: x\r\n\r\nReturn-Path: text\r\n"
    await house.inbound.receive(await envelope(house, "alice@example.test"), content)
    (stored,) = await house.contents("alice@example.test")
    assert stored.startswith(b"Return-Path: <ann@elsewhere.test>\r\nReceived: ")
    assert stored.endswith(b"+0000\r\nSubject: x\r\n\r\nReturn-Path: text\r\n")
    assert b"old@x.test" not in stored


async def test_a_mailbox_is_not_deleted_between_finding_and_using_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, go_on = threading.Event(), threading.Event()
    place = planned.place

    def slow(*arguments: Any) -> Any:
        found.set()
        assert go_on.wait(20)
        return place(*arguments)

    alice = house.users["alice@example.test"].account_id
    await house.database.write(mailboxes.create, alice, "Lists")
    to_lists = await envelope(house, "alice+lists@example.test")
    monkeypatch.setattr(planned, "place", slow)
    receiving = asyncio.ensure_future(house.inbound.receive(to_lists, CONTENT))
    assert await asyncio.to_thread(found.wait, 20)
    deleting = asyncio.ensure_future(house.database.write(mailboxes.delete, alice, "Lists"))
    await asyncio.wait({deleting}, timeout=0.3)
    go_on.set()
    assert (await receiving).outcomes == (None,)
    await deleting
    usage = await house.database.read(quota.usage, alice)
    assert usage is not None
    assert (usage.used_messages, usage.used_bytes) == (0, 0)


@pytest.mark.parametrize("addresses", [1, 3000])
async def test_a_header_full_of_addresses_keeps_nobody_waiting(
    house: House, addresses: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_loop: list[bool] = []

    def noting(content: bytes, blob_id: BlobId, blobs: BlobStore | None = None) -> PreparedEmail:
        on_loop.append(threading.current_thread() is threading.main_thread())
        return prepare(content, blob_id, blobs)

    monkeypatch.setattr(preparing, "prepare", noting)
    content = b"To: x:;" + b"a (c) <b@c>, " * addresses + b"\r\n\r\nhi\r\n"
    received = await house.inbound.receive(await envelope(house, "alice@example.test"), content)
    assert received.outcomes == (None,)
    assert on_loop == [addresses == 1]


class Inbox:
    """Notes what it is shown; fails if told to."""

    def __init__(self, fails: bool = False) -> None:
        self.shown: list[tuple[str, bytes]] = []
        self.fails = fails


class BounceInbox(Inbox):
    async def take(self, content: bytes, recipient: str, reverse_path: str) -> bool:
        assert reverse_path == ""
        self.shown.append((recipient, content))
        if self.fails:
            raise RuntimeError("damaged")
        return True


class TlsInbox(Inbox):
    async def take(self, recipient: str, content: bytes) -> bool:
        self.shown.append((recipient, content))
        return True


TLS_REPORT = b"TLS-Report-Domain: example.test\r\nSubject: r\r\n\r\n{}\r\n"


@pytest.mark.parametrize("fails", [False, True])
async def test_reports_are_read_and_delivered_all_the_same(house: House, fails: bool) -> None:
    bounces, tls = BounceInbox(fails), TlsInbox()
    inbound = replace(house.inbound, reports=ReportReading(bounces, tls))
    for sender, content in (("", CONTENT), ("x@y.test", CONTENT), ("x@y.test", TLS_REPORT)):
        to_alice = replace(await envelope(house, "alice@example.test"), reverse_path=sender)
        assert (await inbound.receive(to_alice, content)).outcomes == (None,)
    assert bounces.shown == [("alice@example.test", CONTENT)]
    assert tls.shown == [("alice@example.test", TLS_REPORT)]
    assert len(await house.contents("alice@example.test")) == 3


async def test_reports_are_not_read_for_each_of_many(house: House) -> None:
    bounces, tls = BounceInbox(), TlsInbox()
    inbound = replace(house.inbound, reports=ReportReading(bounces, tls))
    paths = ["alice@example.test", "bob@example.test"]
    paths += [f"alice+{number}@example.test" for number in range(50)]
    to_all = replace(await envelope(house, *paths), reverse_path="")
    assert set((await inbound.receive(to_all, TLS_REPORT)).outcomes) == {None}
    assert bounces.shown == []
    assert len(tls.shown) == 1
