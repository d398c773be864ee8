"""The life of keys, on every kind of database."""

from datetime import UTC, datetime

import pytest

from kit.clock import FakeClock
from pillarbox.base.errors import Conflict, Exists, Invalid, NotFound, Unavailable
from pillarbox.domain.accounts import domains
from pillarbox.domain.accounts.model import Domain
from pillarbox.domain.signing import keys
from pillarbox.domain.signing.make import (
    KeyChoice,
    dated_selector,
    first_keys,
    one_key,
    successors,
)
from pillarbox.domain.signing.model import TOPIC, DkimKey, KeyState, NewKey
from pillarbox.formats.mailauth.keys import KeyAlgorithm, load_der, new_key
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing

RING = KeyRing({1: b"k" * 32})
RSA = new_key(KeyAlgorithm.RSA, 1024)


def rsa(selector: str) -> NewKey:
    return NewKey(selector, RSA.algorithm, RSA.der(), RSA.public())


@pytest.fixture
async def domain(database: Database) -> Domain:
    return await database.write(domains.create, "example.org")


async def states(database: Database, domain: Domain) -> dict[str, str]:
    found = await database.read(keys.of_domain, domain.id)
    return {key.selector: key.state.name for key in found}


async def get(database: Database, domain: Domain, selector: str) -> DkimKey:
    return await database.read(keys.require, domain.id, selector)


async def test_a_domain_gets_keys_once(database: Database, domain: Domain) -> None:
    new = (rsa("mail"), one_key(KeyChoice.ED25519, "mail-ed25519"))
    assert await database.write(keys.add_first, RING, domain.id, new)
    assert not await database.write(keys.add_first, RING, domain.id, (rsa("other"),))
    assert await states(database, domain) == {"mail": "ACTIVE", "mail-ed25519": "ACTIVE"}
    found = await database.read(keys.active, domain.id)
    assert [selector for _, selector, _ in found] == ["mail", "mail-ed25519"]
    assert await database.read(keys.domain_ids) == {domain.id}


async def test_private_keys_are_sealed_for_their_row(database: Database, domain: Domain) -> None:
    for selector in ("one", "two"):
        await database.write(keys.add, RING, domain.id, rsa(selector), KeyState.PREPARED)
        key = await get(database, domain, selector)
        await database.write(keys.activate, key)
        (row,) = await database.read(keys.active, domain.id)
        key_id, _, sealed = row
        assert RSA.der() not in sealed
        assert load_der(keys.opened(RING, key_id, sealed)).public() == RSA.public()
        with pytest.raises(Unavailable):
            keys.opened(RING, key_id + 1, sealed)
        with pytest.raises(Unavailable):
            keys.opened(KeyRing({1: b"x" * 32}), key_id, sealed)
    assert str(RSA.der()) not in repr(rsa("one"))


async def test_one_of_a_kind_signs(
    database: Database, domain: Domain, clock: FakeClock, published: list[str]
) -> None:
    await database.write(keys.add, RING, domain.id, rsa("old"), KeyState.ACTIVE)
    await database.write(
        keys.add, RING, domain.id, one_key(KeyChoice.ED25519, "ed"), KeyState.ACTIVE
    )
    await database.write(keys.add, RING, domain.id, rsa("new"), KeyState.PREPARED)
    published.clear()
    clock.advance(days=1)
    await database.write(keys.activate, await get(database, domain, "new"))
    assert published == [TOPIC]
    assert await states(database, domain) == {"new": "ACTIVE", "ed": "ACTIVE", "old": "RETIRING"}
    with pytest.raises(Conflict):
        await database.write(keys.activate, await get(database, domain, "new"))
    # Going back is possible while the private half is there.
    await database.write(keys.activate, await get(database, domain, "old"))
    assert (await states(database, domain))["new"] == "RETIRING"


async def test_retired_keys_end_after_a_fortnight(
    database: Database, domain: Domain, clock: FakeClock
) -> None:
    await database.write(keys.add, RING, domain.id, rsa("mail"), KeyState.ACTIVE)
    await database.write(keys.retire, await get(database, domain, "mail"))
    clock.advance(days=13)
    assert await database.write(keys.forget_retired) == 0
    key = await get(database, domain, "mail")
    assert await database.read(keys.private, RING, key) == RSA.der()
    clock.advance(days=1)
    assert await database.write(keys.forget_retired) == 1
    key = await get(database, domain, "mail")
    assert key.state is KeyState.RETIRED
    with pytest.raises(Conflict):
        await database.read(keys.private, RING, key)
    for change in (keys.activate, keys.retire):
        with pytest.raises(Conflict):
            await database.write(change, key)
    assert await database.read(keys.active, domain.id) == []
    assert not await database.write(keys.add_first, RING, domain.id, (rsa("again"),))


async def test_a_key_that_never_signed_ends_at_once(database: Database, domain: Domain) -> None:
    await database.write(keys.add, RING, domain.id, rsa("mail"), KeyState.PREPARED)
    await database.write(keys.retire, await get(database, domain, "mail"))
    assert await states(database, domain) == {"mail": "RETIRED"}


async def test_refusals(database: Database, domain: Domain) -> None:
    await database.write(keys.add, RING, domain.id, rsa("mail"), KeyState.ACTIVE)
    with pytest.raises(Exists):
        await database.write(keys.add, RING, domain.id, rsa("mail"), KeyState.PREPARED)
    with pytest.raises(NotFound):
        await get(database, domain, "other")
    assert (await get(database, domain, "MAIL")).selector == "mail"
    for number in range(keys.KEYS_MOST - 1):
        await database.write(keys.add, RING, domain.id, rsa(f"k{number}"), KeyState.PREPARED)
    with pytest.raises(Invalid):
        await database.write(keys.add, RING, domain.id, rsa("one-more"), KeyState.PREPARED)
    await database.write(keys.remove, await get(database, domain, "k0"))
    await database.write(keys.add, RING, domain.id, rsa("one-more"), KeyState.PREPARED)


async def test_keys_go_with_their_domain(database: Database, domain: Domain) -> None:
    await database.write(keys.add, RING, domain.id, rsa("mail"), KeyState.ACTIVE)
    await database.write(domains.delete, domain)
    assert await database.read(keys.domain_ids) == set()


class TestMaking:
    def test_choices(self) -> None:
        assert first_keys(KeyChoice.NONE, "mail") == ()
        found = first_keys(KeyChoice.BOTH, "mail")
        assert [(one.selector, one.algorithm) for one in found] == [
            ("mail", KeyAlgorithm.RSA),
            ("mail-ed25519", KeyAlgorithm.ED25519),
        ]
        (only,) = first_keys(KeyChoice.ED25519, "Mail")
        assert (only.selector, len(only.public)) == ("mail", 32)
        with pytest.raises(Invalid):
            one_key(KeyChoice.BOTH, "mail")
        for selector in ("", "a b", "x" * 64, "-a", "a.", "ü"):
            with pytest.raises(Invalid):
                one_key(KeyChoice.ED25519, selector)

    def test_dated_selectors(self) -> None:
        today = datetime(2026, 11, 3, tzinfo=UTC)
        assert dated_selector("mail", today, ()) == "mail-20261103"
        assert dated_selector("mail-20250101b", today, ()) == "mail-20261103"
        assert dated_selector("mail", today, {"mail-20261103"}) == "mail-20261103b"
        assert len(dated_selector("x" * 63, today, ())) <= 63

    async def test_successors(self, database: Database, domain: Domain) -> None:
        today = datetime(2026, 11, 3, tzinfo=UTC)
        with pytest.raises(NotFound):
            successors([], None, today)
        new = (rsa("mail"), one_key(KeyChoice.ED25519, "ed"))
        await database.write(keys.add_first, RING, domain.id, new)
        present = await database.read(keys.of_domain, domain.id)
        found = successors(present, None, today)
        assert {one.selector for one in found} == {"mail-20261103", "ed-20261103"}
        (longer,) = successors(present, KeyChoice.RSA4096, today)
        await database.write(keys.add, RING, domain.id, longer, KeyState.PREPARED)
        present = await database.read(keys.of_domain, domain.id)
        assert {key.bits for key in present} == {1024, 256, 4096}
        with pytest.raises(Conflict, match="waits"):
            successors(present, None, today)
        (other,) = successors(present, KeyChoice.ED25519, today)
        assert other.algorithm is KeyAlgorithm.ED25519
