"""Sections by path, after the example of RFC 9051 §6.4.5.1, and decoding of content."""

import pytest

from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.scan import scan
from pillarbox.formats.mime.section import (
    content,
    decode_transfer,
    find_part,
    section,
    section_fields,
    text_of,
)

# 1 text/plain, 2 application, 3 message/rfc822 (3.1 text, 3.2 application), 4 multipart/mixed
# (4.1 image, 4.2 message/rfc822 holding a multipart with 4.2.1 text and 4.2.2 an alternative).
TEXT = """Subject: outer
Content-Type: multipart/mixed; boundary=A

--A

one
--A
Content-Type: application/x

two
--A
Content-Type: message/rfc822

Subject: third
Content-Type: multipart/mixed; boundary=B

--B

three-one
--B
Content-Type: application/y

three-two
--B--
--A
Content-Type: multipart/mixed; boundary=C

--C
Content-Type: image/gif

four-one
--C
Content-Type: message/rfc822

Subject: four-two
Content-Type: multipart/mixed; boundary=D

--D

four-two-one
--D
Content-Type: multipart/alternative; boundary=E

--E

plain
--E
Content-Type: text/html

rich
--E--
--D--
--C--
--A
Content-Type: message/rfc822

Subject: five

five-one
--A--
"""
MESSAGE = TEXT.replace("\n", "\r\n").encode()
ROOT = scan(MESSAGE)


@pytest.mark.parametrize(
    ("path", "what", "expected"),
    [
        ((1,), "", b"one"),
        ((1,), "MIME", b"\r\n"),
        ((2,), "", b"two"),
        ((2,), "MIME", b"Content-Type: application/x\r\n\r\n"),
        ((3,), "HEADER", b"Subject: third\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"),
        ((3,), "MIME", b"Content-Type: message/rfc822\r\n\r\n"),
        ((3, 1), "", b"three-one"),
        ((3, 2), "", b"three-two"),
        ((3, 2), "MIME", b"Content-Type: application/y\r\n\r\n"),
        ((4, 1), "", b"four-one"),
        ((4, 1), "MIME", b"Content-Type: image/gif\r\n\r\n"),
        ((4, 2, 1), "", b"four-two-one"),
        ((4, 2, 2, 1), "", b"plain"),
        ((4, 2, 2, 2), "", b"rich"),
        ((5,), "", b"Subject: five\r\n\r\nfive-one"),
        ((5,), "TEXT", b"five-one"),
        ((5, 1), "", b"five-one"),
    ],
)
def test_sections(path: tuple[int, ...], what: str, expected: bytes) -> None:
    assert section(MESSAGE, ROOT, path, what) == expected


def test_whole_message() -> None:
    assert section(MESSAGE, ROOT, (), "") == MESSAGE
    head = section(MESSAGE, ROOT, (), "HEADER")
    text = section(MESSAGE, ROOT, (), "TEXT")
    assert head is not None
    assert text is not None
    assert head.endswith(b"boundary=A\r\n\r\n")
    assert head + text == MESSAGE
    third = section(MESSAGE, ROOT, (3,), "TEXT")
    assert third is not None
    assert third.startswith(b"--B")
    assert third.endswith(b"--B--")


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ((), "MIME"),
        ((0,), ""),
        ((6,), ""),
        ((1, 1), ""),
        ((1,), "HEADER"),
        ((1,), "TEXT"),
        ((4,), "HEADER"),
        ((3, 3), ""),
        ((3, 1, 1), ""),
        ((5, 2), ""),
        ((5, 1, 1), ""),
        ((1,), "NONSENSE"),
        ((), "NONSENSE"),
    ],
)
def test_no_such_section(path: tuple[int, ...], what: str) -> None:
    assert section(MESSAGE, ROOT, path, what) is None


def test_message_without_parts() -> None:
    message = b"Subject: x\r\n\r\nbody"
    root = scan(message)
    assert section(message, root, (1,), "") == b"body"
    assert section(message, root, (1,), "MIME") == b"Subject: x\r\n\r\n"
    assert section(message, root, (1, 1), "") is None
    assert section(message, root, (2,), "") is None


def test_message_that_is_a_forwarded_message() -> None:
    message = b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody"
    root = scan(message)
    assert section(message, root, (1,), "") == b"Subject: in\r\n\r\nbody"
    assert section(message, root, (1,), "HEADER") == b"Subject: in\r\n\r\n"
    assert section(message, root, (1, 1), "") == b"body"


def test_walk_gives_the_paths_of_find_part() -> None:
    for path, part in ROOT.walk():
        assert find_part(ROOT, path) is part
    assert [path for path, _ in ROOT.walk()] == [
        *((1,), (2,), (3,), (3, 1), (3, 2), (4,), (4, 1), (4, 2), (4, 2, 1), (4, 2, 2)),
        *((4, 2, 2, 1), (4, 2, 2, 2), (5,), (5, 1)),
    ]


def test_header_fields() -> None:
    assert section_fields(MESSAGE, ROOT, (), [b"SUBJECT"]) == b"Subject: outer\r\n\r\n"
    assert section_fields(MESSAGE, ROOT, (4, 2), [b"content-type"], inverse=True) == (
        b"Subject: four-two\r\n\r\n"
    )
    assert section_fields(MESSAGE, ROOT, (1,), [b"subject"]) is None


@pytest.mark.parametrize(
    ("raw", "encoding", "expected"),
    [
        (b"gr=C3=BC=\r\n=C3=9F=20\r\n", "quoted-printable", "grüß \r\n".encode()),
        (b"bad =XY and =", "quoted-printable", b"bad =XY and "),
        (b"a \t \r\nb= \t\r\nc \td \ne ", "quoted-printable", b"a\r\nbc \td\ne "),
        (b"aGVs\r\nbG8=\r\n", "base64", b"hello"),
        (b"as is", "7bit", b"as is"),
        (b"as is", "x-unknown", b"as is"),
    ],
)
def test_decode_transfer(raw: bytes, encoding: str, expected: bytes) -> None:
    assert decode_transfer(raw, encoding) == expected


def leaf(head: str, body: bytes) -> tuple[Part, bytes]:
    message = head.encode() + b"\r\n\r\n" + body
    return scan(message), message


def test_text_of() -> None:
    assert text_of(*leaf("Content-Type: text/plain; charset=iso-8859-1", b"\xfc")) == "ü"
    assert text_of(*leaf("Content-Type: text/plain; charset=no-such", b"\xc3\xbc")) == "ü"
    assert text_of(*leaf("X: y", b"\xc3\xbc")) == "ü"
    assert text_of(*leaf("Content-Type: image/png", b"x")) == ""
    head = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64"
    assert text_of(*leaf(head, b"w7w=")) == "ü"
    assert content(leaf(head, b"w7w=")[1], leaf(head, b"w7w=")[0]) == b"\xc3\xbc"


def test_text_is_limited_and_not_torn() -> None:
    part, message = leaf("Content-Type: text/plain; charset=utf-8", "ü".encode() * 100)
    assert text_of(part, message, 11) == "ü" * 5
