from datetime import UTC, datetime

import pytest

from pillarbox.wire.imap.parse.append import Append, AppendMessage, UrlPiece
from pillarbox.wire.imap.parse.command import CommandError, parse_command
from pillarbox.wire.imap.parse.table import COMMANDS
from pillarbox.wire.imap.receiver import Literal

ONE = Literal(b"Subject: x\r\n\r\n\0")
EIGHT = Literal(b"\0\xff", binary=True)
DAY = datetime(2024, 2, 1, 10, tzinfo=UTC)
DATE = b'"01-Feb-2024 10:00:00 +0000"'


def parse(*pieces):
    first, *rest = pieces
    return parse_command((b"a " + first, *rest), COMMANDS).args


GOOD = [
    ((b"APPEND a ", ONE, b""), (AppendMessage((ONE.data,)),)),
    ((b"APPEND a (\\seen $x) ", ONE, b""), (AppendMessage((ONE.data,), (r"\Seen", "$x")),)),
    ((b"APPEND a " + DATE + b" ", ONE, b""), (AppendMessage((ONE.data,), (), DAY),)),
    ((b"APPEND a () " + DATE + b" ", ONE, b" "), (AppendMessage((ONE.data,), (), DAY),)),
    ((b"APPEND a ", EIGHT, b""), (AppendMessage((EIGHT.data,), binary=True),)),
    ((b"APPEND a UTF8 (", EIGHT, b")"), (AppendMessage((EIGHT.data,), binary=True, utf8=True),)),
    (
        (b"APPEND a CATENATE (TEXT ", ONE, b" URL /x/;UID=1 url ", Literal(b"u"), b")"),
        (AppendMessage((ONE.data, UrlPiece("/x/;UID=1"), UrlPiece("u"))),),
    ),
    (
        (b"APPEND a (b) " + DATE + b" catenate (TEXT ", EIGHT, b") CATENATE (UTF8 (", EIGHT, b"))"),
        (
            AppendMessage((EIGHT.data,), ("b",), DAY, binary=True),
            AppendMessage((EIGHT.data,), binary=True, utf8=True),
        ),
    ),
    (
        (b"APPEND ", Literal(b"a"), b" ", ONE, b" (b) ", EIGHT, b" ", Literal(b""), b""),
        (
            AppendMessage((ONE.data,)),
            AppendMessage((EIGHT.data,), ("b",), binary=True),
            AppendMessage((b"",)),
        ),
    ),
]


@pytest.mark.parametrize(("pieces", "messages"), GOOD)
def test_what_is_understood(pieces, messages):
    assert parse(*pieces) == Append("a", messages)


@pytest.mark.parametrize(
    "pieces",
    [
        (b"APPEND a",),
        (b'APPEND a "x"',),
        (b"APPEND a ()",),
        (b"APPEND a (\\Recent) ", ONE, b""),
        (b"APPEND a ", ONE, b"x"),
        (b"APPEND a " + DATE + b" () ", ONE, b""),
        (b"APPEND a UTF8 (", ONE, b")"),
        (b"APPEND a UTF8 (", EIGHT, b""),
        (b"APPEND a CATENATE ()",),
        (b"APPEND a CATENATE (URL)",),
        (b"APPEND a CATENATE (URL x",),
        (b"APPEND a CATENATE (TEXT x)",),
        (b"APPEND a CATENATE (FROB ", ONE, b")"),
        (b"APPEND a CATENATE (TEXT ", ONE, b"URL x)"),
        (b"APPEND a CATENATE (URL " + b" URL ".join([b"x"] * 1001) + b")",),
        (b"APPEND a ", *(ONE, b" ") * 1000, ONE, b""),
    ],
)
def test_what_is_refused(pieces):
    with pytest.raises(CommandError):
        parse(*pieces)


def test_content_is_not_shown():
    assert "Subject" not in repr(parse(b"APPEND a ", ONE, b""))
