"""What ends a session or a command early, and what must not end it."""

import asyncio
import base64
import re
import threading

import pytest

from kit.imap import USER, MailHouse
from kit.login import PASSWORD
from pillarbox.base.cpu import Line
from pillarbox.domain.accounts import users
from pillarbox.domain.mail import read
from pillarbox.domain.mail.query import Query
from pillarbox.formats.mime.section import decode_transfer
from pillarbox.protocols.imap import sections
from pillarbox.protocols.imap.commands import fetch, search
from pillarbox.protocols.imap.commands.search_view import matching
from pillarbox.protocols.imap.options import ImapOptions
from pillarbox.protocols.imap.view import View
from pillarbox.storage.tx import Tx


async def test_stops_when_the_server_does(house: MailHouse) -> None:
    talk = await house.talk().login("SELECT INBOX")
    assert await talk.stop() == b"* BYE Server is restarting\r\n"


async def test_quiet_clients_are_let_go(house: MailHouse) -> None:
    talk = await house.talk().login()
    talk.connection.give(TimeoutError())
    await talk.task
    assert talk.connection.taken().startswith(b"* BYE ")


async def test_too_many_bad_commands(house: MailHouse) -> None:
    talk = house.talk(options=ImapOptions(max_bad_commands=3))
    await talk.hear()
    answer = await talk.say(b"GET / HTTP/1.1\r\n" * 5)
    assert answer.count(b"BAD") == 3
    assert answer.endswith(b"* BYE Too many bad commands\r\n")
    await talk.task


async def test_words_that_trickle_in_buy_no_time(house: MailHouse) -> None:
    talk = house.talk(options=ImapOptions(login_timeout_s=-1.0))
    await talk.task
    assert talk.connection.taken().endswith(b"* BYE You were quiet for too long\r\n")


async def test_users_may_send_bad_commands(house: MailHouse) -> None:
    talk = await house.talk().login("SELECT INBOX")
    for _ in range(10):
        answer = await talk.say(b"t NOISE\r\n" * 1_000)
        assert answer.count(b"t BAD") == 1_000
    assert await talk.ask("NOOP") == ["t OK NOOP completed"]


async def test_bad_commands_of_users_have_an_end(house: MailHouse) -> None:
    talk = await house.talk(options=ImapOptions(max_bad_commands_of_users=3)).login()
    answer = await talk.say(b"t NOISE\r\n" * 9)
    assert answer.count(b"BAD") == 3
    await talk.task


async def test_messages_that_trickle_in_are_given_up(house: MailHouse) -> None:
    options = ImapOptions(content_total_s=0.0, content_slowest_bytes=1 << 40)
    talk = await house.talk(options=options).login()
    talk.connection.give(b"t APPEND INBOX {2000000+}\r\n")
    talk.connection.give(b"x" * 100_000)
    await talk.task
    assert talk.connection.taken() == b"* BYE You were quiet for too long\r\n"


async def test_bad_commands_now_and_then(house: MailHouse) -> None:
    talk = await house.talk(options=ImapOptions(max_bad_commands_of_users=3)).login()
    for _ in range(5):
        assert (await talk.ask("NOISE"))[-1].startswith("t BAD")
        assert (await talk.ask("NOOP"))[-1].startswith("t OK")


async def test_too_many_failed_logins(house: MailHouse) -> None:
    talk = house.talk(options=ImapOptions(max_failed_logins=2))
    await talk.hear()
    await talk.ask(f"LOGIN {USER} wrong")
    lines = await talk.ask(f"LOGIN {USER} wrong")
    assert lines[0].startswith("t NO [AUTHENTICATIONFAILED]")
    assert lines[1].startswith("* BYE ")
    await talk.task


async def test_too_many_commands_before_login(house: MailHouse) -> None:
    talk = house.talk(options=ImapOptions(max_commands_before_login=3))
    await talk.hear()
    answer = await talk.say(b"t NOOP\r\n" * 9)
    assert answer.count(b"OK NOOP") == 3
    assert b"* BYE" in answer
    await talk.task


async def test_endless_line(house: MailHouse) -> None:
    talk = house.talk()
    await talk.hear()
    for _ in range(40):
        talk.connection.give(b"x" * 65_536)
    await talk.task
    assert b"* BYE" in talk.connection.taken()


async def test_a_fault_of_ours_ends_one_command(
    house: MailHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = await house.talk().login()
    database = talk.session.services.database

    async def broken(*args: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(type(database), "lookup", broken)
        assert (await talk.ask("SELECT INBOX"))[-1].startswith("t NO [SERVERBUG]")
    assert (await talk.ask("SELECT INBOX"))[-1].startswith("t OK")


async def test_split_anywhere(house: MailHouse) -> None:
    data = f'a LOGIN {{{len(USER)}+}}\r\n{USER} "{PASSWORD}"\r\nb SELECT INBOX\r\nc LOGOUT\r\n'
    talk = house.talk()
    await talk.hear()
    for byte in data.encode():
        talk.connection.give(bytes([byte]))
    await talk.task
    answer = talk.connection.taken()
    assert b"a OK" in answer
    assert b"b OK [READ-WRITE]" in answer
    assert answer.endswith(b"c OK LOGOUT completed\r\n")


async def test_full_mailbox(house: MailHouse) -> None:
    def unit(tx: Tx) -> None:
        users.set_quota(tx, house.user.account_id, 100)

    await house.database.write(unit)
    talk = await house.talk().login()
    answer = await talk.say(b"t APPEND INBOX {200+}\r\n" + b"x" * 200 + b"\r\n")
    assert answer.startswith(b"t NO [OVERQUOTA]")


async def test_mailbox_deleted_by_another(house: MailHouse) -> None:
    first, second = await house.talk().login("CREATE Short"), await house.talk().login()
    await house.deliver(b"one", "Short")
    await first.ask("SELECT Short")
    await second.ask("DELETE Short")
    assert await first.ask("STORE 1 +FLAGS (\\Seen)") == ["t NO [NONEXISTENT] The mailbox is gone"]
    assert await first.ask("NOOP") == ["* 1 EXPUNGE", "t OK NOOP completed"]
    assert await first.ask("FETCH 1:* FLAGS") == ["t OK FETCH completed"]


@pytest.mark.parametrize("small", [0, 500], ids=["read late", "read at once"])
async def test_recent_goes_to_one_session(house: MailHouse, small: int) -> None:
    options = ImapOptions(small_mailbox_messages=small)
    await house.deliver(b"one")
    first = await house.talk(options=options).login()
    second = await house.talk(options=options).login()
    assert "* 1 RECENT" in await first.ask("SELECT INBOX")
    assert "* 0 RECENT" in await second.ask("SELECT INBOX")
    await house.deliver(b"two")
    assert "* 1 RECENT" in await second.ask("SELECT INBOX")
    assert "* 2 EXISTS" in await first.ask("NOOP")
    assert "* 1 FETCH (FLAGS ())" in await second.ask("FETCH 1:2 FLAGS")
    assert "* 2 FETCH (FLAGS (\\Recent))" in await second.ask("FETCH 1:2 FLAGS")
    await house.deliver(b"three")
    assert (await first.ask("NOOP"))[:2] == ["* 3 EXISTS", "* 2 RECENT"]
    assert (await second.ask("NOOP"))[:2] == ["* 3 EXISTS", "t OK NOOP completed"]
    assert "* 3 FETCH (FLAGS (\\Recent))" in await first.ask("FETCH 3 FLAGS")


async def test_the_first_unseen_of_a_large_mailbox(
    house: MailHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "_UNSEEN_WINDOW", 3)
    for bits in (1, 1, 1, 1, 1, 0, 1, 0):
        await house.deliver(b"x", bits=bits)
    talk = await house.talk(options=ImapOptions(small_mailbox_messages=0)).login()
    found = [line for line in await talk.ask("SELECT INBOX") if "UNSEEN" in line]
    assert [line.split("]")[0] for line in found] == ["* OK [UNSEEN 6"]


async def test_keywords_of_a_large_mailbox_are_told_when_it_opens(house: MailHouse) -> None:
    await house.deliver(b"x")
    options = ImapOptions(small_mailbox_messages=0)
    talk = await house.talk(options=options).login("SELECT INBOX", "STORE 1 +FLAGS (Work)")
    assert (await talk.ask("SELECT INBOX"))[1].endswith(" Work)")


async def test_large_content_in_slices(house: MailHouse) -> None:
    bodies = [bytes([65 + number]) * 1_500_000 for number in range(5)]
    for body in bodies:
        await house.deliver(body)
    talk = await house.talk().login("SELECT INBOX")
    answer = await talk.say(b"t FETCH 1:* BODY.PEEK[]\r\n")
    for number, body in enumerate(bodies, 1):
        assert b"* %d FETCH (BODY[] {1500000}\r\n%b)\r\n" % (number, body) in answer


@pytest.mark.parametrize("items", ["UID ENVELOPE", "ENVELOPE UID RFC822.SIZE BODY.PEEK[TEXT]"])
async def test_large_summaries_in_slices(
    house: MailHouse, items: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "SUMMARY_BYTES", 1)
    for number in range(6):
        many = b"x@example.test, " * (1 if number in (0, 3) else 500)
        await house.deliver(b"Subject: %d\r\nTo: " % number + many + b"z@w\r\n\r\n%d" % number)
    talk = await house.talk().login("SELECT INBOX")
    answer = await talk.ask(f"FETCH 1:2,4:* ({items})")
    fetched = [line for line in answer if line.startswith("* ")]
    assert [line.split()[1] for line in fetched] == ["1", "2", "4", "5", "6"]
    for line, number in zip(fetched, (1, 2, 4, 5, 6), strict=True):
        assert f"UID {number} " in line + " "
        assert f'ENVELOPE (NIL "{number - 1}" ' in line
    assert (await talk.ask("SEARCH SUBJECT 4"))[0] == "* SEARCH 5"


@pytest.mark.parametrize("line", [b"b LOGIN x\0y z", b"", b"\xff"], ids=["NUL", "empty", "8-bit"])
async def test_odd_input_is_answered(house: MailHouse, line: bytes) -> None:
    talk = house.talk()
    await talk.hear()
    assert b"BAD" in await talk.say(line + b"\r\n")
    assert (await talk.ask("NOOP")) == ["t OK NOOP completed"]


@pytest.mark.parametrize("waits", [False, True], ids=["commands", "IDLE"])
async def test_a_user_who_may_not_go_on_is_sent_away(house: MailHouse, waits: bool) -> None:
    talk = await house.talk(options=ImapOptions(login_asked_every_s=0)).login("SELECT INBOX")
    if waits:
        await talk.say(b"t IDLE\r\n")
    talk.fake_login.holds = False
    if waits:
        await house.deliver(b"not for these eyes")
        answer = await talk.hear_unasked()
    else:
        answer = await talk.say(b"t NOOP\r\n")
    assert answer == b"* BYE Your login has ended; log in again\r\n"
    await talk.task


@pytest.mark.parametrize("uid", ["", "UID "])
async def test_content_asked_for_again_and_again_is_sent_in_turns(
    house: MailHouse, uid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "_RESPONSE_BYTES", 2500)
    for _ in range(2):
        await house.deliver(b"x" * 1000)
    talk = await house.talk().login("SELECT INBOX")
    pieces = [f"BODY.PEEK[]<0.{size}>" for size in (10, *range(980, 985))]
    answer = await talk.say(f"t {uid}FETCH 1:2 ({' '.join(pieces)})\r\n".encode())
    assert answer.count(b"BODY[]<0> {") == 12
    lines = re.findall(rb"\* ([12]) FETCH \((UID [12] )?", answer)
    # Three pieces go before the first limit, then two, then the last one.
    assert [number for number, _ in lines] == [b"1", b"2"] * 3
    assert all(told == (b"UID %b " % number if uid else b"") for number, told in lines)
    assert max(map(len, answer.split(b"* "))) < 2 * 1000 + 200


@pytest.mark.parametrize("keys", [1, 300])
async def test_long_searches_keep_no_other_session_waiting(
    house: MailHouse, keys: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[bool] = []

    def noting(query: Query, view: View) -> list[int] | None:
        threads.append(threading.current_thread() is threading.main_thread())
        return matching(query, view)

    monkeypatch.setattr(search, "matching", noting)
    monkeypatch.setattr(search, "_JUDGED_ON_LOOP", 100)
    await house.deliver(b"one")
    talk = await house.talk().login("SELECT INBOX")
    answer = await talk.ask("SEARCH " + " ".join(["UNSEEN"] * keys))
    assert answer == ["* SEARCH 1", "t OK SEARCH completed"]
    assert threads == [keys == 1]


async def test_searches_of_what_lies_in_messages_stand_in_line(house: MailHouse) -> None:
    house.searches = Line(1, 1)
    await house.deliver(b"Subject: one\r\n\r\nwords")
    talks = [await house.talk().login("SELECT INBOX") for _ in range(3)]
    async with house.searches:
        for quick in ("UNSEEN", "LARGER 3", "OR ANSWERED NOT SMALLER 3"):
            assert (await talks[0].ask(f"SEARCH {quick}"))[0] == "* SEARCH 1", quick
        talks[1].connection.give(b"t SEARCH NOT (SUBJECT two)\r\n")
        for _ in range(50):
            await asyncio.sleep(0)
        (answer,) = await talks[2].ask("SEARCH OR SEEN BODY words")
        assert answer.startswith("t NO [LIMIT] ")
        assert not talks[1].connection.taken()
    assert await talks[1].hear_unasked() == b"* SEARCH 1\r\nt OK SEARCH completed\r\n"
    assert (await talks[2].ask("SEARCH BODY words"))[0] == "* SEARCH 1"


@pytest.mark.parametrize("item", ["BINARY.PEEK[1]", "BINARY.SIZE[1]"])
@pytest.mark.parametrize("size", [1_000, 300_000])
async def test_large_parts_are_decoded_in_a_thread(
    house: MailHouse, item: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_loop: list[bool] = []

    def noting(raw: bytes, encoding: str, start: int, end: int) -> bytes:
        on_loop.append(threading.current_thread() is threading.main_thread())
        return decode_transfer(raw, encoding, start, end)

    monkeypatch.setattr(sections, "decode_transfer", noting)
    content = base64.encodebytes(b"y" * size)
    await house.deliver(b"Content-Transfer-Encoding: base64\r\n\r\n" + content)
    talk = await house.talk().login("SELECT INBOX")
    answer = await talk.say(f"t FETCH 1 {item}\r\n".encode())
    value = b"%d" % size if "SIZE" in item else b"{%d}\r\n%b" % (size, b"y" * size)
    assert answer.startswith(b"* 1 FETCH (%b %b)\r\n" % (item.replace(".PEEK", "").encode(), value))
    assert on_loop == [size == 1_000]
