"""Messages about meetings wait sealed, share what is alike, and go with what delivers them."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select
from sqlalchemy import insert as insert_into

from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts.model import User
from pillarbox.domain.scheduling import loops, messages
from pillarbox.domain.scheduling.model import NewMessage, WaitingMessage
from pillarbox.domain.scheduling_rows.forget import forget_account
from pillarbox.domain.scheduling_rows.tables import scheduling_contents, scheduling_messages
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

KEYS = KeyRing({1: bytes(range(32))})
CONTENT = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nSUMMARY:Secret plans\r\nEND:VCALENDAR\r\n"


def invitation(recipient: str, content: bytes = CONTENT) -> NewMessage:
    return NewMessage("REQUEST", "uid-1", "ann@example.org", recipient, content)


def counts(tx: Tx) -> tuple[int, int]:
    """How many messages and contents there are."""
    return (
        tx.select(select(func.count()).select_from(scheduling_messages))[0][0],
        tx.select(select(func.count()).select_from(scheduling_contents))[0][0],
    )


def waiting(tx: Tx, account: AccountId) -> list[WaitingMessage]:
    return messages.of_account(tx, KEYS, account, 0, 100, early=True)


@pytest.fixture
async def account(database: Database, add_user: Callable[..., User]) -> AccountId:
    return (await database.write(add_user, "ann@example.org")).account_id


async def test_messages_that_are_alike_share_their_content(
    database: Database, account: AccountId
) -> None:
    def work(tx: Tx) -> None:
        messages.note(tx, KEYS, account, [invitation("b@x.example"), invitation("c@x.example")])
        messages.note(tx, KEYS, account, [invitation("d@x.example", b"other")])
        assert counts(tx) == (3, 2)
        found = waiting(tx, account)
        assert [one.message.recipient for one in found] == [
            "b@x.example",
            "c@x.example",
            "d@x.example",
        ]
        assert [one.message.content for one in found] == [CONTENT, CONTENT, b"other"]
        rows = tx.select(select(scheduling_messages.c.head))
        rows += tx.select(select(scheduling_contents.c.data))
        stored = b"".join(bytes(row[0]) for row in rows)
        assert b"Secret" not in stored
        assert b"x.example" not in stored

    await database.write(work)


async def test_a_message_is_delivered_once(database: Database, account: AccountId) -> None:
    def work(tx: Tx) -> None:
        messages.note(tx, KEYS, account, [invitation("b@x.example"), invitation("c@x.example")])
        first, second = waiting(tx, account)
        assert messages.done(tx, first)
        assert not messages.done(tx, first)
        assert counts(tx) == (1, 1)
        assert messages.done(tx, second)
        assert counts(tx) == (0, 0)

    await database.write(work)


async def test_what_is_put_off_waits_and_is_given_up_in_the_end(
    database: Database, account: AccountId
) -> None:
    def work(tx: Tx) -> None:
        messages.note(tx, KEYS, account, [invitation("b@x.example")])
        tries = 0
        while True:
            tries += 1
            assert tries < 100
            found = tx.select(select(scheduling_messages.c.id, scheduling_messages.c.attempts))
            one = WaitingMessage(found[0][0], account, invitation("b@x.example"), found[0][1], 0)
            if not messages.put_off(tx, one):
                break
            assert waiting(tx, account) == []
        assert tries > 1

    await database.write(work)


async def test_contents_of_nobody_are_pruned(database: Database, account: AccountId) -> None:
    def work(tx: Tx) -> None:
        messages.note(tx, KEYS, account, [invitation("b@x.example")])
        tx.change(insert_into(scheduling_contents).values(id=tx.next_id(), data=b"left behind"))
        assert messages.prune_contents(tx) == 1
        assert counts(tx) == (1, 1)
        assert len(waiting(tx, account)) == 1

    await database.write(work)


async def test_all_of_it_goes_with_the_account(database: Database, account: AccountId) -> None:
    def work(tx: Tx) -> None:
        messages.note(tx, KEYS, account, [invitation("b@x.example")])
        assert loops.may_answer(tx, KEYS, account, "b@x.example")
        forget_account(tx, account)
        assert counts(tx) == (0, 0)

    await database.write(work)


async def test_one_address_gets_so_many_answers_a_day(
    database: Database, account: AccountId
) -> None:
    def work(tx: Tx) -> None:
        for _ in range(loops.ANSWERS_A_DAY):
            assert loops.may_answer(tx, KEYS, account, "b@x.example")
        assert not loops.may_answer(tx, KEYS, account, "b@x.example")
        assert loops.may_answer(tx, KEYS, account, "c@x.example")
        loops.prune(tx)
        assert not loops.may_answer(tx, KEYS, account, "b@x.example")

    await database.write(work)
