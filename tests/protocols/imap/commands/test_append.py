"""APPEND of what a dialog can't show: large content, and bytes that are no text."""

import base64
import random

from kit.imap import MailHouse


async def test_large_message_comes_back_as_it_went(house: MailHouse) -> None:
    content = b"Subject: large\r\n\r\n" + base64.encodebytes(random.Random(1).randbytes(3_000_000))
    talk = await house.talk().login("SELECT INBOX")
    answer = await talk.say(b"t APPEND INBOX {%d}\r\n" % len(content))
    assert answer.startswith(b"+ ")
    for start in range(0, len(content), 100_000):
        talk.connection.give(content[start : start + 100_000])
    answer = await talk.say(b"\r\n")
    assert answer.startswith(b"* 1 EXISTS\r\nt OK [APPENDUID ")
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
