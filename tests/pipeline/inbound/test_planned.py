"""What scripts want of a message, carried out beside what others get of it."""

from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest

from kit.mail import content_store
from kit.smtp import House
from pillarbox.base.errors import Denied, OverQuota
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts import users
from pillarbox.domain.quarantine.model import KeepLimits
from pillarbox.pipeline.inbound.deliver import Parcel
from pillarbox.pipeline.inbound.message import Envelope, Origin
from pillarbox.pipeline.inbound.plan import Arrived, Filing, Plan, Plans, Posting
from pillarbox.pipeline.prepare import Preparation
from pillarbox.storage.blobs.sealed import unseal

from .test_fates import AWAY
from .test_quarantine import ALICE, BOB, EVE, MAIL, Bench

FRIEND = "friend@other.test"
REDIRECT = Posting("redirect", (FRIEND,), EVE, b"Subject: redirected\r\n\r\nhello\r\n")


@dataclass
class Planned:
    """Has the plans that a test made."""

    found: dict[AccountId, Plan]

    async def plans(self, arrived: Arrived) -> Plans:
        return self.found


@pytest.fixture
async def bench(house: House) -> Bench:
    return Bench(house, KeepLimits())


def planned(bench: Bench, **plans: Plan) -> None:
    found = {bench.account(f"{name}@example.test"): plan for name, plan in plans.items()}
    bench.inbound = replace(bench.inbound, filters=Planned(found))


def plan(bench: Bench, name: str, *postings: Posting, refusal: str = "") -> Plan:
    actor = bench.house.actor(name)
    return Plan(actor, (Filing(),), postings, Denied(refusal) if refusal else None)


async def test_nothing_leaves_for_who_waits_beside_what_is_quarantined(bench: Bench) -> None:
    alice = bench.account(ALICE)
    await bench.database.write(users.set_quota, alice, 10)
    found = [await bench.inbound.recipient(path) for path in (AWAY, ALICE)]
    kept = (replace(found[0], outside=()), found[1])
    envelope = Envelope(Origin("192.0.2.7", "bad.test", "ESMTP"), EVE, kept)
    plans = {alice: plan(bench, ALICE, REDIRECT)}
    parcel = Parcel(envelope, b"", MAIL, kept=frozenset((AWAY,)), plans=plans)
    assert await bench.inbound.delivery.deliver(parcel) == (None, None)
    waiting = [one for message in await bench.house.queued() for one in message.recipients]
    assert [one.address for one in waiting] == [ALICE]


async def test_one_that_refuses_does_not_bounce_mail_for_a_full_mailbox(bench: Bench) -> None:
    planned(bench, alice=plan(bench, ALICE, refusal="Not here, please"))
    await bench.database.write(users.set_quota, bench.account(BOB), 10)
    for to in ((ALICE, BOB), (BOB, ALICE)):
        first, second = await bench.receive(*to)
        assert isinstance(first, OverQuota)
        assert first is second


async def test_what_lies_in_a_file_is_not_in_memory_too(bench: Bench, tmp_path: Path) -> None:
    store = content_store(tmp_path / "files")
    preparation = Preparation(store, bench.inbound.ids)
    for size in (100_000, 2_000_000):
        content = Random(1).randbytes(size)
        blob = await preparation.blob(b"Delivered-To: ", content)
        assert blob.data == b""
        stored = store.blobs.load_file(blob.id)
        assert len(stored) == blob.stored_bytes
        assert unseal(blob.id, blob.content_key, stored) == b"Delivered-To: " + content
