"""Which rights REPLACE and CATENATE need, and what is told without them (RFC 4314 §4, RFC 8508).

Alice owns the mailboxes, Bob works with them.
"""

import pytest

from kit.imap import MailHouse, Talk
from protocols.imap.test_rights import ALL, BOX, MESSAGE, bob, code, give

__all__ = ["bob"]

NEW = "{3+}\r\nnew"


async def test_replacing_in_a_mailbox_of_another(house: MailHouse, bob: Talk) -> None:
    await give(house, ALL)
    assert code(await bob.ask(f'SELECT "{BOX}"')) == "OK READ-WRITE"
    for right in "te":
        await give(house, ALL.replace(right, ""))
        assert code(await bob.ask(f"REPLACE 1 INBOX {NEW}")) == "NO NOPERM", right
        assert code(await bob.ask(f'UID REPLACE 1 "{BOX}" {NEW}')) == "NO NOPERM", right
    await give(house, ALL.replace("i", ""))
    assert code(await bob.ask(f'REPLACE 1 "{BOX}" {NEW}')) == "NO NOPERM"
    lines = await bob.ask("STATUS INBOX (MESSAGES)")
    assert lines[0] == '* STATUS "INBOX" (MESSAGES 1)'  # nothing was added without a removal
    await give(house, "lrite")
    assert code(await bob.ask(f'REPLACE 1 "{BOX}" (\\Seen k) {NEW}')).startswith("OK")
    # The flags that Bob may not set are left out.
    assert (await bob.ask("FETCH 2 FLAGS"))[0] in (
        "* 2 FETCH (FLAGS ())",
        "* 2 FETCH (FLAGS (\\Recent))",
    )
    lines = await bob.ask(f"REPLACE 1 INBOX {NEW}")
    assert "* 1 EXPUNGE" in lines
    assert code(lines).startswith("OK")


@pytest.mark.parametrize("before", ["", "SELECT INBOX"])
async def test_pieces_of_a_mailbox_of_another(house: MailHouse, bob: Talk, before: str) -> None:
    if before:
        await bob.ask(before)
    place = "/" + BOX.replace(" ", "%20")
    command = f'APPEND INBOX CATENATE (URL "{place}/;UID=1")'
    await give(house, ALL.replace("r", ""))
    assert code(await bob.ask(command)) == "NO BADURL"
    await give(house, ALL.replace("l", ""))
    hidden = await bob.ask(command)
    missing = await bob.ask(command.replace("/Box", "/None"))
    assert hidden[-1].replace("/Box", "/None") == missing[-1]
    await give(house, "lr")
    assert code(await bob.ask(command)).startswith("OK")
    await bob.ask("SELECT INBOX")
    assert MESSAGE in await bob.say(b"t FETCH 2 BODY.PEEK[]\r\n")


async def test_pieces_of_the_selected_mailbox_once_it_may_not_be_read(
    house: MailHouse, bob: Talk
) -> None:
    await give(house, "lr")
    assert code(await bob.ask(f'SELECT "{BOX}"')).startswith("OK")
    await give(house, "l")
    assert code(await bob.ask("APPEND INBOX CATENATE (URL ;UID=1)")) == "NO BADURL"


async def test_no_numbers_with_uidonly(house: MailHouse) -> None:
    await house.deliver(b"one")
    talk = await house.talk().login("ENABLE UIDONLY", "SELECT INBOX")
    assert code(await talk.ask(f"REPLACE 1 INBOX {NEW}")) == "BAD UIDREQUIRED"
    lines = await talk.ask(f"UID REPLACE 1 INBOX {NEW}")
    assert "* VANISHED 1" in lines
    assert code(lines).startswith("OK")
