"""Tokens: how they are made, listed and ended."""

import pytest
from sqlalchemy import select

from kit.clock import FakeClock
from pillarbox.base.errors import Invalid, NotFound, TooLarge
from pillarbox.domain.accounts import tokens, users
from pillarbox.domain.accounts.model import Scope
from pillarbox.domain.accounts.tables import tokens as table
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

MAIL = (Scope.MAIL,)


async def test_a_token_is_random_and_not_stored(database: Database, add_user) -> None:
    user = await database.write(add_user, "ann@example.org")
    one, text = await database.write(tokens.mint, user.account_id, "phone", MAIL)
    other, other_text = await database.write(
        tokens.mint, user.account_id, "", (Scope.SEND, Scope.IMAP), 5000
    )
    assert text.startswith("pbt_")
    assert len(text) == len(other_text) == 47
    assert text != other_text
    assert await database.read(tokens.list_of, user.account_id) == [one, other]
    assert other.scopes == {Scope.SEND, Scope.IMAP}
    assert other.expires_ms == other.created_ms + 5000

    def stored(tx: Tx) -> str:
        return repr([tuple(row) for row in tx.select(select(table))])

    assert text not in await database.read(stored)
    assert text[4:] not in await database.read(stored)


async def test_whose_it_is(database: Database, clock: FakeClock, add_user) -> None:
    user = await database.write(add_user, "ann@example.org")
    one, text = await database.write(tokens.mint, user.account_id, "", MAIL, 5000)
    found = await database.read(tokens.holder, tokens.digest(text))
    assert found is not None
    assert (found.token, found.actor.address, found.enabled, found.expired) == (
        one,
        "ann@example.org",
        True,
        False,
    )
    for wrong in ("", text + "x", text.lower(), tokens.digest(text)):
        assert await database.read(tokens.holder, tokens.digest(wrong)) is None
    clock.advance(seconds=5)
    found = await database.read(tokens.holder, tokens.digest(text))
    assert found is not None
    assert found.expired
    await database.write(users.set_enabled, user.account_id, False)
    found = await database.read(tokens.holder, tokens.digest(text))
    assert found is not None
    assert not found.enabled


async def test_ending_them(database: Database, add_user) -> None:
    ann = await database.write(add_user, "ann@example.org")
    bob = await database.write(add_user, "bob@example.org")
    one, text = await database.write(tokens.mint, ann.account_id, "", MAIL)
    _, kept = await database.write(tokens.mint, bob.account_id, "", MAIL)
    await database.write(tokens.revoke, ann.account_id, one.id)
    assert await database.read(tokens.holder, tokens.digest(text)) is None
    with pytest.raises(NotFound):
        await database.write(tokens.revoke, ann.account_id, one.id)
    for _ in range(3):
        await database.write(tokens.mint, ann.account_id, "", MAIL)
    (kept_one,) = await database.read(tokens.list_of, bob.account_id)
    with pytest.raises(NotFound):
        await database.write(tokens.revoke, ann.account_id, kept_one.id)  # not ann's
    assert await database.write(tokens.delete_all, ann.account_id) == 3
    assert await database.read(tokens.list_of, ann.account_id) == []
    assert await database.read(tokens.holder, tokens.digest(kept)) is not None
    await database.write(users.delete, bob.account_id)
    assert await database.read(tokens.holder, tokens.digest(kept)) is None


async def test_limits(database: Database, clock: FakeClock, add_user) -> None:
    user = await database.write(add_user, "ann@example.org")

    def fill(tx: Tx) -> None:
        for _ in range(tokens.MAX_TOKENS):
            tokens.mint(tx, user.account_id, "", MAIL, 1000)

    await database.write(fill)
    with pytest.raises(TooLarge):
        await database.write(tokens.mint, user.account_id, "", MAIL)
    clock.advance(days=29)
    with pytest.raises(TooLarge):
        await database.write(tokens.mint, user.account_id, "", MAIL)
    clock.advance(days=2)
    one, _ = await database.write(tokens.mint, user.account_id, "", MAIL)
    assert await database.read(tokens.list_of, user.account_id) == [one]


@pytest.mark.parametrize(
    ("label", "scopes", "lifetime_ms"),
    [("", (), None), ("x" * 256, MAIL, None), ("a\nb", MAIL, None), ("", MAIL, 0), ("", MAIL, -1)],
)
async def test_what_can_not_be(
    database: Database,
    add_user,
    label: str,
    scopes: tuple[Scope, ...],
    lifetime_ms: int | None,
) -> None:
    user = await database.write(add_user, "ann@example.org")
    with pytest.raises(Invalid):
        await database.write(tokens.mint, user.account_id, label, scopes, lifetime_ms)
