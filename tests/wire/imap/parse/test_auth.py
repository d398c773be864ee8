import pytest

from kit.imap_grammar import assert_bad, parse
from pillarbox.base.errors import GrammarError
from pillarbox.wire.imap.parse.auth import Authenticate, Login, StartTls, decode_base64
from pillarbox.wire.imap.receiver import Literal

GOOD = [
    (b"STARTTLS", StartTls()),
    (b"LOGIN me secret", Login("me", "secret")),
    (b'LOGIN "me@x" "a b"', Login("me@x", "a b")),
    (b'LOGIN me ""', Login("me", "")),
    (b"AUTHENTICATE plain", Authenticate("PLAIN", None)),
    (b"AUTHENTICATE PLAIN =", Authenticate("PLAIN", b"")),
    (b"AUTHENTICATE PLAIN AG1lAHg=", Authenticate("PLAIN", b"\0me\0x")),
]
BAD = [
    b"STARTTLS now",
    b"LOGIN me",
    b"LOGIN  me x",
    b"LOGIN me x y",
    b"AUTHENTICATE",
    b"AUTHENTICATE PLAIN AG1lAHg",
    b"AUTHENTICATE PLAIN ==",
    b"AUTHENTICATE PLAIN ?",
]


@pytest.mark.parametrize(("text", "value"), GOOD)
def test_what_is_understood(text, value):
    assert parse(text) == value


@pytest.mark.parametrize("text", BAD)
def test_what_is_refused(text):
    assert_bad(text)


def test_login_with_literals():
    got = parse(b"LOGIN ", Literal(b"me"), b" ", Literal("gehe\u00ef m".encode()), b"")
    assert got == Login("me", "gehe\u00ef m")


def test_secrets_are_not_shown():
    assert "secret" not in repr(parse(b"LOGIN me secret"))
    assert "initial" not in repr(parse(b"AUTHENTICATE PLAIN AG1lAHg="))


def test_sasl_lines_are_canonical_base64():
    assert decode_base64(b"") == b""
    assert decode_base64(b"YQ==") == b"a"
    for text in (b"YQ", b"YQ=", b"Y", b"YQ==YQ==", b"Y Q=", b"*"):
        with pytest.raises(GrammarError):
            decode_base64(text)
