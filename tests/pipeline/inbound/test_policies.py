"""Policies as mail meets them: remembered, dropped at a change, the user's wishes over them."""

from collections.abc import AsyncIterator

import pytest

from kit.clock import FakeClock
from pillarbox.base.ids import AccountId
from pillarbox.cluster.bus import LOOK_EVERY_S, LocalBus
from pillarbox.domain.policy import policies
from pillarbox.domain.policy.model import DEFAULT, TOPIC, Wishes
from pillarbox.pipeline.inbound import policies as module
from pillarbox.pipeline.inbound.policies import Policies
from pillarbox.storage.db import Database

ANN = AccountId(7)
HERE = "example.org"


class Bench:
    """A process's policies, and another process that changes them."""

    def __init__(self, database: Database, clock: FakeClock) -> None:
        self.database = database
        self.bus = LocalBus()
        self.clock = clock
        self.policies = Policies(database, self.bus, clock, 9.0)

    async def put(self, domain: str, **wanted: str) -> None:
        await self.database.write(policies.set_values, domain, wanted)

    async def junk_score(self, domain: str = HERE) -> float | None:
        return (await self.policies.of(domain)).rules.junk_score


@pytest.fixture
async def bench(database: Database, clock: FakeClock) -> AsyncIterator[Bench]:
    made = Bench(database, clock)
    yield made
    made.policies.close()


async def test_a_change_is_seen_at_a_hint(bench: Bench) -> None:
    assert await bench.junk_score() == 9
    await bench.put(HERE, spam_junk_score="4")
    assert await bench.junk_score() == 9  # remembered
    bench.bus.publish(TOPIC)
    assert await bench.junk_score() == 4


async def test_a_change_is_seen_without_a_hint_after_a_while(bench: Bench) -> None:
    assert await bench.junk_score() == 9
    await bench.put(DEFAULT, spam_junk_score="4")
    bench.clock.advance(seconds=LOOK_EVERY_S + 1)
    assert await bench.junk_score() == 4


@pytest.mark.parametrize("spelling", ["EXAMPLE.org", "example.org."])
async def test_domains_in_any_spelling(bench: Bench, spelling: str) -> None:
    await bench.put(HERE, spam_junk_score="4")
    assert await bench.junk_score(spelling) == 4


@pytest.mark.parametrize("name", ["", "no domain", "x" * 300, "_default"])
async def test_what_is_no_domain_has_the_default(bench: Bench, name: str) -> None:
    await bench.put(DEFAULT, spam_junk_score="4")
    assert await bench.junk_score(name) == 4


async def test_users_have_what_they_want(bench: Bench) -> None:
    await bench.database.write(policies.set_wishes, ANN, Wishes(junk_score=3.0, refuse_score=6.0))
    found = await bench.policies.rules(ANN, HERE)
    assert (found.junk_score, found.refuse_score) == (3, 6)
    assert (await bench.policies.rules(None, HERE)).junk_score == 9
    assert (await bench.policies.rules(AccountId(8), HERE)).junk_score == 9
    await bench.put(HERE, spam_enabled="0")
    bench.bus.publish(TOPIC)
    found = await bench.policies.rules(ANN, HERE)
    assert (found.junk_score, found.refuse_score) == (None, None)


async def test_memory_is_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 3)
    for number in range(10):
        await bench.policies.rules(AccountId(number + 1), f"d{number}.example")
    assert len(bench.policies._policies) == 3
    assert len(bench.policies._wishes) == 3
