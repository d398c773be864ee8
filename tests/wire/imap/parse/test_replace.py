import pytest

from kit.imap_grammar import assert_bad, parse
from pillarbox.wire.imap.parse.append import AppendMessage, UrlPiece
from pillarbox.wire.imap.parse.compress import Compress
from pillarbox.wire.imap.parse.replace import Replace
from pillarbox.wire.imap.receiver import Literal

ONE = Literal(b"Subject: x\r\n\r\n")


def test_what_is_understood() -> None:
    message = AppendMessage((ONE.data,), (r"\Seen",))
    assert parse(b"REPLACE 4 a (\\seen) ", ONE, b"") == Replace(4, "a", message)
    assert parse(b"REPLACE * a (\\seen) ", ONE, b"") == Replace(None, "a", message)
    assert parse(b"UID REPLACE 4 inbox (\\seen) ", ONE, b"") == Replace(4, "INBOX", message, True)
    url = AppendMessage((UrlPiece("/x/;UID=1"),))
    assert parse(b"UID REPLACE 4 a CATENATE (URL /x/;UID=1)") == Replace(4, "a", url, True)


@pytest.mark.parametrize(
    "text",
    [
        b"REPLACE 0 a CATENATE (URL x)",
        b"REPLACE 1:2 a CATENATE (URL x)",
        b"UID REPLACE * a CATENATE (URL x)",
        b"REPLACE 1 CATENATE (URL x)",
        b"REPLACE 1 a",
        b"REPLACE 1 a CATENATE (URL x) CATENATE (URL x)",
        b"COMPRESS",
        b"COMPRESS DEFLATE x",
    ],
)
def test_what_is_refused(text: bytes) -> None:
    assert_bad(text)


def test_compress() -> None:
    assert parse(b"COMPRESS deflate") == Compress("DEFLATE")
