"""Reputations: counted by account and for all, halved with time, told by nobody's table."""

import pytest

from kit.clock import FakeClock
from pillarbox.base.ids import AccountId
from pillarbox.domain.reputation import history
from pillarbox.domain.reputation.model import (
    SERVER,
    Kind,
    Origin,
    Outcome,
    Standing,
    network_of,
)
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing

KEYS = KeyRing({1: bytes(32)})
ANN, BOB = AccountId(1), AccountId(2)
ORIGIN = Origin("Eve@News.test", "news.test", ("news.test", "relay.test"), "192.0.2.9")


async def count(database: Database, outcome: Outcome, *accounts: int, times: int = 1) -> None:
    await database.write(history.add, history.weigh(KEYS, ORIGIN, accounts, outcome, times))


async def standing(
    database: Database, scope: int, kind: Kind = Kind.DOMAIN, origin: Origin = ORIGIN
) -> Standing | None:
    found = await database.read(history.standings, KEYS, origin, (ANN, BOB))
    return found.get((scope, kind))


async def test_what_came_of_mail_is_known_to_its_account_and_the_server(
    database: Database,
) -> None:
    assert await standing(database, ANN) is None
    await count(database, Outcome.SPAM, ANN)
    for kind in Kind:
        assert await standing(database, ANN, kind) == Standing(0.0, 1.0)
        # One user's word counts half for all others.
        assert await standing(database, SERVER, kind) == Standing(0.0, 0.5)
    assert await standing(database, BOB) is None
    neighbour = Origin(ip="192.0.2.77")
    assert await standing(database, ANN, Kind.NETWORK, neighbour) == Standing(0.0, 1.0)
    assert await standing(database, ANN, Kind.IP, neighbour) is None
    assert await database.read(
        history.standing, KEYS, SERVER, Kind.DOMAIN, "NEWS.test"
    ) == Standing(0.0, 0.5)


async def test_a_correction_takes_it_back(database: Database) -> None:
    await count(database, Outcome.SPAM, ANN)
    await count(database, Outcome.SPAM, ANN, times=-1)
    await count(database, Outcome.HAM, ANN)
    assert await standing(database, ANN) == Standing(1.0, 0.0)
    await count(database, Outcome.SPAM, ANN, times=-1)
    assert await standing(database, ANN) == Standing(1.0, 0.0)


async def test_several_recipients_count_several_times_for_the_server(database: Database) -> None:
    await count(database, Outcome.ACCEPTED, ANN, BOB)
    assert await standing(database, ANN) == Standing(0.1, 0.0)
    assert await standing(database, SERVER) == Standing(0.2, 0.0)
    await count(database, Outcome.REFUSED)
    assert await standing(database, SERVER) == Standing(0.2, 0.3)


async def test_old_mail_counts_less_and_at_last_nothing(
    database: Database, clock: FakeClock
) -> None:
    await count(database, Outcome.HAM, ANN)
    clock.advance(days=history.PERIOD_DAYS)
    assert await standing(database, ANN) == Standing(0.5, 0.0)
    await count(database, Outcome.SPAM, ANN)
    assert await standing(database, ANN) == Standing(0.5, 1.0)
    clock.advance(days=2 * history.PERIOD_DAYS)
    await count(database, Outcome.SPAM, ANN)
    assert await standing(database, ANN) == Standing(0.125, 1.25)
    assert not await database.write(history.prune)
    clock.advance(days=history.PERIOD_DAYS * (history.KEEP_PERIODS + 1))
    while await database.write(history.prune):
        pass
    assert await standing(database, ANN) is None


async def test_a_clock_that_was_set_back_breaks_nothing(
    database: Database, clock: FakeClock
) -> None:
    await count(database, Outcome.HAM, ANN)
    clock.advance(days=-400)
    await count(database, Outcome.HAM, ANN)
    assert await standing(database, ANN) == Standing(2.0, 0.0)


async def test_what_an_account_knows_goes_with_it(database: Database) -> None:
    await count(database, Outcome.HAM, ANN, BOB)
    await database.write(history.forget, ANN)
    assert await standing(database, ANN) is None
    assert await standing(database, BOB) == Standing(1.0, 0.0)


def test_digests_are_keyed_and_older_keys_still_find() -> None:
    other = KeyRing({1: bytes(31) + b"x"})
    weighed = [set(history.weigh(keys, ORIGIN, (ANN,), Outcome.HAM)) for keys in (KEYS, other)]
    assert not weighed[0] & weighed[1]


async def test_names_stay_known_under_a_new_key(database: Database) -> None:
    await count(database, Outcome.HAM, ANN)
    newer = KeyRing({1: bytes(32), 2: bytes(31) + b"x"})
    found = await database.read(history.standings, newer, ORIGIN, (ANN,))
    assert found[ANN, Kind.ADDRESS] == Standing(1.0, 0.0)


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("192.0.2.9", "192.0.2.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("", ""),
        ("nonsense", ""),
    ],
)
def test_networks(ip: str, network: str) -> None:
    assert network_of(ip) == network


def test_an_unproved_name_has_no_reputation() -> None:
    assert [kind for kind, _ in Origin(ip="192.0.2.9").names()] == [Kind.IP, Kind.NETWORK]
    assert Origin().names() == ()
