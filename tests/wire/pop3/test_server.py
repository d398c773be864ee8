"""From bytes to events: lines, their limits, and SASL responses among them."""

import pytest

from pillarbox.wire.pop3 import commands as c
from pillarbox.wire.pop3.server import (
    MAX_AUTH_OCTETS,
    MAX_LINE_OCTETS,
    AuthLine,
    Event,
    LineTooLong,
    Malformed,
    ServerParser,
)


def events(parser: ServerParser, *pieces: bytes) -> list[Event]:
    found: list[Event] = []
    for piece in pieces:
        parser.feed(piece)
        while (event := parser.next_event()) is not None:
            found.append(event)
    return found


def test_pipelined_and_split() -> None:
    wire = b"STAT\r\nLIST 1\r\n\r\nQUIT\r\n"
    expected = [c.Stat(), c.List(1), c.Quit()]
    whole = events(ServerParser(), wire)
    assert [one for one in whole if not isinstance(one, Malformed)] == expected
    assert len(whole) == 4
    split = events(ServerParser(), *(wire[at : at + 1] for at in range(len(wire))))
    assert [one for one in split if not isinstance(one, Malformed)] == expected


def test_half_a_line_is_none() -> None:
    parser = ServerParser()
    assert events(parser, b"STAT\r") == []
    assert parser.buffered_bytes == 5
    assert events(parser, b"\nNO") == [c.Stat()]
    assert parser.buffered_bytes == 2


def test_bare_newlines_end_no_line() -> None:
    (event,) = events(ServerParser(), b"STAT\nQUIT\r\n")
    assert isinstance(event, Malformed)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_long_lines_are_skipped(size: int) -> None:
    wire = b"PASS " + b"x" * 5000 + b"\r\nNOOP\r\n"
    pieces = [wire[at : at + size] for at in range(0, len(wire), size)]
    parser = ServerParser()
    assert events(parser, *pieces) == [LineTooLong(), c.Noop()]
    assert parser.buffered_bytes == 0


def test_a_line_of_the_longest_length() -> None:
    room = MAX_LINE_OCTETS - len(b"PASS \r\n")
    assert events(ServerParser(), b"PASS " + b"x" * room + b"\r\n") == [c.Pass("x" * room)]
    assert events(ServerParser(), b"PASS " + b"x" * (room + 1) + b"\r\n") == [LineTooLong()]


def test_nothing_piles_up() -> None:
    parser = ServerParser()
    found = events(parser, *[b"x" * 65_536] * 20)
    assert found == [LineTooLong()]
    assert parser.buffered_bytes <= 1


def test_auth_lines() -> None:
    parser = ServerParser()
    parser.feed(b"AUTH PLAIN\r\nQUIT\r\nQUIT\r\n")
    assert parser.next_event() == c.Auth("PLAIN")
    parser.begin_auth_line()
    assert parser.next_event() == AuthLine(b"QUIT")
    assert parser.next_event() == c.Quit()


def test_auth_lines_may_be_long() -> None:
    parser = ServerParser()
    parser.begin_auth_line()
    line = b"A" * (MAX_AUTH_OCTETS - 2)
    assert events(parser, line + b"\r\n") == [AuthLine(line)]
    parser.begin_auth_line()
    assert events(parser, line + b"A\r\nNOOP\r\n") == [LineTooLong(), c.Noop()]
    (event,) = events(ServerParser(), b"AUTH PLAIN " + b"A" * 4000 + b"\r\n")
    assert isinstance(event, c.Auth)


def test_tls_forgets_what_came_in_clear() -> None:
    parser = ServerParser()
    parser.feed(b"STLS\r\nUSER eve\r\nPA")
    assert parser.next_event() == c.Stls()
    parser.reset_after_stls()
    assert parser.next_event() is None
    assert events(parser, b"NOOP\r\n") == [c.Noop()]
