import pytest

from pillarbox.base.errors import Conflict, Exists, Invalid, NotFound
from pillarbox.domain.accounts import domains
from pillarbox.domain.accounts.model import TOPIC
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx


async def test_a_domain_is_found_in_every_spelling(
    database: Database, published: list[str]
) -> None:
    made = await database.write(domains.create, "Bücher.Example.")
    assert made.name == "xn--bcher-kva.example"
    for spelling in ("bücher.example", "XN--bcher-kva.EXAMPLE", "BÜCHER.example"):
        assert await database.read(domains.get, spelling) == made
    assert published == [TOPIC]


async def test_a_domain_can_be_made_once(database: Database) -> None:
    await database.write(domains.create, "example.org")
    with pytest.raises(Exists):
        await database.write(domains.create, "EXAMPLE.org")


@pytest.mark.parametrize("name", ["", "two words", "[192.0.2.1]", "a..b", "-x.org", "x" * 300])
async def test_what_is_no_domain_is_refused(database: Database, name: str) -> None:
    with pytest.raises(Invalid):
        await database.write(domains.create, name)


async def test_a_disabled_domain_stays_local(database: Database) -> None:
    made = await database.write(domains.create, "example.org")
    await database.write(domains.set_enabled, made, False)
    assert await database.read(domains.is_local, "example.org")
    assert not await database.read(domains.is_local, "example.net")
    (found,) = await database.read(domains.all_of)
    assert not found.enabled


async def test_catch_all(database: Database) -> None:
    made = await database.write(domains.create, "example.org")
    await database.write(domains.set_catch_all, made, "Some.One@Elsewhere.net")
    assert (await database.read(domains.require, "example.org")).catch_all == (
        "Some.One@elsewhere.net"
    )
    await database.write(domains.set_catch_all, made, None)
    assert (await database.read(domains.require, "example.org")).catch_all is None
    with pytest.raises(Invalid):
        await database.write(domains.set_catch_all, made, "nobody")


async def test_only_an_empty_domain_is_deleted(database: Database, add_user) -> None:
    await database.write(add_user, "ann@example.org")

    def delete(tx: Tx) -> None:
        domains.delete(tx, domains.require(tx, "example.org"))

    with pytest.raises(Conflict, match="1 users"):
        await database.write(delete)
    made = await database.write(domains.create, "empty.org")
    await database.write(domains.delete, made)
    with pytest.raises(NotFound):
        await database.read(domains.require, "empty.org")
