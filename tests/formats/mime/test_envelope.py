"""ENVELOPE as wire text, against answers worked out by hand from RFC 9051 §7.5.2."""

import pytest

from pillarbox.formats.mime.envelope import print_envelope
from pillarbox.formats.mime.scan import scan


def envelope(head: bytes) -> bytes:
    message = head.replace(b"\n", b"\r\n") + b"\r\n\r\nbody\r\n"
    return print_envelope(message, scan(message))


def test_every_field() -> None:
    assert envelope(
        b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\nFrom: Terry Gray <gray@cac.example>\n"
        b"Subject: IMAP4rev2 WG mtg summary\n and minutes\nTo: imap@cac.example\n"
        b'cc: minutes@CNRI.example, "John \\"K\\"" <KLENSIN@MIT.example>\n'
        b"Sender: s@x.test\nReply-To: r@x.test\nBcc: b@x.test\nIn-Reply-To: <0@x>\n"
        b"Message-Id: <B27397-0100000@cac.example>"
    ) == (
        b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes" '
        b'(("Terry Gray" NIL "gray" "cac.example")) ((NIL NIL "s" "x.test")) '
        b'((NIL NIL "r" "x.test")) ((NIL NIL "imap" "cac.example")) '
        b'((NIL NIL "minutes" "CNRI.example")("John \\"K\\"" NIL "KLENSIN" "MIT.example")) '
        b'((NIL NIL "b" "x.test")) "<0@x>" "<B27397-0100000@cac.example>")'
    )


def test_sender_and_reply_to_default_to_from() -> None:
    one = b'((NIL NIL "a" "x.test"))'
    expected = b"(NIL NIL %b %b %b NIL NIL NIL NIL NIL)" % (one, one, one)
    assert envelope(b"From: a@x.test") == expected
    assert envelope(b"From: a@x.test\nSender:\nReply-To: ") == expected


def test_source_route() -> None:
    """It is the at-domain-list of an address (RFC 3501 §7.4.2)."""
    printed = envelope(b"To: <@r.test,@s.test:a@x.test>")
    assert b' ((NIL "@r.test,@s.test" "a" "x.test")) ' in printed


def test_nothing_there() -> None:
    assert envelope(b"X: y") == b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
    assert envelope(b"Subject:") == b'(NIL "" NIL NIL NIL NIL NIL NIL NIL NIL)'


def test_group() -> None:
    assert envelope(b"To: A Group: a@x.test, B <b@x.test>;, c@x.test") == (
        b'(NIL NIL NIL NIL NIL ((NIL NIL "A Group" NIL)(NIL NIL "a" "x.test")'
        b'("B" NIL "b" "x.test")(NIL NIL NIL NIL)(NIL NIL "c" "x.test")) NIL NIL NIL NIL)'
    )


@pytest.mark.parametrize(
    ("subject", "printed"),
    [
        ("grüß".encode(), b"{6}\r\ngr\xc3\xbc\xc3\x9f"),
        (b"=?utf-8?q?x?=", b'"=?utf-8?q?x?="'),
        (b'a "b" \\c', b'"a \\"b\\" \\\\c"'),
        (b"nul\0nul", b'"nulnul"'),
        (b"x" * 2000, b"{2000}\r\n" + b"x" * 2000),
    ],
)
def test_strings(subject: bytes, printed: bytes) -> None:
    assert envelope(b"Subject: " + subject) == (
        b"(NIL " + printed + b" NIL NIL NIL NIL NIL NIL NIL NIL)"
    )


def test_address_without_domain_is_no_group() -> None:
    assert b'((NIL NIL "root" ""))' in envelope(b"To: root")


def test_list_split_over_fields() -> None:
    assert b'((NIL NIL "a" "x")(NIL NIL "b" "x"))' in envelope(b"To: a@x\nTo: b@x")
