"""PLAIN (RFC 4616)."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.sasl.exchange import Challenge, Credentials
from pillarbox.wire.sasl.plain import Plain


@pytest.mark.parametrize(
    ("response", "credentials"),
    [
        (b"\0tim\0tanstaaftanstaaf", Credentials("", "tim", "tanstaaftanstaaf")),
        (b"Ursel\0Kurt\0xipj3plmq", Credentials("Ursel", "Kurt", "xipj3plmq")),
        ("\0jo\u0308\0pä".encode(), Credentials("", "jö", "pä")),
    ],
)
def test_credentials(response: bytes, credentials: Credentials) -> None:
    assert Plain().step(response) == credentials


def test_without_initial_response() -> None:
    exchange = Plain()
    assert exchange.step(None) == Challenge(b"")
    assert exchange.step(b"\0a\0b") == Credentials("", "a", "b")
    with pytest.raises(GrammarError):
        exchange.step(b"\0a\0b")


@pytest.mark.parametrize(
    "response",
    [b"", b"\0", b"a\0b", b"\0a\0", b"\0\0b", b"\0a\0b\0", b"\0a\0b\0c", b"\0\xff\0b", b"\0a\0\xff",
     b"a\n\0a\0b", b"\0" + b"a" * 1025 + b"\0b", b"\0a\0" + b"b" * 1025],
)  # fmt: skip
def test_refused(response: bytes) -> None:
    with pytest.raises(GrammarError):
        Plain().step(response)
