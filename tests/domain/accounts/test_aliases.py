import pytest

from pillarbox.base.errors import Conflict, Exists, Invalid, NotFound, TooLarge
from pillarbox.domain.accounts import aliases, domains
from pillarbox.storage.db import Database


async def test_targets_keep_their_order_and_have_no_repeats(database: Database, add_user) -> None:
    await database.write(add_user, "ann@example.org")
    made = await database.write(
        aliases.create,
        "Info@example.org",
        ["Z@Elsewhere.net", "ANN@Example.org", "ann@example.org"],
    )
    assert made.address == "info@example.org"
    assert made.targets == ("Z@elsewhere.net", "ann@example.org")
    assert await database.read(aliases.get, "info@example.org") == made


async def test_an_alias_over_a_user_has_to_keep_a_copy(database: Database, add_user) -> None:
    await database.write(add_user, "ann@example.org")
    with pytest.raises(Conflict, match="keep a copy"):
        await database.write(aliases.create, "ann@example.org", ["x@elsewhere.net"])
    await database.write(aliases.create, "ann@example.org", ["ann@example.org", "x@elsewhere.net"])


async def test_refused_aliases(database: Database) -> None:
    await database.write(domains.create, "example.org")
    with pytest.raises(NotFound):
        await database.write(aliases.create, "info@example.net", ["x@elsewhere.net"])
    with pytest.raises(Invalid):
        await database.write(aliases.create, "info@example.org", [])
    with pytest.raises(Invalid):
        await database.write(aliases.create, "info@example.org", ["not an address"])
    targets = [f"x{n}@elsewhere.net" for n in range(aliases.MAX_TARGETS + 1)]
    with pytest.raises(TooLarge):
        await database.write(aliases.create, "info@example.org", targets)
    await database.write(aliases.create, "info@example.org", ["x@elsewhere.net"])
    with pytest.raises(Exists):
        await database.write(aliases.create, "INFO@example.org", ["y@elsewhere.net"])


async def test_changing_and_deleting(database: Database) -> None:
    domain = await database.write(domains.create, "example.org")
    made = await database.write(aliases.create, "info@example.org", ["x@elsewhere.net"])
    await database.write(aliases.set_targets, made, ["y@elsewhere.net", "z@elsewhere.net"])
    await database.write(aliases.set_enabled, made, False)
    (found,) = await database.read(aliases.list_of, domain)
    assert found.targets == ("y@elsewhere.net", "z@elsewhere.net")
    assert not found.enabled
    await database.write(aliases.delete, found)
    assert await database.read(aliases.list_of, None) == []
    with pytest.raises(NotFound):
        await database.read(aliases.require, "info@example.org")
