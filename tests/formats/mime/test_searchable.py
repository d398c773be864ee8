"""All text of a message that can be searched."""

import base64

import pytest

from pillarbox.formats.mime.scan import scan
from pillarbox.formats.mime.searchable import Searchable, SearchableLimits, searchable


def of(text: str | bytes, limits: SearchableLimits | None = None) -> Searchable:
    message = text.replace("\n", "\r\n").encode() if isinstance(text, str) else text
    return searchable(message, scan(message), limits or SearchableLimits())


def multipart(*parts: str) -> str:
    body = "".join(f"\n--b\n{part}" for part in parts)
    return f"Content-Type: multipart/mixed; boundary=b\n{body}\n--b--\n"


def test_headers_are_decoded_and_unfolded() -> None:
    found = of("Subject: =?utf-8?q?gr=C3=BC?=\n =?utf-8?q?n?=\nTO: a\n\tb@c\n\nx")
    assert found.headers == (("subject", "grün"), ("to", "a\tb@c"))
    assert found.texts == ("x",)
    assert not found.truncated


def test_addresses_are_found_without_what_stands_in_them() -> None:
    found = of(
        "From: Ann <a (x)@ (y) b.test>\nTo: c @d.test, G: e@f.test;\nCc: (at. home) g@h.test\n\n"
    )
    assert found.headers == (
        ("from", "Ann <a (x)@ (y) b.test>"),
        ("from", "a@b.test"),
        ("to", "c @d.test, G: e@f.test;"),
        ("to", "c@d.test"),
        ("cc", "(at. home) g@h.test"),
    )


def test_texts_stand_in_order_and_attached_text_counts() -> None:
    found = of(
        multipart(
            "Content-Transfer-Encoding: quoted-printable\n\nfoo=\nbar=C3=A4",
            "Content-Type: text/html\n\n<b>x</b>y",
            "Content-Disposition: attachment; filename=n.csv\nContent-Type: text/csv\n\na;b",
            "Content-Type: application/octet-stream; name=n.md\n\n# md",
            "Content-Type: image/png\n\nno",
        )
    )
    assert found.texts == ("foobarä", "xy", "a;b", "# md")
    assert found.filenames == ("n.csv", "n.md")


def test_calendars_and_cards_are_put_together() -> None:
    found = of("Content-Type: text/calendar\n\nSUMMARY:Mee\n ting\\, big\\nroom")
    assert found.texts == ("SUMMARY:Meeting, big\nroom",)


@pytest.mark.parametrize(
    ("fields", "body", "text"),
    [
        ("text/html", '<meta charset="koi8-r">привет'.encode("koi8-r"), "привет"),
        ("text/html; charset=utf-8", '<meta charset="koi8-r">ü'.encode(), "ü"),
        ("text/plain", "ü".encode("utf-16"), "ü"),
        ("text/plain; charset=iso-2022-jp", "日本".encode("iso-2022-jp"), "日本"),
        ("text/plain; charset=no-such", "ü".encode("cp1252"), "ü"),
        ("text/plain; charset=utf-7", b"+2AA-x", "\ufffdx"),
    ],
)
def test_charsets(fields: str, body: bytes, text: str) -> None:
    found = of(f"Content-Type: {fields}\r\n\r\n".encode() + body)
    assert [one.strip() for one in found.texts] == [text]


def test_messages_in_messages() -> None:
    encoded = base64.b64encode(b"Subject: third\n\nthree").decode()
    found = of(
        multipart(
            "Content-Type: message/rfc822\n\nSubject: second\n\ntwo",
            "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + encoded,
            "Content-Type: application/octet-stream; name=x.eml\n\nSubject: fourth\n\nfour",
            "Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822;a@b",
        )
    )
    assert [value for _, value in found.nested_headers] == ["second", "third", "fourth"]
    assert found.texts == ("two", "three", "four", "Final-Recipient: rfc822;a@b")


def test_attachments_and_their_names() -> None:
    found = of(
        multipart(
            "Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n"
            "Content-Disposition: attachment; filename*=utf-8''%C3%A4.pdf\n\nYWJj",
            "Content-Type: application/octet-stream; name==?utf-8?q?=C3=B6.docx?=\n\nz",
            "Content-Type: application/octet-stream; name=x.exe\n\nz",
        )
    )
    assert [(one.content_type, one.filename) for one in found.attachments] == [
        ("application/pdf", "ä.pdf"),
        ("application/octet-stream", "ö.docx"),
    ]
    assert found.attachments[0].content() == b"abc"
    assert found.filenames == ("ä.pdf", "ö.docx", "x.exe")
    assert found.texts == ()


@pytest.mark.parametrize(
    ("limits", "truncated"),
    [
        (SearchableLimits(), False),
        (SearchableLimits(characters=12), True),
        (SearchableLimits(part_bytes=5), True),
        (SearchableLimits(fields=1), True),
        (SearchableLimits(field_characters=3), True),
        (SearchableLimits(attachments=0), True),
        (SearchableLimits(attachment_bytes=1), True),
    ],
)
def test_what_is_over_a_limit_is_told(limits: SearchableLimits, truncated: bool) -> None:
    message = "Subject: title\n" + multipart(
        "\n0123456789", "\n0123456789", "Content-Type: application/pdf\n\nabcdef"
    )
    found = of(message, limits)
    assert found.truncated is truncated
    assert sum(map(len, found.texts)) <= limits.characters


def test_multiparts_too_deep_to_be_taken_apart_are_found_as_they_stand() -> None:
    depth = 110
    head = "".join(
        f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(depth)
    )
    found = of(head + "\nneedle")
    assert found.truncated
    assert any("needle" in text for text in found.texts)
