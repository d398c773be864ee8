"""Users' scripts: names, quotas, which one is active, and that nobody reads them at rest."""

import asyncio

import pytest
from sqlalchemy import select, update

from pillarbox.base.errors import Conflict, Exists, Invalid, NotFound, OverQuota
from pillarbox.base.ids import AccountId
from pillarbox.domain import changes
from pillarbox.domain.accounts import users
from pillarbox.domain.accounts.model import User
from pillarbox.domain.changes import Kind
from pillarbox.domain.sieve import scripts
from pillarbox.domain.sieve.model import (
    TOPIC,
    ScriptActive,
    ScriptInfo,
    ScriptQuota,
    ScriptTooLarge,
    TooManyScripts,
)
from pillarbox.domain.sieve.tables import sieve_scripts
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: b"k" * 32})
QUOTA = ScriptQuota(3, 100)


@pytest.fixture
async def ann(database: Database, add_user) -> User:
    return await database.write(add_user, "ann@example.org")


async def put(
    database: Database, user: User, name: str, content: bytes = b"keep;", quota: ScriptQuota = QUOTA
) -> ScriptInfo:
    return await database.write(scripts.put, KEYS, user.account_id, name, content, quota)


async def listed(database: Database, user: User) -> list[tuple[str, bool]]:
    found = await database.read(scripts.list_of, user.account_id)
    return [(one.name, one.active) for one in found]


async def test_a_script_is_kept_and_replaced(database: Database, ann: User, clock) -> None:
    first = await put(database, ann, "rules", b"keep;")
    assert (first.name, first.active, first.size_bytes) == ("rules", False, 5)
    clock.advance(seconds=5)
    await database.write(scripts.activate, ann.account_id, "rules")
    second = await put(database, ann, "rules", b"discard;")
    assert (second.id, second.active, second.size_bytes) == (first.id, True, 8)
    assert second.changed_ms == first.changed_ms + 5000
    assert second.version > first.version
    script = await database.read(scripts.get, KEYS, ann.account_id, "rules")
    assert (script.info, script.content) == (second, b"discard;")
    assert await database.read(scripts.active, KEYS, ann.account_id) == script
    assert await database.read(scripts.active_info, ann.account_id) == second


async def test_at_rest_it_is_sealed(database: Database, ann: User, add_user) -> None:
    await put(database, ann, "rules", b'redirect "secret@example.net";')
    rows = await database.read(lambda tx: tx.select(select(sieve_scripts.c.content)))
    assert b"secret" not in bytes(rows[0][0])
    bob = await database.write(add_user, "bob@example.org")
    with pytest.raises(NotFound):
        await database.read(scripts.get, KEYS, bob.account_id, "rules")


@pytest.mark.parametrize(
    "name", ["", "a\nb", "a\0b", "a\x7fb", "a\x85b", "a\u2028b", "\ud800", "x" * 129]
)
async def test_names_that_can_not_be(database: Database, ann: User, name: str) -> None:
    with pytest.raises(Invalid):
        await put(database, ann, name)
    with pytest.raises(NotFound):
        await database.read(scripts.get, KEYS, ann.account_id, name)
    with pytest.raises(NotFound):
        await database.write(scripts.activate, ann.account_id, name)
    assert await database.read(scripts.named, KEYS, ann.account_id, [name]) == {}


async def test_names_are_alike_in_any_composition(database: Database, ann: User) -> None:
    await put(database, ann, "Bu\u0308ro " + "\N{ROCKET}" * 123)
    kept = "B\N{LATIN SMALL LETTER U WITH DIAERESIS}ro " + "\N{ROCKET}" * 123
    assert await listed(database, ann) == [(kept, False)]
    await put(database, ann, kept)
    await put(database, ann, kept.lower())  # case tells names apart
    assert len(await listed(database, ann)) == 2
    found = await database.read(scripts.named, KEYS, ann.account_id, [kept, "none", kept])
    assert list(found) == [kept]
    other = "Bu\u0308ro " + "\N{ROCKET}" * 123
    assert await database.read(scripts.existing, ann.account_id, [other, "", "x"]) == {other}


async def test_quotas(database: Database, ann: User) -> None:
    for name in "abc":
        await put(database, ann, name, b"x" * 100)
    with pytest.raises(TooManyScripts) as many:
        await put(database, ann, "d")
    with pytest.raises(ScriptTooLarge) as large:
        await put(database, ann, "a", b"x" * 101)
    assert (many.value.what, large.value.what) == ("scripts", "size")
    assert isinstance(many.value, OverQuota)
    assert not many.value.temporary
    room = scripts.require_room
    await database.read(room, ann.account_id, "a", 100, QUOTA)
    with pytest.raises(ScriptTooLarge):
        await database.read(room, ann.account_id, "a", 101, QUOTA)
    with pytest.raises(TooManyScripts):
        await database.read(room, ann.account_id, "d", 1, QUOTA)
    await put(database, ann, "a", b"x" * 100)  # in the place of one there is room
    await database.write(scripts.delete, ann.account_id, "a")
    await database.read(room, ann.account_id, "d", 1, QUOTA)
    # A smaller quota than what is there takes nothing away.
    with pytest.raises(TooManyScripts):
        await put(database, ann, "d", quota=ScriptQuota(1, 100))
    await put(database, ann, "b", quota=ScriptQuota(1, 100))


async def test_the_quota_holds_whatever_comes_at_once(database: Database, ann: User) -> None:
    names = [f"script {number}" for number in range(12)]
    results = await asyncio.gather(
        *(put(database, ann, name) for name in names), return_exceptions=True
    )
    assert sum(isinstance(one, TooManyScripts) for one in results) == 9
    assert len(await listed(database, ann)) == 3
    kept = [name for name, _ in await listed(database, ann)]
    await asyncio.gather(
        *(database.write(scripts.activate, ann.account_id, kept[n % 3]) for n in range(12))
    )
    assert sum(active for _, active in await listed(database, ann)) == 1


async def test_the_schema_lets_one_be_active(database: Database, ann: User) -> None:
    for name in "ab":
        await put(database, ann, name)

    def activate_all(tx: Tx) -> None:
        tx.change(update(sieve_scripts).values(active=1))

    with pytest.raises(Conflict):
        await database.write(activate_all)


async def test_activating(database: Database, ann: User) -> None:
    for name in "ab":
        await put(database, ann, name)
    assert await database.read(scripts.active, KEYS, ann.account_id) is None
    await database.write(scripts.activate, ann.account_id, "a")
    assert await listed(database, ann) == [("a", True), ("b", False)]
    await database.write(scripts.activate, ann.account_id, "b")
    assert await listed(database, ann) == [("a", False), ("b", True)]
    with pytest.raises(NotFound):
        await database.write(scripts.activate, ann.account_id, "c")
    assert await listed(database, ann) == [("a", False), ("b", True)]
    await database.write(scripts.activate, ann.account_id, None)
    assert await database.read(scripts.active_info, ann.account_id) is None


async def test_the_active_one_is_not_deleted(database: Database, ann: User) -> None:
    await put(database, ann, "a")
    await database.write(scripts.activate, ann.account_id, "a")
    with pytest.raises(ScriptActive):
        await database.write(scripts.delete, ann.account_id, "a")
    await database.write(scripts.activate, ann.account_id, None)
    await database.write(scripts.delete, ann.account_id, "a")
    assert await listed(database, ann) == []
    with pytest.raises(NotFound):
        await database.write(scripts.delete, ann.account_id, "a")


async def test_renaming(database: Database, ann: User) -> None:
    await put(database, ann, "a", b"discard;")
    await put(database, ann, "b")
    await database.write(scripts.activate, ann.account_id, "a")
    rename = scripts.rename
    with pytest.raises(Exists):
        await database.write(rename, ann.account_id, "a", "b")
    with pytest.raises(Exists):
        await database.write(rename, ann.account_id, "a", "a")
    with pytest.raises(NotFound):
        await database.write(rename, ann.account_id, "x", "y")
    with pytest.raises(Invalid):
        await database.write(rename, ann.account_id, "a", "")
    before = await database.read(scripts.active_info, ann.account_id)
    await database.write(rename, ann.account_id, "a", "c")
    script = await database.read(scripts.active, KEYS, ann.account_id)
    assert script is not None
    assert before is not None
    assert (script.info.name, script.content) == ("c", b"discard;")
    assert script.info.version == before.version  # the text is the same


async def test_changes_are_noted_and_told(
    database: Database, ann: User, published: list[str]
) -> None:
    account = ann.account_id
    before = await database.read(changes.current_modseq, account)
    first = (await put(database, ann, "a")).id
    second = (await put(database, ann, "b")).id
    await database.write(scripts.activate, account, "a")
    await database.write(scripts.activate, account, "a")  # changes nothing
    await database.write(scripts.activate, account, "b")
    await database.write(scripts.rename, account, "a", "c")
    await database.write(scripts.delete, account, "c")
    noted = await database.read(changes.since, account, before)
    assert noted is not None
    assert {kind for _, kind, _ in noted} == {Kind.SCRIPT}
    found: dict[int, set[int]] = {}
    for modseq, _, script in noted:
        found.setdefault(modseq, set()).add(script)
    steps = [{first}, {second}, {first}, {first, second}, {first}, {first}]
    assert [found[modseq] for modseq in sorted(found)] == steps
    assert published.count(TOPIC) == len(steps)
    assert changes.topic(account) in published


async def test_it_goes_with_the_account(database: Database, ann: User, published) -> None:
    await put(database, ann, "a")
    await database.write(scripts.activate, ann.account_id, "a")
    published.clear()
    await database.write(users.delete, ann.account_id)
    assert await listed(database, ann) == []
    assert TOPIC in published


async def test_nobody_s_script(database: Database) -> None:
    with pytest.raises(NotFound):
        await database.write(scripts.put, KEYS, AccountId(7), "a", b"keep;", QUOTA)
    with pytest.raises(NotFound):
        await database.write(scripts.activate, AccountId(7), "a")
    await database.write(scripts.activate, AccountId(7), None)
