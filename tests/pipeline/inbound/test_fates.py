"""What becomes of a message that is judged, or fares, differently for those it is for."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kit.clock import FakeClock
from kit.outbound import open_post
from kit.smtp import House
from pillarbox.base.errors import Busy, Denied
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts import users
from pillarbox.domain.judgement.model import Action, Decision
from pillarbox.domain.policy import weights
from pillarbox.domain.quarantine.model import KeepLimits, Reason
from pillarbox.domain.sender_lists.model import SERVER, Owner, Scope
from pillarbox.domain.trace import store
from pillarbox.domain.trace.explain import explain
from pillarbox.pipeline.inbound import judging, records
from pillarbox.pipeline.inbound.deliver import Delivery, Parcel
from pillarbox.pipeline.inbound.message import Envelope, Fate, Origin
from pillarbox.pipeline.outbound.model import Journey, RouteKind
from pillarbox.pipeline.prepare import Preparation

from .test_quarantine import ALICE, BOB, EVE, Bench

AWAY, TEAM = "away@example.test", "team@example.test"


@pytest.fixture
async def bench(house: House) -> Bench:
    return Bench(house, KeepLimits())


async def lines(bench: Bench, what: str = EVE) -> list[str]:
    found = await bench.database.read(store.find, bench.keys, what)
    return [one.lines[0] for trace in found for one in explain(trace)]


async def act(bench: Bench, action: str) -> None:
    await bench.put(SERVER, action=Action.JUNK)
    await bench.database.write(weights.set_weight, "_default", "sender_blocked", None, action)


async def test_quarantine_for_somebody_elsewhere_alone_is_accepted(bench: Bench) -> None:
    await act(bench, "quarantine")
    assert await bench.receive(AWAY) == (None,)
    (one,) = await bench.kept()
    assert one.reason is Reason.QUARANTINED
    assert await bench.house.queued() == []
    assert await lines(bench) == [f"{AWAY}: kept in quarantine (quarantine), +0.0 points"]


async def test_junk_that_waited_for_room_goes_to_junk(
    bench: Bench, tmp_path: Path, clock: FakeClock
) -> None:
    post = open_post(bench.database, tmp_path, clock)
    post.store, post.directory = bench.house.store, bench.inbound.recipients
    post.delivery, post.judged = bench.inbound.delivery, bench.inbound.records
    post.map.journeys["example.test"] = Journey(RouteKind.LOCAL, "local")
    await bench.put(Owner(Scope.USER, bench.account(ALICE)), action=Action.JUNK)
    for name in (ALICE, BOB):
        await bench.database.write(users.set_quota, bench.account(name), 10)
    assert await bench.receive(ALICE, BOB, AWAY) == (None, None, None)
    waits = "accepted; it waits in the queue until the mailbox has room, +0.0 points"
    assert await lines(bench) == [
        f"{ALICE}: {waits}",
        f"{BOB}: {waits}",
        f"{AWAY}: passed on to where the address leads, +0.0 points",
    ]
    for name in (ALICE, BOB):
        await bench.database.write(users.set_quota, bench.account(name), 0)
    await post.work()
    contents = bench.house.contents
    assert len(await contents(ALICE, "Junk")) == len(await contents(BOB)) == 1
    assert await contents(ALICE) == await contents(BOB, "Junk") == []


async def test_who_would_have_had_it_is_told_why_nobody_has(bench: Bench) -> None:
    await bench.put(Owner(Scope.USER, bench.account(ALICE)), action=Action.JUNK)
    await bench.database.write(weights.set_weight, "_default", "sender_blocked", None, "defer")
    with pytest.raises(Busy):
        await bench.receive(ALICE, BOB)
    again = "Try again later, please"
    assert await lines(bench) == [
        f"{ALICE}: put off: the sender was asked to try again later ({again}), +0.0 points",
        f"{BOB}: would have been accepted, but nobody got the message ({again}), +0.0 points",
    ]
    assert await bench.house.contents(BOB) == []
    assert await bench.kept() == []


async def test_what_was_accepted_for_others_is_not_called_refused(bench: Bench) -> None:
    await bench.put(Owner(Scope.USER, bench.account(ALICE)))
    await bench.receive(ALICE, BOB)
    first, second = await lines(bench)
    assert first.startswith(f"{ALICE}: kept in quarantine; it would have been refused")
    assert second == f"{BOB}: accepted (INBOX), +0.0 points"


async def test_a_trace_is_found_by_whom_an_alias_leads_to(bench: Bench) -> None:
    await bench.receive(TEAM)
    assert sorted(await lines(bench, BOB)) == [
        f"{TEAM} → {ALICE}: accepted (INBOX), +0.0 points",
        f"{TEAM} → {BOB}: accepted (INBOX), +0.0 points",
    ]


async def test_refused_for_all_is_kept_for_all(bench: Bench) -> None:
    await bench.put(SERVER)
    with pytest.raises(Denied):
        await bench.receive(TEAM, AWAY)
    assert {one.account_id for one in await bench.kept()} == {
        AccountId(0), bench.account(ALICE), bench.account(BOB)
    }  # fmt: skip


class Told:
    """Notes of which deliveries senders are told."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    async def delivered(
        self, envelope: Envelope, account_id: object, content: bytes, recipients: Any
    ) -> None:
        self.paths += [one.path for one in recipients]

    def file(self, tx: object, prepared: object) -> None:
        """Nothing."""


async def test_no_sender_is_told_that_mail_in_quarantine_was_delivered(bench: Bench) -> None:
    told = Told()
    preparation = Preparation(bench.house.store, bench.inbound.ids)
    delivery = Delivery(bench.database, preparation, 1000, told)
    recipients = [
        replace(one, notify="SUCCESS")
        for path in (ALICE, BOB)
        if (one := await bench.inbound.recipient(path))
    ]
    envelope = Envelope(Origin("192.0.2.7", "c.test", "ESMTP"), EVE, tuple(recipients))
    fates = {bench.account(ALICE): Fate.QUARANTINE, bench.account(BOB): Fate.JUNK}
    await delivery.deliver(Parcel(envelope, b"", b"Subject: x\r\n\r\nx", report=True, fates=fates))
    assert told.paths == [BOB]


async def test_many_recipients_are_judged_beside_the_event_loop(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []
    weigh, seal = judging.decide, store.prepare

    def noted_decide(*args: Any) -> Decision:
        threads.append(threading.current_thread().name)
        return weigh(*args)

    def noted_prepare(*args: Any) -> store.PreparedTrace:
        threads.append(threading.current_thread().name)
        return seal(*args)

    await bench.put(SERVER)
    monkeypatch.setattr(judging, "decide", noted_decide)
    monkeypatch.setattr(store, "prepare", noted_prepare)
    monkeypatch.setattr(judging, "WEIGHED_AT_ONCE", 1)
    monkeypatch.setattr(records, "SEALED_AT_ONCE", 1)
    with pytest.raises(Denied):
        await bench.receive(ALICE, BOB)
    assert len(threads) == 3
    assert threading.main_thread().name not in threads
    assert len(await bench.kept()) == 2
