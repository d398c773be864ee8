"""Replies on the wire, and read back."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.smtp import replies
from pillarbox.wire.smtp.replies import Reply, ReplyParser

STANDARD = [value for value in vars(replies).values() if isinstance(value, Reply)]


@pytest.mark.parametrize(
    ("reply", "wire"),
    [
        (Reply(250, "2.0.0", ("OK",)), b"250 2.0.0 OK\r\n"),
        (Reply(354, None, ("Go",)), b"354 Go\r\n"),
        (Reply(250, None, ("a", "B", "C 1")), b"250-a\r\n250-B\r\n250 C 1\r\n"),
        (Reply(550, "5.7.1", ("x", "y")), b"550-5.7.1 x\r\n550 5.7.1 y\r\n"),
        (Reply(550, "5.7.1", ("x\r\n250 OK",)), b"550 5.7.1 x 250 OK\r\n"),
        (Reply(550, None, ("n\u00f6\x00",)), b"550 n? \r\n"),
        (Reply(250, None, ("",)), b"250 \r\n"),
        (Reply(250, None, ()), b"250 \r\n"),
        (replies.auth_challenge(b"VXNlcm5hbWU6"), b"334 VXNlcm5hbWU6\r\n"),
        (replies.greeting("mx.example"), b"220 mx.example ESMTP\r\n"),
        (replies.ehlo("mx.example", ("SIZE 5",)), b"250-mx.example\r\n250 SIZE 5\r\n"),
    ],
)
def test_to_bytes(reply: Reply, wire: bytes) -> None:
    assert reply.to_bytes() == wire


def test_utf8_only_when_asked() -> None:
    """RFC 6531 §3.7.4.2."""
    reply = Reply(250, None, ("nö",))
    assert reply.to_bytes() == b"250 n?\r\n"
    assert reply.to_bytes(utf8=True) == "250 nö\r\n".encode()
    assert Reply(250, None, ("\ud800",)).to_bytes(utf8=True) == b"250  \r\n"


@pytest.mark.parametrize("text", ["word " * 300, "x" * 1500, "ö" * 900, "a" + "€" * 700])
def test_long_lines_are_folded(text: str) -> None:
    """RFC 5321 §4.5.3.1.5."""
    wire = Reply(550, "5.1.1", (text,)).to_bytes(utf8=True)
    lines = wire.split(b"\r\n")
    assert lines.pop() == b""
    assert all(len(line) <= 510 for line in lines)
    assert [line[3:4] for line in lines] == [b"-"] * (len(lines) - 1) + [b" "]
    together = "".join(line[10:].decode() for line in lines)
    assert together.replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("reply", STANDARD, ids=repr)
def test_standard_replies_are_consistent(reply: Reply) -> None:
    """RFC 2034 §4: the class of the enhanced code is that of the code; none on 3xx."""
    if reply.enhanced is None:
        assert reply.code // 100 == 3
    else:
        assert reply.enhanced[0] == str(reply.code)[0]
    assert reply.text.isascii()
    assert ReplyParser().feed(reply.to_bytes()) == [reply]


def test_kinds() -> None:
    assert replies.OK.is_success
    assert Reply(421, "4.7.0", ("Busy",)).is_temporary
    rejected = Reply(550, "5.7.1", ("Message refused",))
    assert rejected.is_permanent
    assert rejected.with_text("No").to_bytes() == b"550 5.7.1 No\r\n"


@pytest.mark.parametrize("step", [1, 2, 3, 5, 100])
def test_parser(step: int) -> None:
    wire = b"220 mx ESMTP\r\n250-a\r\n250-SIZE\n250 X\r\n550-5.1.1 no\r\n550 5.1.1 one\r\n250\r\n"
    parser = ReplyParser()
    found: list[Reply] = []
    for start in range(0, len(wire), step):
        found += parser.feed(wire[start : start + step])
    assert found == [
        Reply(220, None, ("mx ESMTP",)),
        Reply(250, None, ("a", "SIZE", "X")),
        Reply(550, "5.1.1", ("no", "one")),
        Reply(250, None, ("",)),
    ]
    assert not parser.has_pending


def test_has_pending_shows_injected_replies() -> None:
    parser = ReplyParser()
    assert len(parser.feed(b"220 go\r\n250-x")) == 1
    assert parser.has_pending


def test_enhanced_code_of_another_class_is_text() -> None:
    assert ReplyParser().feed(b"550 2.1.0 x\r\n") == [Reply(550, None, ("2.1.0 x",))]


@pytest.mark.parametrize(
    "wire",
    [
        b"\r\n",
        b"25 OK\r\n",
        b"600 x\r\n",
        b"250_x\r\n",
        b"OK\r\n",
        b"250-a\r\n251 b\r\n",
        b"x" * 2050,
        b"250 " + b"x" * 2050 + b"\r\n",
        b"250-x\r\n" * 101,
        (b"250-" + b"x" * 2000 + b"\r\n") * 40,
    ],
    ids=range(10),
)
def test_parser_refuses(wire: bytes) -> None:
    with pytest.raises(GrammarError):
        ReplyParser().feed(wire)
