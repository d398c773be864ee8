"""NOTIFY: too much, failures meanwhile, and what must not be told."""

import threading

import pytest

from kit.imap import MailHouse
from pillarbox.protocols.imap.commands import notify
from pillarbox.protocols.imap.options import ImapOptions
from pillarbox.protocols.imap.session import ImapSession
from pillarbox.protocols.imap.watch import Manner, Overview, Watch


async def test_too_many_mailboxes(house: MailHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "MAX_WATCHED", 8)
    talk = await house.talk().login()
    lines = await talk.ask("NOTIFY SET (PERSONAL (MailboxName))")
    assert lines[-1].startswith("t OK"), lines
    other = await house.talk().login("CREATE a/b/c")
    heard = await talk.hear_unasked()
    assert heard.startswith(b"* OK [NOTIFICATIONOVERFLOW] ")
    await other.ask("CREATE d")
    assert await talk.ask("NOOP") == ["t OK NOOP completed"]
    lines = await talk.ask("NOTIFY SET (PERSONAL (MailboxName))")
    assert lines[-1].startswith("t NO [NOTIFICATIONOVERFLOW] ")


async def test_too_much_at_once(house: MailHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "MAX_LINES", 2)
    talk = await house.talk().login("NOTIFY SET (PERSONAL (MailboxName))")
    other = await house.talk().login("CREATE a/b/c")
    assert (await talk.hear_unasked()).startswith(b"* OK [NOTIFICATIONOVERFLOW] ")
    await other.hang_up()


async def test_quiet_clients_are_let_go_all_the_same(house: MailHouse) -> None:
    options = ImapOptions(idle_timeout_s=-1.0)
    talk = house.talk(options=options)
    await talk.hear()
    await talk.say(b't LOGIN alice@example.test "correct horse"\r\n')
    talk.connection.give(b"t NOTIFY NONE\r\n")
    await talk.task
    assert talk.connection.taken().endswith(b"* BYE You were quiet for too long\r\n")


async def test_a_store_that_fails_is_looked_at_again(
    house: MailHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = await house.talk().login(
        "SELECT INBOX", "NOTIFY SET (SELECTED (MessageNew MessageExpunge))"
    )
    database = talk.session.services.database

    async def broken(*args: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(type(database), "lookup", broken)
        await house.deliver(b"one")
        assert await talk.hear() == b""
    await house.deliver(b"two")
    assert b"* 2 EXISTS" in await talk.hear_unasked()


async def test_the_server_stops(house: MailHouse) -> None:
    talk = await house.talk().login("NOTIFY SET (PERSONAL (MailboxName))")
    assert await talk.stop() == b"* BYE Server is restarting\r\n"


async def test_a_user_who_may_not_go_on_hears_no_more(house: MailHouse) -> None:
    options = ImapOptions(login_asked_every_s=0)
    talk = await house.talk(options=options).login(
        "NOTIFY SET (PERSONAL (MessageNew MessageExpunge))"
    )
    talk.fake_login.holds = False
    await house.deliver(b"not for these eyes")
    assert await talk.hear_unasked() == b"* BYE Your login has ended; log in again\r\n"
    await talk.task


async def test_items_are_told_of_new_messages_once(house: MailHouse) -> None:
    talk = await house.talk().login(
        "SELECT INBOX", "NOTIFY SET (SELECTED-DELAYED (MessageNew (FLAGS) MessageExpunge))"
    )
    await house.deliver(b"one", bits=1)
    heard = await talk.hear_until(b"* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent))\r\n")
    assert heard.count(b"FETCH") == 1
    assert await talk.ask("NOOP") == ["t OK NOOP completed"]
    await talk.ask("SELECT INBOX")
    assert await talk.ask("NOOP") == ["t OK NOOP completed"]


async def test_nobody_listens_after_the_end(house: MailHouse) -> None:
    talk = await house.talk().login("SELECT INBOX", "NOTIFY SET (PERSONAL (MailboxName))")
    await talk.hang_up()
    assert not house.bus._listeners


async def test_very_many_mailboxes_are_looked_through_by_a_thread(
    house: MailHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    standing, news = Watch.standing, Watch.news

    def stand(watch: Watch, manner: Manner) -> list[bytes]:
        threads.append(threading.current_thread())
        return standing(watch, manner)

    def tell(watch: Watch, now: Overview, manner: Manner) -> list[bytes]:
        threads.append(threading.current_thread())
        return news(watch, now, manner)

    monkeypatch.setattr(Watch, "standing", stand)
    monkeypatch.setattr(Watch, "news", tell)
    talk, other = await house.talk().login(), await house.talk().login()
    talk.connection.give(b"t NOTIFY SET STATUS (PERSONAL (MessageNew MessageExpunge))\r\n")
    assert b"* STATUS" in await talk.hear_until(b"t OK")
    talk.connection.taken()
    await house.deliver(b"Subject: new\r\n\r\nhello\r\n", "Archive")
    await talk.hear_until(b'STATUS "Archive" (MESSAGES 1')
    assert len(threads) >= 2
    assert threading.current_thread() not in threads
    await other.hang_up()


async def test_what_happens_while_it_begins_is_told_at_once(
    house: MailHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk, other = await house.talk().login(), await house.talk().login()
    look = notify.look

    async def looked(session: ImapSession, *, expunge: bool) -> None:
        await look(session, expunge=expunge)
        await other.ask("CREATE new")

    monkeypatch.setattr(notify, "look", looked)
    talk.connection.give(b"t NOTIFY SET (PERSONAL (MailboxName))\r\n")
    assert b"t OK NOTIFY" in await talk.hear_until(b'"/" "new"')
