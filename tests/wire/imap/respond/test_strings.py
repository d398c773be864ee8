import pytest

from pillarbox.wire.imap.respond.strings import flag_list, literal, literal8, nstring, quote, string


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", b'""'),
        ("a b", b'"a b"'),
        ('a"b\\c', b'"a\\"b\\\\c"'),
        (b"a", b'"a"'),
        ("a\r\nb", b"{4}\r\na\r\nb"),
        ("ü", b"{2}\r\n\xc3\xbc"),
        (b"a\0b", b"{2}\r\nab"),
        ("a" * 1000, b'"' + b"a" * 1000 + b'"'),
        ("a" * 1001, b"{1001}\r\n" + b"a" * 1001),
        (None, b"NIL"),
    ],
)
def test_strings(value, text):
    assert nstring(value) == text
    if value is not None:
        assert string(value) == text


def test_literals():
    assert literal(b"a\r\n") == b"{3}\r\na\r\n"
    assert literal8(b"\0") == b"~{1}\r\n\0"


def test_utf8_can_be_quoted_where_the_client_reads_it():
    assert quote("ü") == '"ü"'.encode()


def test_flags():
    assert flag_list(()) == b"()"
    assert flag_list((r"\Seen", "$a")) == b"(\\Seen $a)"
