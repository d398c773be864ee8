"""APPEND and REPLACE of what a dialog can't show: large content, bytes that are no text, limits.

RFC 3502 (several messages at once), RFC 6855 §4 (UTF-8 in headers), RFC 7889 (limits).
"""

import asyncio
import base64
import random
from typing import Any

import pytest
from sqlalchemy import update

from kit.imap import MailHouse
from pillarbox.domain.mail import read
from pillarbox.domain.owners import quota
from pillarbox.domain.owners.quota import Usage
from pillarbox.domain.owners.tables import accounts
from pillarbox.pipeline.prepare import Preparation
from pillarbox.protocols.imap.options import ImapOptions
from pillarbox.protocols.stream.budget import InFlight


async def test_large_message_comes_back_as_it_went(house: MailHouse) -> None:
    content = b"Subject: large\r\n\r\n" + base64.encodebytes(random.Random(1).randbytes(3_000_000))
    talk = await house.talk().login("SELECT INBOX")
    answer = await talk.say(b"t APPEND INBOX {%d}\r\n" % len(content))
    assert answer.startswith(b"+ ")
    for start in range(0, len(content), 100_000):
        talk.connection.give(content[start : start + 100_000])
    answer = await talk.say(b"\r\n")
    assert answer.startswith(b"* 1 EXISTS\r\n* 1 RECENT\r\nt OK [APPENDUID ")
    answer = await talk.say(b"t FETCH 1 BODY.PEEK[]\r\n")
    assert b"{%d}\r\n%b)\r\n" % (len(content), content) in answer


async def test_nul_needs_a_literal8(house: MailHouse) -> None:
    talk = await house.talk().login()
    assert (await talk.say(b"t APPEND INBOX {3+}\r\na\0b\r\n")).startswith(b"t BAD ")
    assert (await talk.say(b"t APPEND INBOX ~{3+}\r\na\0b\r\n")).startswith(b"t OK ")


async def test_all_or_none(house: MailHouse) -> None:
    talk = await house.talk().login()
    answer = await talk.say(b"t APPEND INBOX {3+}\r\none {0+}\r\n\r\n")
    assert answer.startswith(b"t NO ")
    assert '* STATUS "INBOX" (MESSAGES 0)' in await talk.ask("STATUS INBOX (MESSAGES)")


_PIECE = b"x" * 99_998 + b"\r\n"


async def test_without_room_a_message_is_skipped(house: MailHouse) -> None:
    house.in_flight = InFlight(300_000)
    talk, other = await house.talk().login(), await house.talk().login()
    await talk.say(b"t APPEND INBOX {300000}\r\n")
    await other.say(b"t APPEND INBOX {300000}\r\n")
    assert house.in_flight.used_bytes == 0  # what is announced takes no memory
    for _ in range(2):
        await talk.say(_PIECE)
        await other.say(_PIECE)
    assert 250_000 < house.in_flight.used_bytes <= 300_000
    await talk.say(_PIECE)
    assert house.in_flight.used_bytes < 150_000
    assert (await talk.say(b"\r\n")).startswith(b"t NO [LIMIT] ")
    assert (await talk.ask("NOOP"))[-1].startswith("t OK")
    await other.say(_PIECE)
    assert b"t OK [APPENDUID " in await other.say(b"\r\n")
    assert house.in_flight.used_bytes == 0


async def test_without_room_nothing_is_invited(house: MailHouse) -> None:
    house.in_flight = InFlight(1_000)
    talk = await house.talk().login()
    assert (await talk.say(b"t APPEND INBOX {1001}\r\n")).startswith(b"t NO [LIMIT] ")
    assert (await talk.say(b"t APPEND INBOX {1000}\r\n")).startswith(b"+ ")


async def test_room_is_given_back_when_the_client_vanishes(house: MailHouse) -> None:
    talk = await house.talk().login()
    await talk.say(b"t APPEND INBOX {200000+}\r\n")
    await talk.say(_PIECE)
    assert house.in_flight.used_bytes > 0
    assert talk.session.patience_s() <= 60
    await talk.hang_up()
    assert house.in_flight.used_bytes == 0


async def test_room_is_kept_until_the_message_is_stored(house: MailHouse) -> None:
    house.preparation = Preparation(house.content, house.ids, large_at_once=1)
    talk = await house.talk().login()
    async with house.preparation.place(1 << 20):
        await talk.say(b"t APPEND INBOX {200000+}\r\n" + _PIECE)
        talk.connection.give(_PIECE + b"\r\n")
        for _ in range(100):
            await asyncio.sleep(0)
        assert not talk.connection.taken()  # one large message at a time
        assert house.in_flight.used_bytes > 100_000
    assert b"t OK [APPENDUID " in await talk.hear_unasked()
    await talk.hear()
    assert house.in_flight.used_bytes == 0


async def test_nul_is_kept_and_shown_where_it_may_be(house: MailHouse) -> None:
    content = b"Content-Transfer-Encoding: binary\r\n\r\na\0b\r\n\0" + b"x" * 100_000 + b"\0"
    talk = await house.talk().login("SELECT INBOX")
    for _ in range(2):
        answer = await talk.say(b"t APPEND INBOX ~{%d+}\r\n%b\r\n" % (len(content), content))
        assert b"t OK" in answer
    answer = await talk.say(b"t FETCH 1 (RFC822.SIZE BODY.PEEK[] BODY.PEEK[1]<0.3>)\r\n")
    shown = content.replace(b"\0", b"\x80")
    start = b"* 1 FETCH (RFC822.SIZE %d BODY[] {%d}\r\n" % (len(content), len(content))
    assert answer.startswith(start + shown + b" BODY[1]<0> {3}\r\na\x80b)\r\n")
    answer = await talk.say(b"t FETCH 2 (BINARY.PEEK[] BINARY.PEEK[1] BINARY.SIZE[1])\r\n")
    body = content[37:]
    assert answer.startswith(
        b"* 2 FETCH (BINARY[] ~{%d}\r\n%b BINARY[1] ~{%d}\r\n%b BINARY.SIZE[1] %d)\r\n"
        % (len(content), content, len(body), body, len(body))
    )
    answer = await talk.say(b"t FETCH 2 (BINARY.PEEK[1]<0.1> BINARY.PEEK[1]<1.1>)\r\n")
    assert b"(BINARY[1]<0> {1}\r\na BINARY[1]<1> ~{1}\r\n\0)" in answer


async def test_content_decoded_to_nul_comes_as_literal8(house: MailHouse) -> None:
    await house.deliver(b"Content-Transfer-Encoding: base64\r\n\r\nAGE=\r\n")
    talk = await house.talk().login("SELECT INBOX")
    answer = await talk.say(b"t FETCH 1 (BINARY[1] BODY[1])\r\n")
    assert b"BINARY[1] ~{2}\r\n\0a BODY[1] {6}\r\nAGE=\r\n)" in answer


async def test_headers_in_utf8(house: MailHouse) -> None:
    content = "Subject: grün\r\nFrom: Jürgen <jürgen@x.test>\r\n\r\n".encode()
    talk = await house.talk().login("SELECT INBOX", "ENABLE UTF8=ACCEPT")
    command = b"t APPEND INBOX UTF8 (~{%d+}\r\n%b)\r\n" % (len(content), content)
    assert b"t OK" in await talk.say(command)
    command = b"t APPEND INBOX CATENATE (UTF8 (~{%d+}\r\n%b))\r\n" % (len(content), content)
    assert b"t OK" in await talk.say(command)
    answer = await talk.say(b"t FETCH 1:2 BODY.PEEK[]\r\n")
    assert answer.count(content) == 2


async def test_what_is_put_together_has_the_limit_of_messages(house: MailHouse) -> None:
    options = ImapOptions(max_message_size_bytes=1000)
    talk = await house.talk(options=options).login("SELECT INBOX")
    one = b"x" * 600
    assert b"t OK" in await talk.say(b"t APPEND INBOX {600+}\r\n%b\r\n" % one)
    for pieces in (
        b"URL ;UID=1 URL ;UID=1",
        b"URL ;UID=1 TEXT {401+}\r\n" + b"y" * 401,
        b"TEXT {600+}\r\n%b TEXT {600+}\r\n%b" % (one, one),
    ):
        answer = await talk.say(b"t APPEND INBOX CATENATE (%b)\r\n" % pieces)
        assert answer.startswith(b"t NO [TOOBIG] "), pieces
        answer = await talk.say(b"t REPLACE 1 INBOX CATENATE (%b)\r\n" % pieces)
        assert answer.startswith(b"t NO [TOOBIG] "), pieces
    pieces = b"URL ;UID=1 TEXT {400+}\r\n" + b"y" * 400
    assert b"t OK" in await talk.say(b"t APPEND INBOX CATENATE (%b)\r\n" % pieces)
    answer = await talk.ask("CAPABILITY")
    assert "APPENDLIMIT=1000" in answer[0]


@pytest.mark.parametrize("verb", ["APPEND", "REPLACE 1", "UID REPLACE 1"])
async def test_larger_messages_than_allowed(house: MailHouse, verb: str) -> None:
    options = ImapOptions(max_message_size_bytes=100_000)
    await house.deliver(b"one")
    talk = await house.talk(options=options).login("SELECT INBOX")
    assert (await talk.ask(f"{verb} INBOX {{100001}}"))[0].startswith("t NO [TOOBIG] ")
    data = b"y" * 100_001
    answer = await talk.say(f"t {verb} INBOX {{100001+}}\r\n".encode() + data + b"\r\n")
    assert answer.startswith(b"t NO [TOOBIG] ")
    # The name of a mailbox is no message.
    assert (await talk.ask(f"{verb} {{99999}}"))[0].startswith("t NO [TOOBIG] ")
    answer = await talk.say(f"t {verb} INBOX {{100000+}}\r\n".encode() + data[1:] + b"\r\n")
    assert b"t OK" in answer


async def test_replacing_needs_room_for_the_difference(house: MailHouse) -> None:
    await house.deliver(b"x" * 900)
    account = house.user.account_id
    statement = update(accounts).where(accounts.c.id == account).values(quota_bytes=1000)
    await house.database.write(lambda tx: tx.change(statement))
    talk = await house.talk().login("SELECT INBOX")
    data = b"y" * 950
    answer = await talk.say(b"t APPEND INBOX {950+}\r\n%b\r\n" % data)
    assert answer.startswith(b"t NO [OVERQUOTA] ")
    answer = await talk.say(b"t REPLACE 1 INBOX {1001+}\r\n%b\r\n" % (b"z" * 1001))
    assert answer.startswith(b"t NO [OVERQUOTA] ")
    assert b"BODY[] {900}" in await talk.say(b"t FETCH 1 BODY.PEEK[]\r\n")  # nothing is lost
    assert b"t OK" in await talk.say(b"t REPLACE 1 INBOX {950+}\r\n%b\r\n" % data)
    usage = await house.database.read(quota.usage, account)
    assert usage == Usage(1000, 950, 1)


async def test_replacing_tells_vanished_to_who_wants_that(house: MailHouse) -> None:
    await house.deliver(b"one")
    await house.deliver(b"two")
    talk = await house.talk().login("ENABLE QRESYNC", "SELECT INBOX")
    other = await house.talk().login("SELECT INBOX")
    answer = await talk.say(b"t UID REPLACE 1 INBOX {3+}\r\nnew\r\n")
    assert b"* VANISHED 1\r\n" in answer
    assert b"EXPUNGE" not in answer
    assert (await other.ask("NOOP"))[:2] == ["* 1 EXPUNGE", "* 2 EXISTS"]


async def test_one_message_cut_into_many_pieces_is_read_once(
    house: MailHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = 0

    def noting(*args: Any) -> Any:
        nonlocal times
        times += 1
        return contents(*args)

    contents = read.contents
    monkeypatch.setattr(read, "contents", noting)
    await house.deliver(b"0123456789")
    talk = await house.talk().login("SELECT INBOX")
    urls = " ".join(f"URL ;UID=1/;PARTIAL={at}.1" for at in reversed(range(10)))
    assert (await talk.ask(f"APPEND INBOX CATENATE ({urls})"))[-1].startswith("t OK")
    assert times == 1
    assert b"9876543210" in await talk.say(b"t FETCH 2 BODY.PEEK[]\r\n")
