"""What is sent: quotes where they may be, literals elsewhere."""

import pytest

from pillarbox.wire.managesieve import responses
from pillarbox.wire.managesieve.responses import Code


@pytest.mark.parametrize(
    ("octets", "wire"),
    [
        (b"", b'""'),
        (b'a"b\\', b'"a\\"b\\\\"'),
        ("ö\t".encode(), '"ö\t"'.encode()),
        (b"a\rb", b"{3}\r\na\rb"),
        (b"a\nb", b"{3}\r\na\nb"),
        (b"a\0b", b"{3}\r\na\0b"),
        (b"x" * 1024, b'"' + b"x" * 1024 + b'"'),
        (b"x" * 1025, b"{1025}\r\n" + b"x" * 1025),
        (b'"' * 513, b"{513}\r\n" + b'"' * 513),
    ],
)
def test_strings(octets: bytes, wire: bytes) -> None:
    assert responses.string(octets) == wire


def test_responses() -> None:
    assert responses.ok() == b"OK\r\n"
    assert responses.no("No.", Code.MAX_SIZE) == b'NO (QUOTA/MAXSIZE) "No."\r\n'
    assert responses.bye("a\x07b") == b'BYE "a b"\r\n'
    assert responses.no("1\n2\r\n3\u20284") == b"NO {10}\r\n1\r\n2\r\n3\r\n4\r\n"
    assert responses.ok("\ud800") == b'OK "?"\r\n'
    assert len(responses.no("x" * 100_000)) < 9_000
    assert responses.echoed('t"') == b'OK (TAG "t\\"") "Done"\r\n'
    assert responses.echoed("a\r\nb") == b'OK (TAG {4}\r\na\r\nb) "Done"\r\n'
    assert responses.logged_in("In", None) == b'OK "In"\r\n'
    assert responses.logged_in("In", b"v=1") == b'OK (SASL "dj0x") "In"\r\n'
    assert responses.challenge(b"") == b'""\r\n'
    assert responses.script(b"keep;") == b"{5}\r\nkeep;\r\n"


def test_lists() -> None:
    assert responses.capabilities([("A", "x y"), ("B", None)]) == b'"A" "x y"\r\n"B"\r\n'
    assert responses.script_names([("a", False), ('b"', True)]) == b'"a"\r\n"b\\"" ACTIVE\r\n'
