"""Addresses nothing is sent to."""

import pytest

from kit.clock import FakeClock
from kit.queue import put_without_blob, take_all
from pillarbox.base.errors import Invalid
from pillarbox.base.ids import DomainId
from pillarbox.domain.accounts import domains
from pillarbox.domain.queue import suppression
from pillarbox.domain.queue.model import Outgoing
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx


def _domain(tx: Tx, name: str) -> DomainId:
    return domains.create(tx, name).id


async def test_entries_hold_for_a_domain_or_for_everybody(database: Database) -> None:
    here = await database.write(_domain, "here.test")
    other = await database.write(_domain, "other.test")
    await database.write(suppression.add, None, "Everybody@C.test", "bounced")
    await database.write(suppression.add, here, "one@c.test", "complained")
    asked = ["everybody@c.test", "ONE@c.test", "fine@c.test"]
    read = database.read
    both = {"everybody@c.test": "bounced", "ONE@c.test": "complained"}
    assert await read(suppression.suppressed, here, asked) == both
    assert await read(suppression.suppressed, other, asked) == {"everybody@c.test": "bounced"}
    assert await read(suppression.suppressed, None, asked) == {"everybody@c.test": "bounced"}
    assert await read(suppression.suppressed, here, []) == {}


async def test_an_entry_is_changed_and_removed(database: Database, clock: FakeClock) -> None:
    write = database.write
    await write(suppression.add, None, "x@c.test", "first")
    began_ms = clock.now_ms()
    clock.advance(hours=1)
    await write(suppression.add, None, "x@C.TEST", "second", clock.now_ms() + 1000)
    (entry,) = await database.read(suppression.list_of)
    assert (entry.address, entry.reason, entry.domain_id) == ("x@c.test", "second", None)
    assert (entry.created_ms, entry.expires_ms) == (began_ms, clock.now_ms() + 1000)
    assert await write(suppression.remove, None, "X@c.test")
    assert not await write(suppression.remove, None, "x@c.test")
    assert await database.read(suppression.list_of) == []


async def test_an_entry_ends(database: Database, clock: FakeClock) -> None:
    await database.write(suppression.add, None, "x@c.test", "for now", clock.now_ms() + 1000)
    await database.write(suppression.add, None, "y@c.test", "for good")
    asked = ["x@c.test", "y@c.test"]
    assert len(await database.read(suppression.suppressed, None, asked)) == 2
    assert await database.write(suppression.sweep, 10) == 0
    clock.advance(seconds=1)
    assert list(await database.read(suppression.suppressed, None, asked)) == ["y@c.test"]
    assert await database.write(suppression.sweep, 10) == 1
    assert [entry.address for entry in await database.read(suppression.list_of)] == ["y@c.test"]


async def test_what_waits_is_looked_at_again(database: Database) -> None:
    here = await database.write(_domain, "here.test")
    asked = [f"r{number}@c.test" for number in range(300)]
    await database.write(put_without_blob, *asked)
    null = Outgoing("", ())
    await database.write(lambda tx: put_without_blob(tx, "r7@c.test", outgoing=null))
    await database.write(suppression.add, here, "R7@c.test", "complained")
    await database.write(suppression.add, None, "r299@c.test", "bounced")
    messages = await database.write(take_all)
    found = {
        (message.reverse_path, one.address): one.suppressed
        for message in messages
        for one in message.recipients
        if one.suppressed is not None
    }
    assert found == {
        ("ann@here.test", "r7@c.test"): "complained",
        ("ann@here.test", "r299@c.test"): "bounced",
    }


@pytest.mark.parametrize(
    ("entered", "used"),
    [
        ("x@bücher.test", "x@xn--bcher-kva.test"),
        ("x@XN--bcher-kva.test", "x@bücher.test"),
        ("rené@c.test", "rene\u0301@c.test"),
        (" <x@c.test> ", "x@c.test"),
    ],
)
async def test_spellings_are_one_address(database: Database, entered: str, used: str) -> None:
    await database.write(suppression.add, None, entered, "why")
    assert await database.read(suppression.suppressed, None, [used]) == {used: "why"}


@pytest.mark.parametrize("text", ["", "nobody", "a@b@c", "@c.test", "x@c..test"])
async def test_what_is_no_address_is_refused(database: Database, text: str) -> None:
    with pytest.raises(Invalid, match="not an address"):
        await database.write(suppression.add, None, text, "why")
