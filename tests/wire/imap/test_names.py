import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.wire.imap.names import (
    check_name,
    decode_name,
    decode_utf7,
    encode_name,
    encode_utf7,
    fold_inbox,
)

PAIRS = [
    ("INBOX", "INBOX"),
    ("R&D", "R&-D"),
    ("Entwürfe", "Entw&APw-rfe"),
    ("日本語", "&ZeVnLIqe-"),
    ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
    ("a\tb", "a&AAk-b"),
    ("😀", "&2D3eAA-"),
    ("", ""),
]


@pytest.mark.parametrize(("name", "encoded"), PAIRS)
def test_modified_utf7_both_ways(name, encoded):
    assert encode_utf7(name) == encoded
    assert decode_utf7(encoded) == name


@pytest.mark.parametrize(
    "text",
    [
        "R&D",  # a bare ampersand
        "&AGE-",  # an ASCII letter in base64
        "&APw",  # not closed
        "&APw=-",  # padding
        "&APx-",  # bits left over
        "&A-",  # half a unit
        "&2D0-",  # half a surrogate pair
        "&APw-&APw-",  # two runs where one is due
        "ü",
        "a\tb",
    ],
)
def test_other_spellings_are_refused(text):
    with pytest.raises(GrammarError):
        decode_utf7(text)


def test_lone_surrogates_have_no_spelling():
    with pytest.raises(GrammarError):
        encode_utf7("\ud800")


@pytest.mark.parametrize(
    ("data", "utf8", "name"),
    [
        (b"Entw&APw-rfe", False, "Entwürfe"),
        (b"Entw&APw-rfe", True, "Entw&APw-rfe"),
        ("Entwürfe".encode(), False, "Entwürfe"),
        ("Entwürfe".encode(), True, "Entwürfe"),
        ("Entwu\u0308rfe".encode(), True, "Entwürfe"),
        (b"R&D", False, "R&D"),
        (b"inbox", False, "INBOX"),
        (b"inBox/Lists", False, "INBOX/Lists"),
        (b"Inboxes", False, "Inboxes"),
    ],
)
def test_names_are_read_as_they_are_meant(data, utf8, name):
    assert decode_name(data, utf8=utf8) == name


def test_names_must_be_utf8():
    with pytest.raises(GrammarError):
        decode_name(b"\xff", utf8=False)


def test_only_the_ascii_inbox_is_inbox():
    assert fold_inbox("\u0131nbox") == "\u0131nbox"


@pytest.mark.parametrize(
    ("name", "utf8", "text"),
    [
        ("Work", False, b'"Work"'),
        ('a"b\\c', False, b'"a\\"b\\\\c"'),
        ("ü", False, b'"&APw-"'),
        ("ü", True, '"ü"'.encode()),
        ("R&D", True, b'"R&D"'),
    ],
)
def test_names_are_written_quoted(name, utf8, text):
    assert encode_name(name, utf8=utf8) == text


@pytest.mark.parametrize(
    ("name", "checked"),
    [
        ("Work", "Work"),
        ("Work/", "Work"),
        ("inbox/a", "INBOX/a"),
        ("u\u0308", "ü"),
        ("a" * 255, "a" * 255),
        ("/".join("a" * 32), "/".join("a" * 32)),
    ],
)
def test_fit_names(name, checked):
    assert check_name(name) == checked


@pytest.mark.parametrize(
    "name",
    ["", "/", "//", "/a", "a//b", "a\0", "a\x7f", "a\x85b", "a\u2028", "#news", "\udc00",
     "a" * 256, "ü" * 128, "/".join(["a" * 200] * 5), "/".join("a" * 33)],
)  # fmt: skip
def test_unfit_names(name):
    with pytest.raises(GrammarError):
        check_name(name)
