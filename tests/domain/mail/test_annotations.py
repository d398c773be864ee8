"""Annotations: private to a holder or shared, sealed, limited, gone with what they belong to."""

import pytest
from sqlalchemy import select

from kit.mail import MailAccount
from pillarbox.base.errors import Invalid, NotFound, TooLarge
from pillarbox.base.ids import AccountId
from pillarbox.domain.mail import annotations
from pillarbox.domain.mail.annotations import ANY_DEPTH, SERVER, Annotated
from pillarbox.domain.mail.mailboxes import delete
from pillarbox.storage.tx import Tx

OTHER = AccountId(77)


async def where(account: MailAccount, name: str = "INBOX") -> Annotated:
    mailbox = await account.box(name)
    return Annotated(mailbox.id, account.id, account.id)


async def put(account: MailAccount, at: Annotated, *values: tuple[str, bytes | None]) -> None:
    await account.database.write(annotations.put, account.store.keys, at, values)


async def get(
    account: MailAccount, at: Annotated, *entries: str, depth: int = 0
) -> list[tuple[str, bytes]]:
    return await account.database.read(annotations.get, account.store.keys, at, entries, depth)


async def test_values_are_set_replaced_and_removed(account: MailAccount) -> None:
    at = await where(account)
    await put(account, at, ("/private/a", b"1"), ("/shared/a", b"2"))
    await put(account, at, ("/private/a", b"3"), ("/shared/b", b"\0\xff"))
    await put(account, at, ("/shared/a", None), ("/shared/none", None))
    found = await get(account, at, "/private", "/shared", depth=ANY_DEPTH)
    assert found == [("/private/a", b"3"), ("/shared/b", b"\0\xff")]


async def test_depth(account: MailAccount) -> None:
    at = await where(account)
    names = ("/shared/a", "/shared/a/b", "/shared/a/b/c", "/shared/ab")
    await put(account, at, *((name, b"") for name in names))
    assert [name for name, _ in await get(account, at, "/shared/a")] == [*names[:1]]
    assert [name for name, _ in await get(account, at, "/shared/a", depth=1)] == [*names[:2]]
    below = await get(account, at, "/shared/a", depth=ANY_DEPTH)
    assert [name for name, _ in below] == [*names[:3]]


async def test_what_is_private_is_so(account: MailAccount) -> None:
    at = await where(account)
    await put(account, at, ("/private/a", b"mine"), ("/shared/a", b"ours"))
    other = Annotated(at.mailbox, at.owner, OTHER)
    assert await get(account, other, "/private/a", "/shared/a") == [("/shared/a", b"ours")]


async def test_values_are_sealed_for_their_row(account: MailAccount) -> None:
    at = await where(account)
    await put(account, at, ("/shared/a", b"plain words"))
    stored = await account.database.read(_stored)
    assert len(stored) == 1
    assert b"plain" not in stored[0]


def _stored(tx: Tx) -> list[bytes]:
    return [bytes(row[0]) for row in tx.select(select(annotations.annotations.c.value))]


async def test_limits(account: MailAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotations, "MAX_ENTRIES", 2)
    monkeypatch.setattr(annotations, "MAX_VALUE_BYTES", 3)
    at = await where(account)
    await put(account, at, ("/shared/a", b""), ("/shared/b", b"123"))
    await put(account, at, ("/private/a", b""), ("/shared/b", b"321"))
    with pytest.raises(TooLarge):
        await put(account, at, ("/shared/c", b""))
    with pytest.raises(TooLarge):
        await put(account, at, ("/shared/a", b"1234"))
    assert await get(account, at, "/shared/a", "/shared/b") == [
        ("/shared/a", b""),
        ("/shared/b", b"321"),
    ]


async def test_all_of_them_together_have_a_limit(
    account: MailAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(annotations, "MAX_BYTES", 1000)
    places = [await where(account, name) for name in ("INBOX", "Trash")]
    for kind in ("private", "shared"):
        await put(account, places[0], (f"/{kind}/a", b"x" * 800))
        with pytest.raises(TooLarge):
            await put(account, places[1], (f"/{kind}/a", b"x" * 800))
        await put(account, places[1], (f"/{kind}/a", b"x"))
        await put(account, places[0], (f"/{kind}/a", None))
        await put(account, places[1], (f"/{kind}/a", b"x" * 800))


async def test_nothing_is_attached_to_a_mailbox_that_has_gone(account: MailAccount) -> None:
    at = await where(account, "Trash")
    await account.database.write(delete, account.id, "Trash")
    with pytest.raises(NotFound):
        await put(account, at, ("/shared/a", b"1"))
    assert await account.database.read(_stored) == []


async def test_gone_with_the_mailbox_and_the_holder(account: MailAccount) -> None:
    at = await where(account, "Trash")
    server = Annotated(SERVER, account.id, account.id)
    await put(account, at, ("/shared/a", b"1"), ("/private/a", b"1"))
    await put(account, server, ("/private/a", b"1"))
    await account.database.write(delete, account.id, "Trash")
    assert await get(account, at, "/shared/a", "/private/a") == []
    await account.database.write(annotations.forget_holder, account.id)
    assert await get(account, server, "/private/a") == []


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "private/a", "/other/a", "/private//a", "/private/a/", "/shared/a*"),
        *("/shared/ä", "/shared/" + "a" * 250),
    ],
)
def test_what_no_entry_is_called(name: str) -> None:
    with pytest.raises(Invalid):
        annotations.canonical_entry(name)


def test_names_have_one_spelling() -> None:
    assert annotations.canonical_entry("/Shared/Vendor/X") == "/shared/vendor/x"
