"""Scripts of the site: in which order they run, and which may be included."""

import pytest

from pillarbox.base.errors import Invalid, NotFound, TooLarge
from pillarbox.domain.accounts import domains
from pillarbox.domain.sieve import site
from pillarbox.domain.sieve.model import TOPIC, GlobalScript, Phase
from pillarbox.storage.db import Database

HERE, THERE = "example.org", "example.net"


async def put(
    database: Database,
    domain: str,
    phase: Phase,
    name: str,
    content: bytes = b"keep;",
    position: int | None = None,
) -> GlobalScript:
    return await database.write(site.put, domain, phase, name, content, position)


async def test_the_order_in_which_they_run(database: Database) -> None:
    for domain in (HERE, "", THERE):
        for phase in (Phase.AFTER, Phase.INCLUDE, Phase.BEFORE):
            for number in (1, 2):
                await put(database, domain, phase, f"{phase} {number}")
    running = await database.read(site.for_domain, HERE)
    assert [(one.domain, one.name) for one in running] == [
        ("", "before 1"),
        ("", "before 2"),
        (HERE, "before 1"),
        (HERE, "before 2"),
        (HERE, "after 1"),
        (HERE, "after 2"),
        ("", "after 1"),
        ("", "after 2"),
    ]
    await put(database, HERE, Phase.BEFORE, "first", position=0)
    await database.write(site.enable, HERE, "before 2", False)
    running = await database.read(site.for_domain, HERE)
    assert [one.name for one in running if one.domain][:3] == ["first", "before 1", "after 1"]
    elsewhere = await database.read(site.for_domain, "other.example")
    assert {one.domain for one in elsewhere} == {""}


async def test_replacing(database: Database, published: list[str]) -> None:
    first = await put(database, "", Phase.BEFORE, "a")
    await put(database, "", Phase.BEFORE, "b")
    await database.write(site.enable, "", "a", False)
    second = await put(database, "", Phase.BEFORE, "a", b"discard;")
    assert (second.id, second.position, second.enabled) == (first.id, first.position, False)
    assert second.version != first.version
    assert await database.read(site.get, "", "a") == second
    moved = await put(database, "", Phase.AFTER, "a")
    assert moved.phase is Phase.AFTER
    names = [(one.phase, one.name) for one in await database.read(site.list_of, "")]
    assert names == [(Phase.AFTER, "a"), (Phase.BEFORE, "b")]
    assert published.count(TOPIC) == 5


async def test_what_may_be_included(database: Database) -> None:
    await put(database, "", Phase.INCLUDE, "lists", b"keep;")
    await put(database, "", Phase.INCLUDE, "spam", b"keep;")
    await put(database, HERE, Phase.INCLUDE, "spam", b"discard;")
    await put(database, "", Phase.BEFORE, "early")
    asked = ["spam", "lists", "early", "none", "", "\ud800"]
    found = await database.read(site.includable, HERE, asked)
    assert {name: one.domain for name, one in found.items()} == {"spam": HERE, "lists": ""}
    assert (await database.read(site.includable, THERE, ["spam"]))["spam"].domain == ""
    await database.write(site.enable, HERE, "spam", False)
    assert (await database.read(site.includable, HERE, ["spam"]))["spam"].domain == ""


async def test_refusals(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Invalid):
        await put(database, "", Phase.BEFORE, "a\nb")
    with pytest.raises(Invalid, match="position"):
        await put(database, "", Phase.BEFORE, "a", position=-1)
    with pytest.raises(NotFound, match="of the server"):
        await database.write(site.delete, "", "a")
    with pytest.raises(NotFound, match=HERE):
        await database.write(site.enable, HERE, "a")
    monkeypatch.setattr(site, "SCRIPTS_MOST", 1)
    await put(database, "", Phase.BEFORE, "a")
    await put(database, "", Phase.BEFORE, "a")
    with pytest.raises(TooLarge):
        await put(database, "", Phase.BEFORE, "b")


async def test_it_goes_with_the_domain(database: Database) -> None:
    domain = await database.write(domains.create, HERE)
    for whose in (HERE, ""):
        await put(database, whose, Phase.BEFORE, "a")
    await database.write(domains.delete, domain)
    assert [one.domain for one in await database.read(site.list_of, None)] == [""]
    await database.write(site.delete, "", "a")
    assert await database.read(site.list_of, None) == []
