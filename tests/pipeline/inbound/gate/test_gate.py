"""Who is let in, how fast, and what becomes of those who guess."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.clock import FakeClock
from kit.geo import write_countries
from pillarbox.base.errors import Failure
from pillarbox.cluster.bus import LocalBus
from pillarbox.domain.bans import bans
from pillarbox.domain.bans.bans import TOPIC
from pillarbox.domain.policy.model import Policy, Rate
from pillarbox.net.geo import GeoDatabase
from pillarbox.pipeline.inbound.gate import ban_list
from pillarbox.pipeline.inbound.gate.gate import Gate
from pillarbox.pipeline.inbound.gate.model import Barred, GateOptions, TooFast
from pillarbox.pipeline.inbound.gate.tarpit import TarpitOptions
from pillarbox.pipeline.inbound.gate.visit import TRACES_HOUR, Visit
from pillarbox.storage.db import Database

IP, NEIGHBOUR = "192.0.2.7", "192.0.2.8"
MakeGate = Callable[..., Gate]


@pytest.fixture
def bus() -> LocalBus:
    return LocalBus()


@pytest.fixture
def make(database: Database, bus: LocalBus, clock: FakeClock) -> MakeGate:
    """Makes a gate: `make(options, geo)`."""

    def made(options: GateOptions | None = None, geo: GeoDatabase | None = None) -> Gate:
        return Gate(database, bus, clock, options or GateOptions(), geo)

    return made


async def admitted(gate: Gate, ip: str = IP, *, exempt: bool = False) -> Failure | None:
    return await Visit(gate, ip, exempt=exempt).admit()


async def test_barred_networks_are_not_let_in(
    make: MakeGate, database: Database, bus: LocalBus, clock: FakeClock
) -> None:
    gate = make()
    assert await admitted(gate) is None
    await database.write(bans.add, "192.0.2.0/29", 60_000, "spam")
    assert await admitted(gate) is None  # nobody has said so yet
    bus.publish(TOPIC)
    assert isinstance(await admitted(gate), Barred)
    assert isinstance(await admitted(gate, "::ffff:192.0.2.1"), Barred)
    assert await admitted(gate, NEIGHBOUR) is None
    assert await admitted(gate, exempt=True) is None
    clock.advance(seconds=60)
    assert await admitted(gate) is None


async def test_a_lost_hint_is_made_up_for(
    make: MakeGate, database: Database, clock: FakeClock
) -> None:
    gate = make()
    assert await admitted(gate, "2001:db8::1") is None
    await database.write(bans.add, "2001:db8::/32")
    clock.advance(seconds=30)
    assert isinstance(await admitted(gate, "2001:db8::1"), Barred)
    gate.close()


async def test_without_a_database_the_list_stays(
    make: MakeGate, database: Database, clock: FakeClock
) -> None:
    gate = make()
    await database.write(bans.add, IP)
    assert isinstance(await admitted(gate), Barred)
    await database.close()
    clock.advance(seconds=60)
    assert isinstance(await admitted(gate), Barred)
    assert await admitted(gate, NEIGHBOUR) is None


@pytest.mark.parametrize(
    ("allow", "deny", "refused"),
    [
        ((), ("DE",), {"192.0.2.7"}),
        (("DE",), (), {"198.51.100.7"}),
        (("DE", "FR"), ("FR",), {"198.51.100.7"}),
        ((), (), set()),
    ],
)
async def test_countries(
    make: MakeGate, tmp_path: Path, allow: tuple[str], deny: tuple[str], refused: set[str]
) -> None:
    path = tmp_path / "geo.mmdb"
    write_countries(path, {"192.0.2.0/24": "DE", "198.51.100.0/24": "FR"})
    options = GateOptions(geo_allow=frozenset(allow), geo_deny=frozenset(deny))
    gate = make(options, GeoDatabase(path))
    found = {ip for ip in ("192.0.2.7", "198.51.100.7", "203.0.113.7") if await admitted(gate, ip)}
    assert found == refused
    assert await admitted(gate, "192.0.2.7", exempt=True) is None
    assert await admitted(make(options, GeoDatabase(tmp_path / "none")), "192.0.2.7") is None


async def test_connections_within_a_minute(make: MakeGate, clock: FakeClock) -> None:
    gate = make(GateOptions(connections_minute=2))
    assert [await admitted(gate) for _ in range(2)] == [None, None]
    assert isinstance(await admitted(gate), TooFast)
    assert await admitted(gate, NEIGHBOUR) is None
    clock.advance(minutes=1)
    assert await admitted(gate) is None


async def test_an_ipv6_network_is_one_client(make: MakeGate) -> None:
    gate = make(GateOptions(connections_minute=1))
    assert await admitted(gate, "2001:db8:0:1::1") is None
    assert isinstance(await admitted(gate, "2001:db8:0:1:ffff::2"), TooFast)
    assert await admitted(gate, "2001:db8:0:2::1") is None


async def test_messages_and_recipients(make: MakeGate, clock: FakeClock) -> None:
    gate = make(GateOptions(recipients_hour=7))
    policy = Policy("example.test", per_ip=Rate(2, 3600), per_domain=Rate(3, 3600))
    visit, other = Visit(gate, IP, exempt=False), Visit(gate, NEIGHBOUR, exempt=False)

    def message(one: Visit, recipients: int = 1) -> list[bool]:
        answers = [one.recipient(policy) is None for _ in range(recipients)]
        if any(answers):
            one.message([policy])
        return answers

    assert message(visit, 3) == [True] * 3  # one message, whoever it is for
    assert message(visit) == [True]
    assert message(visit) == [False]
    assert message(other) == [True]
    assert message(other) == [False]  # the fourth for the domain
    unlimited = Policy("other.test", rates=False)
    assert [visit.recipient(unlimited) is None for _ in range(4)] == [True, True, False, False]
    assert visit.recipient(Policy("x.test", per_ip=Rate(0, 1), per_domain=Rate(0, 1))) is not None
    clock.advance(hours=1)
    assert message(visit) == [True]
    exempt = Visit(gate, IP, exempt=True)
    assert all(exempt.recipient(policy) is None for _ in range(20))


async def test_who_guesses_is_slowed_down_and_barred(
    make: MakeGate, database: Database, bus: LocalBus, clock: FakeClock
) -> None:
    gate = make(GateOptions(unknown_recipients=5))
    visit = Visit(gate, IP, exempt=False)
    delays, answers = [], []
    for number in range(8):
        answers.append(await visit.unknown(f"guess{number}@example.test"))
        delays.append(visit.delay_s())
    assert delays == [0.0, 0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0]
    assert [answer is None for answer in answers] == [True] * 4 + [False] * 4
    (ban,) = await database.read(bans.running)
    assert (ban.network, ban.automatic) == ("192.0.2.7/32", True)
    assert ban.expires_ms == clock.now_ms() + 24 * 3_600_000
    bus.publish(TOPIC)
    assert isinstance(await admitted(gate), Barred)
    assert await admitted(gate, NEIGHBOUR) is None


async def test_guesses_count_across_processes(make: MakeGate, database: Database) -> None:
    options = GateOptions(unknown_recipients=6)
    visits = [Visit(make(options), IP, exempt=False) for _ in range(4)]
    await asyncio.gather(*(visit.unknown(f"{n}@x.test") for visit in visits for n in range(5)))
    (ban,) = await database.read(bans.running)
    assert ban.network == "192.0.2.7/32"


async def test_old_addresses_among_many_are_forgiven(make: MakeGate, database: Database) -> None:
    gate = make(GateOptions(unknown_recipients=5))
    visit = Visit(gate, IP, exempt=False)
    for number in range(30):
        visit.known(number)
        assert await visit.unknown(f"{number}@example.test") is None
        assert visit.delay_s() == 0.0
    assert await database.read(bans.running) == []


async def test_one_known_address_pays_for_no_guesses(make: MakeGate, database: Database) -> None:
    visit = Visit(make(GateOptions(unknown_recipients=5)), IP, exempt=False)
    answers = []
    for number in range(8):
        visit.known("postmaster")
        answers.append(await visit.unknown(f"{number}@example.test"))
    assert [answer is None for answer in answers] == [True] * 5 + [False] * 3
    assert len(await database.read(bans.running)) == 1


async def test_one_old_address_is_one_guess(make: MakeGate, database: Database) -> None:
    visit = Visit(make(GateOptions(unknown_recipients=5)), IP, exempt=False)
    for path in ("gone@example.test", "Gone@Example.test") * 20:
        assert await visit.unknown(path) is None
        assert visit.delay_s() == 0.0
    assert await database.read(bans.running) == []


async def test_what_never_comes_uses_up_nothing(make: MakeGate) -> None:
    gate = make()
    policy = Policy("example.test", per_ip=Rate(2, 3600), per_domain=Rate(3, 3600))
    for number in range(20):
        assert Visit(gate, f"192.0.2.{number}", exempt=False).recipient(policy) is None
    assert Visit(gate, IP, exempt=False).recipient(policy) is None


async def test_traces_of_one_client_end(make: MakeGate, clock: FakeClock) -> None:
    visit = Visit(make(), IP, exempt=False)
    assert [visit.may_be_traced() for _ in range(TRACES_HOUR + 1)] == [True] * TRACES_HOUR + [False]
    assert Visit(make(), IP, exempt=True).may_be_traced()
    clock.advance(hours=1)
    assert visit.may_be_traced()


async def test_a_long_list_is_not_read_again_at_each_hint(
    make: MakeGate,
    database: Database,
    bus: LocalBus,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ban_list, "MANY", 1)
    gate = make()
    for network in ("198.51.100.1", "198.51.100.2"):
        await database.write(bans.add, network)
    assert await admitted(gate) is None
    await database.write(bans.add, IP)
    bus.publish(TOPIC)
    assert await admitted(gate) is None
    clock.advance(seconds=5)
    assert isinstance(await admitted(gate), Barred)


async def test_guesses_grow_old(make: MakeGate, database: Database, clock: FakeClock) -> None:
    visit = Visit(make(GateOptions(unknown_recipients=5)), IP, exempt=False)
    for _ in range(5):
        for number in range(4):
            assert await visit.unknown(f"{number}@example.test") is None
        clock.advance(minutes=31)
    assert await database.read(bans.running) == []


async def test_guessers_are_stopped_without_a_database(make: MakeGate, database: Database) -> None:
    visit = Visit(make(GateOptions(unknown_recipients=5)), IP, exempt=False)
    await database.close()
    answers = [await visit.unknown(f"{number}@example.test") for number in range(5)]
    assert [answer is None for answer in answers] == [True] * 4 + [False]


async def test_errors_slow_down_and_are_bounded(make: MakeGate, clock: FakeClock) -> None:
    visit = Visit(make(GateOptions(tarpit=TarpitOptions(4.0, 10.0))), IP, exempt=False)
    delays = []
    for _ in range(10):
        visit.erred()
        delays.append(visit.delay_s())
    assert delays == [0.0, 0.0, 0.5, 1.0, 2.0, 4.0, 2.5, 0.0, 0.0, 0.0]
    assert Visit(make(), IP, exempt=False).delay_s(listed=True) == 0.5
    assert Visit(make(), IP, exempt=True).delay_s(listed=True) == 0.0


async def test_few_wait_at_once(make: MakeGate, clock: FakeClock) -> None:
    gate = make(GateOptions(tarpit=TarpitOptions(at_once=2)))
    visits = [Visit(gate, f"192.0.2.{number}", exempt=False) for number in range(1, 4)]
    assert [visit.delay_s(listed=True) for visit in visits] == [0.5, 0.5, 0.0]
    clock.advance(seconds=0.5)
    assert visits[2].delay_s(listed=True) == 0.5
    off = make(GateOptions(tarpit=TarpitOptions(longest_s=0)))
    assert Visit(off, IP, exempt=False).delay_s(listed=True) == 0.0


async def test_who_can_wait_waits_once_a_day(make: MakeGate, clock: FakeClock) -> None:
    gate = make()
    visit = Visit(gate, IP, exempt=False)
    assert visit.greeting_pause_s() == 1.0
    visit.greeted(early=True)
    assert visit.early
    assert visit.delay_s() == 0.5
    visit = Visit(gate, IP, exempt=False)
    assert visit.greeting_pause_s() == 1.0
    visit.greeted(early=False)
    assert not visit.early
    assert Visit(gate, IP, exempt=False).greeting_pause_s() == 0.0
    assert Visit(gate, NEIGHBOUR, exempt=False).greeting_pause_s() == 1.0
    assert Visit(gate, NEIGHBOUR, exempt=True).greeting_pause_s() == 0.0
    clock.advance(days=1)
    assert Visit(gate, IP, exempt=False).greeting_pause_s() == 1.0
