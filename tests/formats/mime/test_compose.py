"""Fields, texts and parts of messages that are built here."""

import pytest

from pillarbox.base.errors import GrammarError
from pillarbox.formats.mime.compose import (
    Written,
    boundary,
    clean,
    is_plain,
    joined,
    mailbox,
    message,
    relations,
    seven_bit,
    text_part,
    unstructured,
)
from pillarbox.formats.mime.header import Headers


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("hello", "Subject: hello"),
        ("a\r\nBcc: b", "Subject: a Bcc: b"),
        ("Grüße", "Subject: =?utf-8?b?R3LDvMOfZQ==?="),
        ("", "Subject: "),
    ],
)
def test_text_in_a_field(text: str, shown: str) -> None:
    assert unstructured("Subject", text) == shown


def test_text_that_looks_encoded_comes_back_as_it_is() -> None:
    field = unstructured("Subject", "=?utf-8?q?a=0D=0AEvil:_1?=")
    assert Headers(field.encode()).text(b"subject") == "=?utf-8?q?a=0D=0AEvil:_1?="


def test_a_field_of_one_endless_word_can_be_sent() -> None:
    assert max(map(len, unstructured("Subject", "x" * 2000).split("\r\n"))) <= 78


def test_clean_is_one_line_of_what_can_be_seen() -> None:
    assert clean("  a\t\u200bb\u202e\u2028c\x00 ") == "a b c"
    assert clean("x" * 50, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", "<a@b.test>"),
        ("Ann", "Ann <a@b.test>"),
        ("Ann Lee", "Ann Lee <a@b.test>"),
        ("Lee, Ann", '"Lee, Ann" <a@b.test>'),
        ('a"b\\', '"a\\"b\\\\" <a@b.test>'),
        ("Zoë", "=?utf-8?q?Zo=C3=AB?= <a@b.test>"),
        ("x\r\nBcc: y", '"x Bcc: y" <a@b.test>'),
    ],
)
def test_mailboxes(name: str, shown: str) -> None:
    assert mailbox("a@b.test", name) == shown


def test_a_mailbox_has_an_address() -> None:
    assert mailbox("zoë@bücher.test") == "<zoë@xn--bcher-kva.test>"
    for bad in ("", "a", "a@b\r\nBcc: c", "a@b, c@d"):
        with pytest.raises(GrammarError):
            mailbox(bad)


def test_relations() -> None:
    assert relations(Headers(b"Subject: x\r\n")) == []
    assert relations(Headers(b"Message-ID: <a\rb@c>\r\n")) == [
        "In-Reply-To: <ab@c>",
        "References: <ab@c>",
    ]
    found = relations(Headers(b"Message-ID: <2@x>\r\nReferences: <1@x> junk <2@x>\r\n"))
    assert found == ["In-Reply-To: <2@x>", "References: <1@x>\r\n <2@x>"]


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (b"plain\r\n", "7bit"),
        (b"x" * 999, "quoted-printable"),
        ("Grüße an alle\r\n".encode(), "quoted-printable"),
        ("我不在".encode(), "base64"),
        (b"a\rb", "base64"),
        (b"a\0b", "quoted-printable"),
    ],
)
def test_bodies_that_any_server_takes(raw: bytes, encoding: str) -> None:
    body, name = seven_bit(raw)
    assert name == encoding
    assert is_plain(body)


@pytest.mark.parametrize("raw", [b"\xff", b"a\0", b"a\rb", b"a\nb", b"x" * 999])
def test_what_is_not_plain(raw: bytes) -> None:
    assert not is_plain(raw)


def test_a_message_of_parts() -> None:
    parts = (text_part("one\ntwo"), text_part("Grüße", language="de"))
    assert parts[0].body == b"one\r\ntwo\r\n"
    between = boundary(parts)
    body = joined(parts, between)
    assert body.count(between.encode()) == 3
    content = message(["From: <a@b.test>"], Written(("Content-Type: x/y",), body))
    assert content.startswith(b"From: <a@b.test>\r\nContent-Type: x/y\r\n\r\n--part-")
