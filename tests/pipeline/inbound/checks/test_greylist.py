"""Who is asked to come again (RFC 6647), and who is not."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from kit.checks import arrival, recipient
from kit.clock import FakeClock
from pillarbox.base.errors import Failure
from pillarbox.base.ids import AccountId
from pillarbox.domain.greylist.tables import greylist, greylist_networks
from pillarbox.domain.judgement.model import Action, Finding
from pillarbox.domain.policy.model import Policy
from pillarbox.formats.mailauth.spf.result import SpfResult, SpfStatus
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.greylist import CAME_AGAIN, PUT_OFF, Greylist
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

BOB = "bob@example.test"
KEYS = KeyRing({1: bytes(32)})


class Known:
    """A good domain, and somebody Bob writes to."""

    async def is_good(self, domain: str) -> bool:
        return domain == "good.test"

    async def is_correspondent(self, accounts: Sequence[AccountId], address: str) -> bool:
        return accounts == [AccountId(1)] and address == "friend@sender.test"


@pytest.fixture
def check(database: Database) -> Greylist:
    return Greylist(database, KEYS, Known())


def message(
    reverse_path: str = "ann@sender.test",
    ip: str = "192.0.2.7",
    policy: Policy | None = None,
    **more: bool,
) -> Arrival:
    found = arrival(reverse_path=reverse_path, ip=ip, to=(), **more)
    found.policies["example.test"] = policy or Policy("example.test")
    return found


async def ran(check: Greylist, found: Arrival, to: str = BOB) -> Sequence[Finding]:
    return await check.run(found, recipient(to, 1))


async def test_first_it_is_put_off_then_it_passes(check: Greylist, clock: FakeClock) -> None:
    (first,) = await ran(check, message())
    assert (first.name, first.action) == (PUT_OFF.name, Action.DEFER)
    assert first.reply == "Not known here yet, please try again in 5 minutes"
    clock.advance(minutes=4, seconds=30)
    (again,) = await ran(check, message())
    assert again.reply == "Not known here yet, please try again in 1 minute"
    clock.advance(seconds=30)
    (passed,) = await ran(check, message())
    assert passed == CAME_AGAIN.found("after 5 minutes")
    assert await ran(check, message()) == ()
    assert check.counts == {"deferred_new": 1, "deferred_retry": 1, "passed": 1, "known": 1}


async def test_another_host_and_another_number_are_the_same(
    check: Greylist, clock: FakeClock
) -> None:
    await ran(check, message("bounce-17@Sender.test", "192.0.2.7"))
    clock.advance(minutes=5)
    (passed,) = await ran(
        check, message("bounce-18@sender.test", "192.0.2.200"), "Bob@example.test"
    )
    assert passed.name == CAME_AGAIN.name
    for other in (
        message("bounce-17@sender.test", "192.0.3.7"),
        message("other@sender.test", "192.0.2.7"),
    ):
        assert (await ran(check, other))[0].name == PUT_OFF.name
    assert (await ran(check, message("bounce-1@sender.test"), "al@example.test"))[0].action
    await ran(check, message(ip="2001:db8:0:1::1"))
    clock.advance(minutes=5)
    (passed,) = await ran(check, message(ip="2001:db8:0:1:ffff::9"))
    assert passed.name == CAME_AGAIN.name


async def test_large_senders_try_again_from_another_network(
    check: Greylist, clock: FakeClock
) -> None:
    def confirmed(ip: str, status: SpfStatus = SpfStatus.PASS) -> Arrival:
        found = message(ip=ip)
        found.results.spf = SpfResult(status, "sender.test")
        return found

    await ran(check, confirmed("192.0.2.7"))
    clock.advance(minutes=5)
    assert (await ran(check, confirmed("198.51.100.7", SpfStatus.SOFTFAIL)))[0].action
    (passed,) = await ran(check, confirmed("2001:db8:5::7"))
    assert passed.name == CAME_AGAIN.name
    assert await ran(check, confirmed("203.0.113.7")) == ()


async def test_domains_have_their_own_terms(check: Greylist, clock: FakeClock) -> None:
    policy = Policy(
        "example.test", greylist_delay_min=60, greylist_expiry_days=2, greylist_whitelist_after=1
    )
    (first,) = await ran(check, message(policy=policy))
    assert first.reply.endswith("in 60 minutes")
    clock.advance(minutes=60)
    assert (await ran(check, message(policy=policy)))[0].name == CAME_AGAIN.name
    assert await ran(check, message("bob@other.test", policy=policy)) == ()  # the whole network
    clock.advance(days=2)
    assert (await ran(check, message(policy=policy)))[0].name == PUT_OFF.name
    off = replace(policy, greylist_delay_min=0)
    assert await ran(check, message("x@other.test", policy=off)) == ()


async def test_who_is_known_is_not_put_off(check: Greylist) -> None:
    listed = message()
    listed.results.allowed = ("list.test",)
    good = message()
    good.results.spf = SpfResult(SpfStatus.PASS, "good.test")
    friend = message("friend@sender.test")
    report = message("")
    for one in (listed, good, friend, report, message(outside=False)):
        assert await ran(check, one) == ()
    forged, unknown = message(), message()
    forged.results.spf = SpfResult(SpfStatus.SOFTFAIL, "good.test")
    unknown.results.spf = SpfResult(SpfStatus.PASS, "other.test")
    reports = message("")
    reports.recipients.append(recipient("al@example.test", 2))
    for one in (forged, unknown, reports):
        assert len(await ran(check, one)) == 1


async def test_nothing_can_be_read_in_the_tables(check: Greylist, database: Database) -> None:
    await ran(check, message())
    other = Greylist(database, KeyRing({1: bytes([1]) * 32}))
    await ran(other, message())

    def rows(tx: Tx) -> list[tuple[object, ...]]:
        return tx.select(greylist.select()) + tx.select(greylist_networks.select())

    found = await database.read(rows)
    assert len(found) == 2  # another key, another digest
    assert all(isinstance(value, int) for row in found for value in row)


async def test_without_a_database_nobody_is_put_off(check: Greylist, database: Database) -> None:
    await database.close()
    with pytest.raises(Failure):
        await ran(check, message())
    assert check.failed(message(), "away") == ()
    assert check.counts["failed"] == 1
