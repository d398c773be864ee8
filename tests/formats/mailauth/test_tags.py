import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.mailauth.tags import (
    LIST_BYTES,
    LIST_COUNT,
    base64_value,
    parse_tags,
    without_value,
    words,
)


def test_a_list() -> None:
    assert parse_tags(b" v=1; a =\r\n\trsa-sha256 ;h=From : To;b=;") == {
        "v": "1",
        "a": "rsa-sha256",
        "h": "From : To",
        "b": "",
    }
    assert words("From : To\r\n :") == ("from", "to", "")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b";",
        b"a=1;;b=2",
        b"a",
        b"a=1; b",
        b"1a=1",
        b"a b=1",
        b"=1",
        b"a=1;a=2",
        b"a=\x00",
        b"a=" + b"x" * LIST_BYTES,
        b"".join(b"t%d=1;" % number for number in range(LIST_COUNT + 1)),
    ],
    ids=lambda raw: repr(raw[:12]),
)
def test_what_is_no_list(raw: bytes) -> None:
    with pytest.raises(GrammarError):
        parse_tags(raw)


def test_tag_names_are_told_apart_by_case() -> None:
    assert parse_tags(b"a=1;A=2") == {"a": "1", "A": "2"}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b" a=1; b=xyz\r\n\tuvw=; d=e", b" a=1; b=; d=e"),
        (b" b =x\r\n", b" b ="),
        (b" bh=x; h=b", b" bh=x; h=b"),
        (b" bh=b; b=b", b" bh=b; b="),
    ],
)
def test_the_signature_is_taken_out(raw: bytes, expected: bytes) -> None:
    assert without_value(raw, b"b") == expected


def test_base64() -> None:
    assert base64_value("aGVs\r\n\tbG8 =") == b"hello"
    for text in ("aGVsbG8", "aGVs!", "ü"):
        with pytest.raises(GrammarError):
            base64_value(text)
