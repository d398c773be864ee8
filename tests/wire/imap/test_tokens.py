from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.imap.receiver import Literal
from pillarbox.wire.imap.tokens import Tokens

GOOD = [
    ("atom", b"abc(", "abc"),
    ("keyword", b"Body.Peek[", "BODY.PEEK["),
    ("tag", b"a.1] x", b"a.1]"),
    ("astring", b"a]b c", b"a]b"),
    ("astring", b'"a b"', b"a b"),
    ("string", rb'"a\"\\b"', b'a"\\b'),
    ("string", '"ü"'.encode(), "ü".encode()),
    ("string", b'""', b""),
    ("astring_text", '"ü"'.encode(), "ü"),
    ("nstring_text", b"nil", None),
    ("nstring_text", b'"NIL"', "NIL"),
    ("number", b"0", 0),
    ("number", b"4294967295", 2**32 - 1),
    ("nz_number", b"7", 7),
    ("number64", b"9223372036854775807", 2**63 - 1),
    ("flag", b"\\sEEN", r"\Seen"),
    ("flag", b"$Junk", "$Junk"),
    ("flag_list", b"()", ()),
    ("flag_list", b"(\\Seen $a \\SEEN)", (r"\Seen", "$a")),
    ("date", b"1-feb-2024", date(2024, 2, 1)),
    ("date", b'"01-Feb-2024"', date(2024, 2, 1)),
    ("date_time", b'" 1-Feb-2024 10:20:30 +0000"', datetime(2024, 2, 1, 10, 20, 30, tzinfo=UTC)),
    (
        "date_time",
        b'"01-Feb-2024 23:59:60 -0330"',
        datetime(2024, 2, 1, 23, 59, 59, tzinfo=timezone(timedelta(hours=-3, minutes=-30))),
    ),
    ("mailbox", b'"Entw&APw-rfe"', "Entwürfe"),
    ("mailbox", b"inbox", "INBOX"),
    ("mailbox_pattern", b"a/%*", "a/%*"),
    ("mailbox_pattern", b'"a b*"', "a b*"),
]
BAD = [
    ("atom", b"(", 0),
    ("atom", b"", 0),
    ("atom", b"\xfc", 0),
    ("string", b"abc", 0),
    ("string", b'"abc', 0),
    ("string", rb'"a\b"', 0),
    ("string", b'"a\rb"', 0),
    ("string", b'"a\0b"', 0),
    ("string", b'"\xfc"', 0),
    ("nstring_text", b"nope", 0),
    ("number", b"x", 0),
    ("number", b"4294967296", 0),
    ("nz_number", b"0", 0),
    ("nz_number", b"07", 0),
    ("number64", b"9223372036854775808", 0),
    ("flag", b"\\Recent", 7),
    ("flag", b"\\", 0),
    ("flag_list", b"(a  b)", 0),
    ("flag_list", b"(a ", 0),
    ("flag_list", b"( a)", 0),
    ("date", b"31-Feb-2024", 0),
    ("date", b"1-Foo-2024", 0),
    ("date", b'"1-Feb-2024', 0),
    ("date_time", b'"1-Feb-2024 10:20:30 +0000"', 0),
    ("date_time", b'"01-Feb-2024 24:00:00 +0000"', 0),
    ("date_time", b'"01-Feb-2024 10:20:61 +0000"', 0),
    ("date_time", b'"01-Feb-2024 10:20:30 +9900"', 0),
    ("date_time", b'"01-Jan-0001 00:00:00 +0100"', 0),
    ("mailbox", b"\xff", 0),
    ("sequence_set", b"0", 0),
]


@pytest.mark.parametrize(("method", "text", "value"), GOOD)
def test_terminals(method, text, value):
    assert getattr(Tokens((text,)), method)() == value


@pytest.mark.parametrize(("method", "text", "position"), BAD)
def test_what_is_not_a_terminal(method, text, position):
    with pytest.raises(GrammarError) as caught:
        getattr(Tokens((text,)), method)()
    assert caught.value.position in (0, position)


def test_literals_stand_for_strings():
    tokens = Tokens((b"", Literal(b"a b\r\n"), b" ", Literal(b"\xff", binary=True), b""))
    assert tokens.at_literal()
    assert tokens.astring() == b"a b\r\n"
    tokens.sp()
    assert tokens.literal() == Literal(b"\xff", binary=True)
    tokens.end()


@pytest.mark.parametrize("literal", [Literal(b"\0"), Literal(b"a", binary=True)])
def test_strings_have_no_nul_and_no_literal8(literal):
    with pytest.raises(GrammarError):
        Tokens((b"", literal, b"")).astring()


def test_positions_count_what_came_before():
    tokens = Tokens((b"a ", Literal(b"xyz"), b" (b"))
    tokens.atom()
    tokens.sp()
    tokens.string()
    tokens.sp()
    with pytest.raises(GrammarError) as caught:
        tokens.atom()
    assert caught.value.position == 6


def test_spaces_at_the_end_are_let_through():
    tokens = Tokens((b"a  ",))
    tokens.atom()
    tokens.end()
    with pytest.raises(GrammarError):
        Tokens((b"a",)).end()
    with pytest.raises(GrammarError):
        Tokens((b"", Literal(b""), b"")).end()


def test_nothing_at_all():
    with pytest.raises(GrammarError):
        Tokens(()).atom()
