"""From bytes to lines: literals, their limits, and what can't be read."""

import pytest

from pillarbox.wire.managesieve.receiver import (
    MAX_TEXT_OCTETS,
    Event,
    Fatal,
    Line,
    Malformed,
    Receiver,
    ReceiverLimits,
    TooLarge,
)
from pillarbox.wire.managesieve.tokens import Atom, Text

LIMITS = ReceiverLimits(held_octets=40, skipped_octets=100)


def events(receiver: Receiver, *pieces: bytes) -> list[Event]:
    found: list[Event] = []
    for piece in pieces:
        receiver.feed(piece)
        while (event := receiver.next_event()) is not None:
            found.append(event)
    return found


def test_pipelined_and_split() -> None:
    wire = b'NOOP\r\nPUTSCRIPT "a\\"b" {7+}\r\nke\r\nep;\r\nHAVESPACE {0+}\r\n 12\r\n'
    expected = [
        Line((Atom("NOOP"),)),
        Line((Atom("PUTSCRIPT"), Text(b'a"b', True), Text(b"ke\r\nep;"))),
        Line((Atom("HAVESPACE"), Text(b""), Atom("12"))),
    ]
    assert events(Receiver(LIMITS), wire) == expected
    assert events(Receiver(LIMITS), *(wire[at : at + 1] for at in range(len(wire)))) == expected


def test_it_knows_whether_a_command_is_half_there() -> None:
    receiver = Receiver(LIMITS)
    for piece in (b"NOOP\r", b"\nX {5+}\r\n", b"abc", b"de", b"\r"):
        events(receiver, piece)
        assert receiver.is_within_command
    assert events(receiver, b"\n") == [Line((Atom("X"), Text(b"abcde")))]
    assert not receiver.is_within_command


@pytest.mark.parametrize(
    "line",
    [
        b'GETSCRIPT "a',
        b'GETSCRIPT "a\\n"',
        b'GETSCRIPT "a\0b"',
        b'GETSCRIPT "a""b"',
        b'GETSCRIPT"a"',
        b"GETSCRIPT (a)",
        b"GETSCRIPT \xc3\xb6",
        b"GETSCRIPT \tx",
        b"NOOP\n",
        b"A" * 1025,
        b"a b c d e f g h i",
    ],
)
def test_malformed_lines_end_where_they_end(line: bytes) -> None:
    malformed, whole = events(Receiver(LIMITS), line + b"\r\nNOOP\r\n")
    assert isinstance(malformed, Malformed)
    assert whole == Line((Atom("NOOP"),))


@pytest.mark.parametrize(
    "line",
    [
        b"PUTSCRIPT x {5}",
        b"PUTSCRIPT x {05+}",
        b"PUTSCRIPT x {99999999999+}",
        b"PUTSCRIPT x {4294967296+}",
        b"PUTSCRIPT (x {5+}",
        b'PUTSCRIPT "x {5+}',
        b"PUTSCRIPT x {5+} ",
    ],
)
def test_nothing_is_read_on_where_a_literal_may_follow(line: bytes) -> None:
    receiver = Receiver(LIMITS)
    (fatal,) = events(receiver, line + b"\r\nLOGOUT\r\n")
    assert isinstance(fatal, Fatal)
    assert events(receiver, b"LOGOUT\r\n") == []


def test_large_literals_are_skipped_up_to_a_point() -> None:
    put = b"PUTSCRIPT {2+}\r\nxx {%d+}\r\n"
    wire = put % 100 + b"{9+}\r\nLOGOUT\r\n".ljust(100, b".") + b"\r\nNOOP\r\n"
    for pieces in ([wire], [wire[at : at + 1] for at in range(len(wire))]):
        assert events(Receiver(LIMITS), *pieces) == [TooLarge(), Line((Atom("NOOP"),))]
    (fatal,) = events(Receiver(LIMITS), put % 101)
    assert fatal == Fatal("That is far too large", too_large=True)
    many = b"X {41+}\r\n" + b"." * 41 + b" {60+}\r\n"
    (fatal,) = events(Receiver(LIMITS), many)
    assert isinstance(fatal, Fatal)
    assert fatal.too_large


def test_literals_are_counted_together() -> None:
    held = b"X {20+}\r\n" + b"a" * 20 + b" {%d+}\r\n"
    assert events(Receiver(LIMITS), held % 20 + b"b" * 20 + b"\r\n") == [
        Line((Atom("X"), Text(b"a" * 20), Text(b"b" * 20)))
    ]
    assert events(Receiver(LIMITS), held % 21 + b"b" * 21 + b"\r\n") == [TooLarge()]


@pytest.mark.parametrize("with_end", [True, False])
def test_lines_have_an_end(with_end: bool) -> None:
    line = b'NOOP "'.ljust(MAX_TEXT_OCTETS + 1, b"x") + (b"\r\n" if with_end else b"")
    (fatal,) = events(Receiver(LIMITS), line)
    assert fatal == Fatal("The line is too long")
    (whole,) = events(Receiver(LIMITS), b'NOOP "'.ljust(MAX_TEXT_OCTETS - 1, b"x") + b'"\r\n')
    assert isinstance(whole, Line)


def test_what_came_before_tls_is_forgotten() -> None:
    receiver = Receiver(LIMITS)
    events(receiver, b"X {5+}\r\nabc")
    receiver.reset_after_starttls()
    assert not receiver.is_within_command
    assert events(receiver, b"NOOP\r\n") == [Line((Atom("NOOP"),))]


def test_secrets_are_not_shown() -> None:
    (line,) = events(Receiver(LIMITS), b'AUTHENTICATE "PLAIN" "c2VjcmV0"\r\n')
    assert "c2Vj" not in repr(line)
