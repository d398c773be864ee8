"""What the server says: codes, limits, doubled dots, and where TOP ends."""

import time

import pytest

from pillarbox.wire.pop3.responses import (
    MAX_RESPONSE_OCTETS,
    Code,
    challenge,
    err,
    lines,
    ok,
    stuffed,
    top_bytes,
)


def test_single_lines() -> None:
    assert ok() == b"+OK\r\n"
    assert ok("2 320") == b"+OK 2 320\r\n"
    assert err("No") == b"-ERR No\r\n"
    assert err("Taken", Code.IN_USE) == b"-ERR [IN-USE] Taken\r\n"
    assert challenge(b"") == b"+ \r\n"
    assert challenge(b"\0" * 300) == b"+ " + b"A" * 400 + b"\r\n"
    assert lines(["TOP", "UIDL"]) == b"TOP\r\nUIDL\r\n.\r\n"


@pytest.mark.parametrize("text", ["a\r\n+OK b", "a\0b", "a\u2028b", "x" * 999, "ü" * 400, "\ud800"])
def test_no_text_breaks_the_line(text: str) -> None:
    for said in (ok(text), err(text, Code.SYS_TEMP)):
        assert said.endswith(b"\r\n")
        assert said.count(b"\n") == said.count(b"\r") == 1
        assert len(said) <= MAX_RESPONSE_OCTETS
        said.decode()


@pytest.mark.parametrize(
    ("pieces", "wire"),
    [
        ([], b".\r\n"),
        ([b""], b".\r\n"),
        ([b"a\r\n"], b"a\r\n.\r\n"),
        ([b".\r\n"], b"..\r\n.\r\n"),
        ([b".a\r\n..\r\n.\r\n"], b"..a\r\n...\r\n..\r\n.\r\n"),
        ([b"a\r\n", b".b\r\n"], b"a\r\n..b\r\n.\r\n"),
        ([b"a", b".b\r\n"], b"a.b\r\n.\r\n"),
        ([b"a\r\n", b"", b".", b".\r\n"], b"a\r\n...\r\n.\r\n"),
        ([b"a\r", b"\n", b".\r\n"], b"a\r\n..\r\n.\r\n"),
    ],
)
def test_dots_are_doubled(pieces: list[bytes], wire: bytes) -> None:
    assert b"".join(stuffed(pieces)) == wire


@pytest.mark.parametrize(
    ("content", "count", "top"),
    [
        (b"H: 1\r\n\r\na\r\nb\r\n", 0, b"H: 1\r\n\r\n"),
        (b"H: 1\r\n\r\na\r\nb\r\n", 1, b"H: 1\r\n\r\na\r\n"),
        (b"H: 1\r\n\r\na\r\nb\r\n", 9, b"H: 1\r\n\r\na\r\nb\r\n"),
        (b"H: 1\n\na\nb\n", 1, b"H: 1\n\na\n"),
        (b"H: 1\n\r\na\nb\n", 1, b"H: 1\n\r\na\n"),
        (b"H: 1\r\n\na\nb\n", 0, b"H: 1\r\n\n"),
        (b"\r\nbody\r\nmore", 1, b"\r\nbody\r\n"),
        (b"\nbody", 0, b"\n"),
        (b"H: 1\r\n", 5, b"H: 1\r\n"),
        (b"no end", 5, b"no end"),
        (b"", 1, b""),
    ],
)
def test_top(content: bytes, count: int, top: bytes) -> None:
    assert content[: top_bytes(content, count)] == top


@pytest.mark.parametrize("line", [b"\n", b"x\r\n", b"x" * 4095 + b"\n", b"y" * 9000 + b"\r\n"])
def test_top_of_many_lines(line: bytes) -> None:
    content = b"H: 1\r\n\r\n" + line * 5000
    for count in (0, 1, 2, 1365, 1366, 4095, 4096, 4097, 4999, 5000, 5001):
        assert top_bytes(content, count) == 8 + min(count, 5000) * len(line)


def test_top_is_quick_whatever_lines_are_asked_for() -> None:
    begun = time.process_time()
    assert top_bytes(b"\n" * (1 << 23), (1 << 23) - 2) == (1 << 23) - 1
    assert time.process_time() - begun < 0.2
