"""A message as scripts see it: its header and parts, and what edits make of it."""

import gc
import time
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.sieve_tests import fields
from pillarbox.formats.mime.scan import scan
from pillarbox.formats.sieve.message import Message
from pillarbox.formats.sieve.message_edit import text_entity

PLAIN = fields("From: a@b.example", "X-A: 1", "x-a: =?utf-8?q?=C3=A4?=", "X-A:", "Subject: s")
MIXED = fields(
    "Subject: mixed",
    "Content-Type: multipart/mixed; boundary=AA",
    body=(
        "prologue\n--AA\nContent-Type: text/plain\n\nhello\n"
        "--AA\nContent-Type: message/rfc822\n\nSubject: inner\n\ntext\n"
        "--AA\nContent-Type: text/html\n\n<b>hi</b> there\n--AA--\nepilogue\n"
    ),
)


def kinds(message: Message) -> list[str]:
    return [f"{part.part.type}/{part.part.subtype}" for part in message.parts()]


def test_values_are_unfolded_and_decoded() -> None:
    message = Message(fields("X-A:  one\n two  ", "Subject: =?utf-8?q?=C3=A4?= \tb"))
    assert message.header.values["x-a"] == ("one two",)
    assert message.header.values["subject"] == ("ä \tb",)
    assert message.header.folded["i;ascii-casemap"]["x-a"] == ("ONE TWO",)
    assert message.header.raw("subject") == (b"=?utf-8?q?=C3=A4?= \tb",)
    assert not message.header.has("x-b")


def test_addresses() -> None:
    header = Message(
        fields(
            'To: "l p"@x.example, Foo <f@y.example>, bad',
            "Cc: grp: a@b.example, c@d.example;",
            "Bcc:",
            "Reply-To: undisclosed:;",
        )
    ).header
    assert [(a.text, a.local, a.domain) for a in header.addresses("to")[0]] == [
        ('"l p"@x.example', "l p", "x.example"),
        ("f@y.example", "f", "y.example"),
        ("bad", None, None),
    ]
    assert [a.local for a in header.addresses("cc")[0]] == ["a", "c"]
    assert [a.text for a in header.addresses("bcc")[0]] == [""]
    assert header.addresses("reply-to") == ((),)
    assert header.addresses("from") == ()


def test_utf8_is_an_address_only_where_it_came_so() -> None:
    to = "To: jürgen@example.com"
    assert Message(fields(to)).header.addresses("to")[0][0].local is None
    traced = Message(fields("Received: from x by y with UTF8SMTPS id 1; today", to))
    assert traced.header.addresses("to")[0][0].local == "jürgen"


def test_add_fields() -> None:
    message = Message(PLAIN)
    message.add_field("X-New", "first")
    message.add_field("X-New", "ä\r\nBcc: evil@example.com", last=True)
    assert message.header.values["x-new"] == ("first", "ä Bcc: evil@example.com")
    assert not message.header.has("bcc")
    assert message.content.startswith(b"X-New: first\r\nFrom: ")
    assert message.content.endswith(b"\r\n\r\nbody\r\n")
    assert message.content.isascii()
    assert message.size_bytes == len(message.content)
    assert message.is_edited
    assert message.copy().content == PLAIN


@given(st.text(max_size=300))
def test_a_value_comes_back_and_brings_nothing_along(value: str) -> None:
    message = Message(PLAIN)
    message.add_field("X-New", value)
    assert len(message.header.values["x-new"]) == 1
    assert message.content.endswith(PLAIN)
    lines = message.content[: -len(PLAIN)].split(b"\r\n")
    assert all(len(line) <= 998 for line in lines)
    printable = "".join(c if c == "\t" or (ord(c) >= 32 and ord(c) != 127) else " " for c in value)
    if printable == value and value == value.strip() and "  " not in value:
        expected = value.encode("utf-8", "replace").decode()
        assert message.header.values["x-new"] == (expected,)


def test_delete_fields() -> None:
    message = Message(PLAIN)
    assert message.delete_fields("X-A", lambda value: value == "ä") == 1
    assert message.header.values["x-a"] == ("1", "")
    assert message.delete_fields("x-a", index=1, last=True) == 1
    assert message.header.values["x-a"] == ("1",)
    assert message.delete_fields("x-a", index=2) == 0
    assert message.delete_fields("x-a") == 1
    assert message.content == fields("From: a@b.example", "Subject: s")


def test_a_message_without_body() -> None:
    message = Message(b"Subject: s\r\n")
    assert message.raw_body is None
    assert Message(b"Subject: s\r\n\r\n").raw_body == b""
    message.add_field("X", "y", last=True)
    assert message.content == b"Subject: s\r\nX: y\r\n\r\n"
    torn = Message(b"Subject: s")
    torn.add_field("X", "y", last=True)
    assert torn.header.values["subject"] == ("s",)
    assert torn.header.values["x"] == ("y",)


def test_a_fold_with_a_tab_is_a_space() -> None:
    message = Message(fields("Subject: one\r\n\ttwo\tthree", "X-A: =?utf-8?q?a?= b\n\tc"))
    assert message.header.values["subject"] == ("one two\tthree",)
    assert message.header.values["x-a"] == ("a b c",)


def test_text_of_html_is_as_it_is_shown() -> None:
    html = "Content-Type: text/html\r\n\r\n<p>one\r\n  two&nbsp;<b>three</b></p><p>four"
    assert Message(html.encode()).parts()[0].plain_text(1000) == "one two three four"
    plain = "Content-Type: text/plain\r\n\r\none\r\n  two"
    assert Message(plain.encode()).parts()[0].plain_text(1000) == "one\r\n  two"


def test_parts() -> None:
    message = Message(MIXED)
    assert kinds(message) == [
        *("multipart/mixed", "text/plain", "message/rfc822", "text/plain", "text/html"),
    ]
    root, text, nested, _, html = message.parts()
    assert root.is_root
    assert not text.is_root
    assert message.parts(nested) == message.parts()[3:4]
    assert message.parts(text) == []
    assert nested.children[0].header.values["subject"] == ("inner",)
    assert html.plain_text(100).split() == ["hi", "there"]
    assert text.plain_text(2) == "he"
    assert [around.strip() for around in root.around()] == ["prologue", "epilogue"]


def test_replace_a_part() -> None:
    message = Message(MIXED)
    _, text, _, inner, html = message.parts()
    assert message.replace_part(text, text_entity("new\n--AA\nline"))
    assert message.replace_part(inner, text_entity("deep"))
    assert message.replace_part(text, text_entity("newer"))
    assert message.current(text).plain_text(100) == "newer"
    assert kinds(message) == kinds(Message(MIXED))
    again = Message(message.content)
    assert kinds(again) == kinds(message)
    assert [part.plain_text(100).strip() for part in again.parts()] == [
        *("", "newer", "", "deep", "hi there"),
    ]
    assert b"prologue" in message.content
    assert b"epilogue" in message.content
    assert message.header_of(text).values["content-type"] == ("text/plain; charset=utf-8",)
    message.add_field("X", "y")
    assert Message(message.content).header.values["x"] == ("y",)
    assert message.current(html) is html


def test_what_is_within_a_replaced_part_is_gone() -> None:
    message = Message(MIXED)
    nested, inner = message.parts()[2:4]
    assert message.replace_part(nested, text_entity("instead"))
    assert not message.replace_part(inner, text_entity("never"))
    assert b"never" not in message.content


def test_replace_the_message() -> None:
    message = Message(MIXED)
    text = message.parts()[1]
    assert message.replace_part(None, text_entity("ä"), {"subject": b"Subject: new\r\n"})
    assert message.header.values["subject"] == ("new",)
    assert kinds(message) == ["text/plain"]
    assert message.parts()[0].plain_text(100) == "ä"
    assert not message.replace_part(text, text_entity("never"))


def test_enclose() -> None:
    message = Message(MIXED)
    message.enclose(b"Subject: outer\r\n", "see below")
    assert message.header.values["subject"] == ("outer",)
    assert kinds(message)[:4] == [
        *("multipart/mixed", "text/plain", "message/rfc822", "multipart/mixed"),
    ]
    assert message.parts()[3].header.values["subject"] == ("mixed",)
    assert MIXED in message.content
    assert message.content == enclosed_again()


def enclosed_again() -> bytes:
    message = Message(MIXED)
    message.enclose(b"Subject: outer\r\n", "see below")
    return message.content


@pytest.mark.parametrize("text", ["plain", "ü", "--AA", "x\n--AA--\n", "a" * 2000, "a\0b", "\r"])
def test_text_entities(text: str) -> None:
    made = text_entity(text)
    assert not any(line.startswith(b"--") for line in made.split(b"\r\n"))
    assert all(len(line) <= 998 for line in made.split(b"\r\n"))
    part = Message(made).parts()[0]
    expected = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    assert part.plain_text(10_000) == expected
    assert scan(made).charset == "utf-8"


def test_nothing_keeps_a_message_alive() -> None:
    message = Message(MIXED)
    message.parts()
    message.header.addresses("to")
    message.header.folded["i;octet"]["subject"]
    gc.disable()
    try:
        gone = weakref.ref(message.root.header.folded)
        del message
        assert gone() is None
    finally:
        gc.enable()


def test_a_hundred_thousand_fields() -> None:
    begun = time.perf_counter()
    message = Message(b"X: a\r\n" * 100_000 + b"\r\nbody")
    assert message.header.values["x"]
    for _ in range(20):
        message.add_field("Y", "b")
    assert message.delete_fields("x", lambda value: False) == 0
    assert message.raw_body == b"body"
    assert time.perf_counter() - begun < 2
