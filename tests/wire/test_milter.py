"""The packets of milters."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire import milter
from pillarbox.wire.milter import (
    Command,
    NewField,
    Packet,
    Receiver,
    ReplyCode,
    Response,
    Steps,
    read_new_field,
    read_reply_code,
)


def test_our_offer() -> None:
    assert milter.negotiate() == (
        b"\0\0\0\x0dO\0\0\0\x06\0\0\0\x21" + sum(Steps).to_bytes(4, "big")
    )


def test_packets_in_pieces_of_any_size() -> None:
    data = b"\0\0\0\x01c\0\0\0\x05habc\0"
    for size in range(1, len(data) + 1):
        receiver, found = Receiver(), []
        for start in range(0, len(data), size):
            receiver.feed(data[start : start + size])
            while (packet := receiver.next()) is not None:
                found.append(packet)
        assert found == [Packet(Response.CONTINUE), Packet(Response.ADD_HEADER, b"abc\0")]


@pytest.mark.parametrize("data", [bytes(4), b"\xff" * 4, b"\0\2\0\1", b"\0\0\0\1?"])
def test_no_packets(data: bytes) -> None:
    receiver = Receiver()
    receiver.feed(data)
    with pytest.raises(GrammarError):
        receiver.next()


def test_texts_hold_no_ends_of_their_own() -> None:
    assert milter.helo("a\0b") == b"\0\0\0\x05Ha?b\0"
    assert milter.header(b"X", b" a\0b\r\n c\r\n", leading_space=False).endswith(b"LX\0a?b\n c\0")
    assert milter.macros(Command.MAIL, [("i", "1"), ("empty", "")]) == b"\0\0\0\6DMi\0001\0"


@pytest.mark.parametrize(
    ("data", "reply"),
    [
        (b"550 5.7.1 Go\xff away\0", ReplyCode(550, "Go? away")),
        (b"450\0", None),
        (b"250 2.0.0 Fine\0", None),
        (b"421 4.7.0 \0", ReplyCode(421, "")),
        (b"550-5.7.1 a\r\n550 5.7.1 b\0", ReplyCode(550, "a")),
        (b"", None),
    ],
)
def test_reply_codes(data: bytes, reply: ReplyCode | None) -> None:
    if reply is None:
        with pytest.raises(GrammarError):
            read_reply_code(data)
    else:
        assert read_reply_code(data) == reply


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (b"one", b"X: one\r\n"),
        (b"one\n\ttwo\r\n three\n", b"X: one\r\n\ttwo\r\n three\r\n"),
        (b"one\n \n two", b"X: one\r\n two\r\n"),
        ("grüße".encode(), "X: grüße\r\n".encode()),
        (b"\xff", b"X: \xff\r\n"),
        (b"", b"X: \r\n"),
        (b"a\nBcc: b", None),
        (b"a\n\n\nb", None),
        (b"a\rb", None),
    ],
)
def test_new_fields_are_one_field(value: bytes, line: bytes | None) -> None:
    packet = Packet(Response.ADD_HEADER, b"X\0" + value + b"\0")
    if line is None:
        with pytest.raises(GrammarError):
            read_new_field(packet, leading_space=False)
    else:
        assert read_new_field(packet, leading_space=False).line == line


def test_the_index_of_a_new_field_is_passed_over() -> None:
    packet = Packet(Response.INSERT_HEADER, b"\0\0\0\1X\0 y\0")
    assert read_new_field(packet, leading_space=True) == NewField("X", "y")
