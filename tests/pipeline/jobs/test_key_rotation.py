"""The job that moves keys along, with name servers that show records or don't."""

from collections.abc import AsyncIterator

import pytest

from kit.clock import FakeClock
from kit.dns import FakeDns, Zone
from pillarbox.base.cpu import Cpu
from pillarbox.domain.accounts import domains
from pillarbox.domain.accounts.model import Domain
from pillarbox.domain.signing import keys
from pillarbox.domain.signing.make import KeyChoice, one_key
from pillarbox.domain.signing.model import DkimKey, KeyState
from pillarbox.pipeline.jobs.key_rotation import KeyRotation
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing

RING = KeyRing({1: b"k" * 32})


class Bench:
    """The job with its surroundings, and a domain."""

    def __init__(self, database: Database, clock: FakeClock, domain: Domain) -> None:
        self.database = database
        self.clock = clock
        self.domain = domain
        self.zone = Zone()
        self.cpu = Cpu(1, 8)
        self.dns = FakeDns(self.zone, clock)
        self.job = KeyRotation(database, RING, self.cpu, self.dns, KeyChoice.ED25519, "mail")

    async def keys(self) -> dict[str, DkimKey]:
        found = await self.database.read(keys.of_domain, self.domain.id)
        return {key.selector: key for key in found}

    async def states(self) -> dict[str, str]:
        return {selector: key.state.name for selector, key in (await self.keys()).items()}

    async def prepare(self, selector: str) -> DkimKey:
        new = one_key(KeyChoice.ED25519, selector)
        return await self.database.write(keys.add, RING, self.domain.id, new, KeyState.PREPARED)

    async def publish(self, selector: str) -> None:
        key = (await self.keys())[selector]
        self.zone.txt[key.record_name(self.domain.name)] = (key.record,)


@pytest.fixture
async def bench(database: Database, clock: FakeClock) -> AsyncIterator[Bench]:
    made = Bench(database, clock, await database.write(domains.create, "example.org"))
    yield made
    made.cpu.close()


async def test_domains_without_keys_get_some_once(bench: Bench) -> None:
    await bench.database.write(domains.create, "other.test")
    await bench.database.write(domains.create, "relay.test", True)
    await bench.job.run()
    assert await bench.states() == {"mail": "ACTIVE"}
    first = await bench.keys()
    assert len(await bench.database.read(keys.domain_ids)) == 2
    await bench.database.write(keys.retire, first["mail"])
    await bench.job.run()
    assert await bench.states() == {"mail": "RETIRING"}  # that was somebody's wish


async def test_none_are_made_where_none_are_wanted(bench: Bench) -> None:
    job = KeyRotation(bench.database, RING, bench.cpu, None, KeyChoice.NONE)
    await job.run()
    assert await bench.states() == {}


async def test_a_rotation(bench: Bench) -> None:
    await bench.job.run()
    await bench.publish("mail")
    await bench.job.run()
    assert (await bench.keys())["mail"].published_ms == bench.clock.now_ms()
    await bench.prepare("new")
    for _ in range(3):
        bench.clock.advance(hours=1)
        await bench.job.run()
    assert await bench.states() == {"new": "PREPARED", "mail": "ACTIVE"}  # nobody published it
    await bench.publish("new")
    await bench.job.run()
    assert (await bench.states())["new"] == "PREPARED"  # not all servers may have it yet
    bench.clock.advance(hours=1)
    await bench.job.run()
    assert await bench.states() == {"new": "ACTIVE", "mail": "RETIRING"}
    bench.clock.advance(days=14)
    await bench.job.run()
    assert await bench.states() == {"new": "ACTIVE", "mail": "RETIRED"}


async def test_a_key_the_dns_no_longer_shows_is_not_switched_to(bench: Bench) -> None:
    await bench.job.run()
    await bench.prepare("new")
    await bench.publish("new")
    await bench.job.run()
    name = "new._domainkey.example.org"
    shown = bench.zone.txt.pop(name)
    bench.clock.advance(hours=1)
    await bench.job.run()
    assert (await bench.keys())["new"].published_ms is None
    bench.zone.txt[name] = ("v=DKIM1; k=ed25519; p=" + "A" * 43 + "=",)  # another's key
    await bench.job.run()
    assert (await bench.states())["new"] == "PREPARED"
    bench.zone.txt[name] = shown
    await bench.job.run()
    bench.zone.failing.add(name)  # no answer is no sight of it either
    bench.clock.advance(hours=2)
    await bench.job.run()
    assert (await bench.states())["new"] == "PREPARED"
    assert (await bench.keys())["new"].published_ms is not None
    bench.zone.failing.clear()
    await bench.job.run()
    assert (await bench.states())["new"] == "ACTIVE"


async def test_retired_keys_are_not_asked_for(bench: Bench) -> None:
    await bench.prepare("old")
    await bench.database.write(keys.retire, (await bench.keys())["old"])
    await bench.job.run()
    assert not [name for name in bench.dns.asked if "old" in name]
