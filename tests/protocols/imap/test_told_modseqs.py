"""No modseq is told before all that happened till then: who resynchronises misses nothing."""

import pytest

from kit.imap import MailHouse, Talk
from pillarbox.domain.mail import mailboxes
from pillarbox.protocols.imap.commands import select
from pillarbox.protocols.imap.options import ImapOptions
from pillarbox.protocols.imap.session import ImapSession
from pillarbox.protocols.imap.view import View

LAZY = ImapOptions("mx.example.test", small_mailbox_messages=0)


async def house_with(house: MailHouse, count: int) -> tuple[Talk, Talk]:
    """A client and another that changes things, both in an INBOX of so many messages."""
    for number in range(count):
        await house.deliver(b"Subject: %d\r\n\r\nhello\r\n" % number)
    return await house.talk().login("SELECT INBOX"), await house.talk().login("SELECT INBOX")


def highest(lines: list[str]) -> int:
    """The last HIGHESTMODSEQ told."""
    found = [line.split("[HIGHESTMODSEQ ")[1].split("]")[0] for line in lines
             if "[HIGHESTMODSEQ " in line]  # fmt: skip
    return int(found[-1])


async def missed(house: MailHouse, modseq: int) -> list[str]:
    """What a client hears that resynchronises from a modseq."""
    talk = await house.talk().login("ENABLE QRESYNC")
    validity = next(
        line.split("UIDVALIDITY ")[1].split("]")[0]
        for line in await talk.ask("SELECT INBOX")
        if "UIDVALIDITY" in line
    )
    return await talk.ask(f"SELECT INBOX (QRESYNC ({validity} {modseq}))")


@pytest.mark.parametrize("command", ["FETCH 2 (MODSEQ)", "FETCH 2 (FLAGS) (CHANGEDSINCE 1)"])
async def test_condstore_begun_while_an_expunge_is_held_back(
    house: MailHouse, command: str
) -> None:
    talk, other = await house_with(house, 3)
    await talk.ask("FETCH 1 (UID)")
    await other.ask(r"STORE 1 +FLAGS.SILENT (\Deleted)")
    await other.ask("EXPUNGE")
    await talk.ask("FETCH 2 (FLAGS)")
    told = highest(await talk.ask(command))
    assert "* VANISHED (EARLIER) 1" in await missed(house, told)


async def test_flags_the_client_did_not_want_to_hear_of(house: MailHouse) -> None:
    talk, other = await house_with(house, 3)
    await talk.ask("ENABLE QRESYNC")
    await talk.ask("NOTIFY SET (SELECTED (MessageNew MessageExpunge))")
    await other.ask(r"STORE 1 +FLAGS.SILENT (\Flagged)")
    await talk.ask(r"STORE 3 +FLAGS.SILENT (\Deleted)")
    lines = await talk.ask("EXPUNGE")
    assert "* VANISHED 3" in lines
    assert any(r"UID 1 FLAGS (\Flagged)" in line for line in await missed(house, highest(lines)))


async def test_a_message_that_comes_while_a_client_resynchronises(
    house: MailHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk, _ = await house_with(house, 2)
    lines = await talk.ask("SELECT INBOX")
    validity = next(line for line in lines if "UIDVALIDITY" in line).split("UIDVALIDITY ")[1]
    load = select.load

    async def load_later(session: ImapSession, view: View) -> None:
        await house.deliver(b"Subject: new\r\n\r\nhello\r\n")
        await load(session, view)

    monkeypatch.setattr(select, "load", load_later)
    late = await house.talk(options=LAZY).login("ENABLE QRESYNC")
    lines = await late.ask(f"SELECT INBOX (QRESYNC ({validity.split(']')[0]} 1))")
    known = 0
    for line in lines:
        words = line.split()
        if words[2:3] == ["EXISTS"]:
            known = int(words[1])
        if words[2:3] == ["FETCH"]:
            assert int(words[1]) <= known, lines
    assert known == 3


async def test_a_mailbox_that_goes_while_it_is_selected(
    house: MailHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = await house.talk(options=LAZY).login("ENABLE QRESYNC", "CREATE Box")
    await house.deliver(b"Subject: x\r\n\r\nhello\r\n", "Box")
    lines = await talk.ask("SELECT Box")
    validity = next(line for line in lines if "UIDVALIDITY" in line).split("UIDVALIDITY ")[1]
    load = select.load

    async def load_later(session: ImapSession, view: View) -> None:
        await house.database.write(mailboxes.delete, house.user.account_id, "Box")
        await load(session, view)

    monkeypatch.setattr(select, "load", load_later)
    lines = await talk.ask(f"SELECT Box (QRESYNC ({validity.split(']')[0]} 1))")
    assert lines[-1].startswith("t NO [NONEXISTENT]")
    assert (await talk.ask("FETCH 1 (FLAGS)"))[-1].startswith("t BAD")
