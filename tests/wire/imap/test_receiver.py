"""Cutting input into commands, literals of both kinds included (RFC 7888 §4)."""

import pytest

from pillarbox.wire.imap.receiver import (
    CommandLine,
    Fatal,
    Literal,
    NeedContinuation,
    Receiver,
    ReceiverLimits,
    Rejected,
    tag_of,
)

LIMITS = ReceiverLimits(
    text_bytes=100,
    literals=3,
    literal_bytes=10,
    literal_total_bytes=20,
    append_literal_bytes=50,
    append_total_bytes=80,
    skip_text_bytes=400,
    skip_bytes=200,
)


def events(*parts, limits=LIMITS, append=True):
    receiver = Receiver(limits)
    if append:
        receiver.allow_append()
    got = []
    for part in parts:
        receiver.feed(part)
        while (event := receiver.next()) is not None:
            got.append(event)
    return got


def one_by_one(data, **options):
    return events(*(data[i : i + 1] for i in range(len(data))), **options)


def literal(size, plus=b"+"):
    return b"{%d%b}\r\n" % (size, plus) + b"x" * size


CASES = {
    "plain": (b"a NOOP\r\n", [CommandLine((b"a NOOP",))]),
    "pipelined": (b"a NOOP\r\nb NOOP\r\n", [CommandLine((b"a NOOP",)), CommandLine((b"b NOOP",))]),
    "lone LF": (b"a NOOP\nb NOOP\r\n", [CommandLine((b"a NOOP",)), CommandLine((b"b NOOP",))]),
    "empty line": (b"\r\n", [CommandLine((b"",))]),
    "unfinished": (b"a NOOP", []),
    "non-synchronising": (
        b"a LOGIN {2+}\r\nme {3+}\r\nabc\r\n",
        [CommandLine((b"a LOGIN ", Literal(b"me"), b" ", Literal(b"abc"), b""))],
    ),
    "synchronising": (
        b"a LOGIN {2}\r\nme x\r\n",
        [NeedContinuation(2, (b"a LOGIN ",)), CommandLine((b"a LOGIN ", Literal(b"me"), b" x"))],
    ),
    "empty literal": (
        b"a LOGIN {0+}\r\n x\r\n",
        [CommandLine((b"a LOGIN ", Literal(b""), b" x"))],
    ),
    "line ends inside a literal": (
        b"a LOGIN {4+}\r\n\r\n\r\n x\r\n",
        [CommandLine((b"a LOGIN ", Literal(b"\r\n\r\n"), b" x"))],
    ),
    "literal8": (
        b"a APPEND b ~{3+}\r\n\0\n\0\r\n",
        [CommandLine((b"a APPEND b ", Literal(b"\0\n\0", binary=True), b""))],
    ),
    "message": (
        b"a APPEND b " + literal(50) + b"\r\n",
        [CommandLine((b"a APPEND b ", Literal(b"x" * 50), b""))],
    ),
    "mailbox named by a literal before a message": (
        b"a append {1+}\r\nb " + literal(50) + b"\r\n",
        [CommandLine((b"a append ", Literal(b"b"), b" ", Literal(b"x" * 50), b""))],
    ),
    "mailbox name too long": (
        b"a APPEND " + literal(11) + b" {2+}\r\nhi\r\nb NOOP\r\n",
        [Rejected(b"a", "literal too large", True), CommandLine((b"b NOOP",))],
    ),
    "literal too large, skipped": (
        b"a LOGIN " + literal(11) + b" {2+}\r\nhi\r\nb NOOP\r\n",
        [Rejected(b"a", "literal too large", True), CommandLine((b"b NOOP",))],
    ),
    "literal too large, not awaited": (
        b"a LOGIN {11}\r\nb NOOP\r\n",
        [Rejected(b"a", "literal too large", True), CommandLine((b"b NOOP",))],
    ),
    "literals too large together": (
        b"a LOGIN " + literal(10) + b" " + literal(10) + b" " + literal(1) + b"\r\nb NOOP\r\n",
        [Rejected(b"a", "literal too large", True), CommandLine((b"b NOOP",))],
    ),
    "too many literals": (
        b"a SEARCH " + literal(1) * 4 + b"\r\nb NOOP\r\n",
        [Rejected(b"a", "too many literals"), CommandLine((b"b NOOP",))],
    ),
    "synchronising literal after a rejected one": (
        b"a LOGIN " + literal(11) + b" {2}\r\nb NOOP\r\n",
        [Rejected(b"a", "literal too large", True), CommandLine((b"b NOOP",))],
    ),
    "line just fits": (b"a" * 100 + b"\r\n", [CommandLine((b"a" * 100,))]),
    "line just too long": (
        b"a " + b"b" * 99 + b"\r\nb NOOP\r\n",
        [Rejected(b"a", "command line too long"), CommandLine((b"b NOOP",))],
    ),
    "long line with a literal": (
        b"a " + b"b" * 200 + literal(9) + b"\r\nb NOOP\r\n",
        [Rejected(b"a", "command line too long"), CommandLine((b"b NOOP",))],
    ),
    "text too long together": (
        b"a " + b"b" * 60 + literal(9) + b"c" * 60 + b"\r\nb NOOP\r\n",
        [Rejected(b"a", "command line too long"), CommandLine((b"b NOOP",))],
    ),
    "longest line skipped": (
        b"a " + b"b" * 398 + b"\r\nb NOOP\r\n",
        [Rejected(b"a", "command line too long"), CommandLine((b"b NOOP",))],
    ),
    "endless line": (b"a " + b"b" * 399 + b"\r\nb NOOP\r\n", [Fatal("command line too long")]),
    "huge literal": (b"a LOGIN {201+}\r\nb NOOP\r\n", [Fatal("literal too large")]),
    "huge number": (b"a X {" + b"9" * 30 + b"+}\r\nb NOOP\r\n", [Fatal("literal too large")]),
    "skipping too much together": (
        b"a LOGIN " + literal(120) + literal(120) + b"\r\n",
        [Fatal("literal too large")],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_input_becomes_events_however_it_is_split(name):
    data, expected = CASES[name]
    assert events(data) == expected
    assert one_by_one(data) == expected
    for cut in range(1, len(data)):
        assert events(data[:cut], data[cut:]) == expected, cut


def test_append_is_small_before_login():
    data = b"a APPEND b " + literal(50) + b"\r\n"
    assert events(data, append=False) == [Rejected(b"a", "literal too large", True)]


def test_literals_are_small_before_login():
    limits = ReceiverLimits(early_literal_bytes=10, early_skip_bytes=30)
    data = b"a LOGIN " + literal(10) + b" " + literal(10) + b"\r\n"
    (line,) = events(data, limits=limits, append=False)
    assert isinstance(line, CommandLine)
    for head in (b"a LOGIN ", b"a APPEND b ", b"a APPEND b ~"):
        data = head + literal(11) + b"\r\n"
        rejected = [Rejected(b"a", "literal too large", True)]
        assert events(data, limits=limits, append=False) == rejected
    third = b" ".join([literal(10)] * 3)
    assert events(b"a LOGIN " + third + b"\r\n", limits=limits, append=False) == rejected
    assert isinstance(events(b"a LOGIN {31+}\r\n", limits=limits, append=False)[0], Fatal)
    assert events(b"a LOGIN {31+}\r\n", limits=limits) == []


@pytest.mark.parametrize(
    ("head", "large"),
    [
        (b"a APPEND ", False),
        (b"a APPEND b ", True),
        (b"a APPEND b (x) ", True),
        (b"a APPEND b CATENATE (URL ", True),
        (b"a REPLACE ", False),
        (b"a REPLACE 1 ", False),
        (b"a REPLACE 1 b ", True),
        (b"a UID REPLACE 1 ", False),
        (b"a UID REPLACE 1 b ", True),
        (b"a SEARCH TEXT ", False),
    ],
)
def test_only_messages_may_be_large(head, large):
    found = events(head + literal(25) + b"\r\n")
    assert isinstance(found[0], CommandLine) is large


def test_non_synchronising_literals_can_be_kept_small():
    limits = ReceiverLimits(nonsync_literal_bytes=4096)
    assert events(b"a LOGIN " + literal(4096) + b" x\r\n", limits=limits)[0].pieces[2] == b" x"
    rejected = events(b"a LOGIN " + literal(4097) + b" x\r\n", limits=limits)
    assert rejected == [Rejected(b"a", "literal too large", True)]
    waiting = events(b"a LOGIN {4097}\r\n", limits=limits)
    assert waiting == [NeedContinuation(4097, (b"a LOGIN ",))]


def test_a_refused_literal_leaves_the_next_command_intact():
    receiver = Receiver(LIMITS)
    receiver.feed(b"a LOGIN {2}\r\n")
    assert receiver.next() == NeedContinuation(2, (b"a LOGIN ",))
    receiver.refuse_literal()
    receiver.feed(b"b NOOP\r\n")
    assert receiver.next() == CommandLine((b"b NOOP",))
    assert receiver.next() is None


def test_clear_text_is_dropped_when_tls_begins():
    receiver = Receiver(LIMITS)
    receiver.feed(b"a STARTTLS\r\nb LOGIN x y\r\n")
    assert receiver.next() == CommandLine((b"a STARTTLS",))
    assert receiver.reset_after_starttls() == 13
    assert receiver.next() is None
    receiver.feed(b"c NOOP\r\n")
    assert receiver.next() == CommandLine((b"c NOOP",))


def test_bytes_not_looked_at_can_be_taken_out():
    receiver = Receiver(LIMITS)
    receiver.feed(b"a COMPRESS DEFLATE\r\n\x01\x02")
    assert receiver.next() == CommandLine((b"a COMPRESS DEFLATE",))
    assert receiver.take_buffered() == b"\x01\x02"


def test_raw_lines_have_no_literals():
    receiver = Receiver(LIMITS)
    data = b"a AUTHENTICATE PLAIN\r\nAG1l{3}\r\nb NOOP\r\n"
    lines = []
    for i in range(len(data)):
        receiver.feed(data[i : i + 1])
        if not lines:
            event = receiver.next()
        elif len(lines) == 1:
            event = receiver.next_line()
        else:
            event = receiver.next()
        if event is not None:
            lines.append(event)
    assert lines == [CommandLine((b"a AUTHENTICATE PLAIN",)), b"AG1l{3}", CommandLine((b"b NOOP",))]


@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_raw_lines_are_bounded(end):
    receiver = Receiver(LIMITS)
    receiver.feed(b"x" * 100 + b"\r\n")
    assert receiver.next_line() == b"x" * 100
    receiver.feed(b"x" * 102 + end)
    assert receiver.next_line() == Fatal("line too long")
    receiver.feed(b"a NOOP\r\n")
    assert receiver.next_line() is None
    assert receiver.next() is None


def test_skipped_input_is_not_kept():
    receiver = Receiver(ReceiverLimits(skip_text_bytes=10_000_000))
    for _ in range(1000):
        receiver.feed(b"a" * 8192)
        assert receiver.next() is None
    assert len(receiver.take_buffered()) <= 64


def test_tags_are_found_where_there_is_one():
    assert tag_of(b"a1 NOOP") == b"a1"
    assert tag_of(b"a+ NOOP") == b""
    assert tag_of(b"NOOP") == b""


def test_a_starved_command_is_skipped_and_told() -> None:
    receiver = Receiver(LIMITS)
    receiver.allow_append()
    receiver.feed(b"a APPEND x {30+}\r\n0123456789")
    assert receiver.next() is None
    assert receiver.held_bytes == 10
    receiver.starve()
    assert receiver.held_bytes == 0
    receiver.feed(b"0123456789" * 2)
    assert receiver.held_bytes == 0
    receiver.feed(b" {3+}\r\nabc\r\nb NOOP\r\n")
    rejected = receiver.next()
    assert isinstance(rejected, Rejected)
    assert (rejected.tag, rejected.starved) == (b"a", True)
    assert receiver.next() == CommandLine((b"b NOOP",))
