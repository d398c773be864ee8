"""What all mechanisms share: base64 and the preparation of names and passwords."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.sasl.exchange import (
    Credentials,
    decode_base64,
    read_name,
    read_optional_name,
    read_password,
)


@pytest.mark.parametrize(("line", "octets"), [(b"", b""), (b"YQ==", b"a"), (b"AAAA", bytes(3))])
def test_base64(line: bytes, octets: bytes) -> None:
    assert decode_base64(line) == octets


@pytest.mark.parametrize(
    "line", [b"=", b"YQ", b"YQ=", b"YQ==YQ==", b"Y Q==", b"!!!!", b"*", b"YQ==\n", b"A" * 12292]
)
def test_base64_is_strict(line: bytes) -> None:
    with pytest.raises(GrammarError):
        decode_base64(line)


def test_names_are_in_nfc() -> None:
    """RFC 8265 §3.4."""
    assert read_name("jo\u0308".encode()) == "jö"
    assert read_optional_name(b"") == ""


def test_passwords_are_opaque_strings() -> None:
    """RFC 8265 §4.2: NFC, other spaces to the ASCII space, case and width kept."""
    assert read_password("Jo\u0308\u00a0\uff21 ".encode()) == "Jö \uff21 "
    assert read_password(b" a b ") == " a b "


@pytest.mark.parametrize("octets", [b"", b"a\xff", b"a\0", b"a\n", b"a\x7f", b"x" * 1025])
def test_refused(octets: bytes) -> None:
    with pytest.raises(GrammarError):
        read_name(octets)
    with pytest.raises(GrammarError):
        read_password(octets)


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(Credentials("", "a", "secret"))
