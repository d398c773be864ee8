"""Summaries: what lists show, and the stored form."""

import pytest

from pillarbox.formats.mime.bodystructure import print_body
from pillarbox.formats.mime.envelope import print_envelope
from pillarbox.formats.mime.scan import scan
from pillarbox.formats.mime.summary import (
    Correspondent,
    Summary,
    body_of,
    bodystructure_of,
    envelope_of,
    fields_of,
    has_attachment,
    message_ids,
    summarize,
)

MESSAGE = (
    b'From: =?utf-8?q?J=C3=BCrgen?= <j@x.test>\r\nTo: a@x.test, G: "B, C" <b@x.test>;\r\n'
    b"Subject: =?utf-8?q?gr=C3=BC?=\r\n =?utf-8?q?=C3=9Fe?=\r\n"
    b"Date: Thu, 1 Jan 1970 02:00:01 +0100\r\nMessage-ID: <3@x>\r\nIn-Reply-To: <2@x>\r\n"
    b"References: <1@x>\r\n <2@x>\r\n\r\nHello\r\n"
)


def test_fields() -> None:
    summary, root = summarize(MESSAGE)
    fields = summary.fields
    assert fields.subject == "grüße"
    assert fields.from_ == (Correspondent("Jürgen", "j@x.test"),)
    assert fields.to == (Correspondent("", "a@x.test"), Correspondent("B, C", "b@x.test"))
    assert fields.sender == fields.reply_to == fields.cc == fields.bcc == ()
    assert (fields.message_id, fields.in_reply_to) == ("3@x", ("2@x",))
    assert fields.references == ("1@x", "2@x")
    assert fields.sent_at_ms == 3_601_000
    assert fields.preview == "Hello"
    assert not fields.has_attachment
    assert root == scan(MESSAGE)
    assert summary.envelope == print_envelope(MESSAGE, root)
    assert summary.body == print_body(root, MESSAGE, False)
    assert summary.bodystructure == print_body(root, MESSAGE, True)


@pytest.mark.parametrize("message", [MESSAGE, b"", b"\r\n", b"Date: x\r\nFrom:\r\n\r\n"])
def test_stored_form(message: bytes) -> None:
    summary, _ = summarize(message)
    stored = summary.to_bytes()
    assert Summary.from_bytes(stored) == summary
    assert envelope_of(stored) == summary.envelope
    assert bodystructure_of(stored) == summary.bodystructure
    assert body_of(stored) == summary.body
    assert fields_of(stored) == summary.fields


@pytest.mark.parametrize(
    ("raw", "ids"),
    [
        (None, ()),
        (b"", ()),
        (b"<a@x>", ("a@x",)),
        (b"<a@x><b@x> junk\t<c @x>", ("a@x", "b@x", "c@x")),
        (b"a@x b@x", ("a@x", "b@x")),
        (b"<>", ()),
        (b"<" + b"x" * 2000 + b"> <a@x>", ("a@x",)),
    ],
)
def test_message_ids(raw: bytes | None, ids: tuple[str, ...]) -> None:
    assert message_ids(raw) == ids


def test_many_references_keep_both_ends() -> None:
    found = message_ids(b" ".join([b"<%d@x>" % n for n in range(500)]))
    assert len(found) == 100
    assert (found[0], found[1], found[-1]) == ("0@x", "401@x", "499@x")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("Content-Type: application/pdf", True),
        ("Content-Type: image/png\r\nContent-Disposition: inline", False),
        ("Content-Type: image/png\r\nContent-ID: <x>", False),
        ("Content-Type: image/png", True),
        ("Content-Type: application/pdf\r\nContent-Disposition: inline", True),
        ("Content-Type: text/plain\r\nContent-Disposition: attachment", True),
        ("Content-Type: text/plain; name=a.txt", True),
        ("Content-Type: text/html", False),
        ("Content-Type: message/rfc822", True),
        ("Content-Type: message/delivery-status", False),
        ("Content-Type: application/pgp-signature; name=signature.asc", False),
    ],
)
def test_attachments(head: str, expected: bool) -> None:
    message = f"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{head}\r\n\r\nX: y\r\n--b--"
    assert has_attachment(scan(message.encode())) is expected
