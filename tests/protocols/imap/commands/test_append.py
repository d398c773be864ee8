"""APPEND of what a dialog can't show: large content, and bytes that are no text."""

import asyncio
import base64
import random

from kit.imap import MailHouse
from pillarbox.pipeline.prepare import Preparation
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
