"""Lists of senders: how entries are spelled and kept, and which one fits a message."""

import pytest
from sqlalchemy import select

from pillarbox.base.errors import Invalid, NotFound
from pillarbox.domain.judgement.model import Action
from pillarbox.domain.sender_lists import lists, model
from pillarbox.domain.sender_lists.model import SERVER, TOPIC, Owner, Scope, Sender
from pillarbox.domain.sender_lists.tables import sender_entries
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: b"k" * 32})
ANN = Owner(Scope.USER, 7)
HERE = Owner(Scope.DOMAIN, 3)


async def found(database: Database, sender: Sender, owner: Owner = ANN) -> Action | None:
    known = await database.read(lists.load, KEYS, (owner,))
    match = known[owner].find(sender)
    return None if match is None else match[0].action


async def add(database: Database, pattern: str, action: Action, owner: Owner = ANN) -> None:
    await database.write(lists.add, KEYS, owner, pattern, action)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Bob@Example.ORG", "bob@example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("@example.org", "example.org"),
        ("example.org.", "example.org"),
        (".example.org", ".example.org"),
        ("*.example.org", ".example.org"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("192.0.2.99/24", "192.0.2.0/24"),
        ("2001:db8::1", "2001:db8::1/128"),
    ],
)
def test_spelling(typed: str, kept: str) -> None:
    assert lists.spelling(typed, Scope.SERVER) == kept


@pytest.mark.parametrize("typed", ["", "a b@example.org", "x" * 400, "bob@", "@", "a\nb@c.example"])
def test_what_can_not_be_on_a_list(typed: str) -> None:
    with pytest.raises(Invalid):
        lists.spelling(typed, Scope.SERVER)


async def test_refusals(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Invalid, match="whole server"):
        await add(database, "192.0.2.0/24", Action.REFUSE)
    with pytest.raises(Invalid):
        await add(database, "x.example", Action.DEFER)
    with pytest.raises(NotFound):
        await database.write(lists.remove, KEYS, ANN, "x.example")
    monkeypatch.setattr(lists, "ENTRIES_MOST", 2)
    for name in ("a", "b", "b"):  # one that is there already takes no more room
        await add(database, f"{name}.example", Action.JUNK)
    with pytest.raises(Invalid, match="at most"):
        await add(database, "c.example", Action.JUNK)


async def test_the_closest_entry_decides(database: Database) -> None:
    await add(database, ".example", Action.REFUSE)
    await add(database, "shop.example", Action.JUNK)
    await add(database, "bob@shop.example", Action.ALLOW)

    def of(address: str) -> Sender:
        return Sender(authors=(address,), authentic_author=address)

    assert await found(database, of("bob@shop.example")) is Action.ALLOW
    assert await found(database, of("eve@shop.example")) is Action.JUNK
    assert await found(database, of("eve@deep.shop.example")) is Action.REFUSE
    assert await found(database, of("eve@example.org")) is None
    assert await found(database, of("eve@notshop.examples")) is None


async def test_only_the_authentic_are_let_in(database: Database) -> None:
    await add(database, "bob@shop.example", Action.ALLOW)
    forged = Sender(authors=("bob@shop.example",), envelope="bob@shop.example")
    assert await found(database, forged) is None
    known = Sender(envelope="bob@shop.example", authentic_envelope=True)
    assert await found(database, known) is Action.ALLOW
    # SPF for the envelope says nothing of who stands in From.
    other = Sender(
        authors=("bob@shop.example",), envelope="eve@bad.example", authentic_envelope=True
    )
    assert await found(database, other) is None


async def test_unless_the_entry_says_so(database: Database) -> None:
    def lax(tx: Tx) -> None:
        lists.add(tx, KEYS, ANN, "bob@shop.example", Action.ALLOW, even_unauthenticated=True)

    await database.write(lax)
    assert await found(database, Sender(authors=("bob@shop.example",))) is Action.ALLOW


async def test_forged_or_not_the_blocked_stay_out(database: Database) -> None:
    await add(database, "shop.example", Action.JUNK)
    several = Sender(authors=("ann@nice.example", "eve@shop.example"))
    assert await found(database, several) is Action.JUNK
    assert await found(database, Sender(envelope="eve@shop.example")) is Action.JUNK


async def test_of_two_alike_the_one_that_keeps_out(database: Database) -> None:
    await add(database, "a.example", Action.ALLOW)
    await add(database, "b.example", Action.JUNK)
    both = Sender(authors=("x@a.example",), authentic_author="x@a.example", envelope="x@b.example")
    assert await found(database, both) is Action.JUNK


async def test_networks(database: Database) -> None:
    await add(database, "192.0.2.0/24", Action.REFUSE, SERVER)
    await add(database, "192.0.2.7", Action.ALLOW, SERVER)
    assert await found(database, Sender(ip="192.0.2.8"), SERVER) is Action.REFUSE
    assert await found(database, Sender(ip="192.0.2.7"), SERVER) is Action.ALLOW
    assert await found(database, Sender(ip="2001:db8::1"), SERVER) is None
    assert await found(database, Sender(ip="not an address"), SERVER) is None


async def test_lists_are_apart(database: Database) -> None:
    await add(database, "shop.example", Action.JUNK, HERE)
    assert await found(database, Sender(envelope="x@shop.example"), ANN) is None
    assert await found(database, Sender(envelope="x@shop.example"), HERE) is Action.JUNK
    await database.write(lists.forget, HERE)
    assert await found(database, Sender(envelope="x@shop.example"), HERE) is None


async def test_remove_takes_what_is_below_too(database: Database, published: list[str]) -> None:
    await add(database, "shop.example", Action.JUNK)
    await add(database, ".shop.example", Action.JUNK)
    assert await database.write(lists.remove, KEYS, ANN, "Shop.example") == 2
    assert await database.read(lists.all_of, KEYS, ANN) == []
    assert TOPIC in published


async def test_the_table_tells_nothing(database: Database) -> None:
    await add(database, "bob@shop.example", Action.JUNK)
    ((entry,),) = await database.read(lambda tx: tx.select(select(sender_entries.c.entry)))
    assert b"bob" not in bytes(entry)
    assert b"shop" not in bytes(entry)


def test_patterns_are_bounded() -> None:
    deep = ".".join("a" * 1 for _ in range(5000))
    assert len(model.patterns(f"x@{deep}")) < 200
