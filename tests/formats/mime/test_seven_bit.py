"""MIME entities written by hand, made so that any server takes them."""

import email
import email.policy

import pytest

from pillarbox.formats.mime.compose import is_plain
from pillarbox.formats.mime.seven_bit import DEPTH_MAX, PARTS_MAX, seven_bit_entity


def whole(raw: str) -> bytes:
    entity = seven_bit_entity(raw.encode())
    assert is_plain(entity.body)
    return "\r\n".join((*entity.fields, "", "")).encode() + entity.body


def test_what_is_plain_stays() -> None:
    raw = "Content-Type: multipart/mixed; boundary=a\r\n\r\nhi\r\n--a\r\n\r\nx\r\n--a--\r\nend\r\n"
    assert whole(raw) == raw.encode()


def test_each_part_is_encoded_by_itself() -> None:
    raw = (
        'Content-Type: multipart/mixed; boundary="a b"\n\n--a b\n\nplain\n--a b\n'
        "Content-Type: multipart/alternative; boundary=c\nContent-Transfer-Encoding: 8bit\n\n"
        "--c\nContent-Type: text/plain; charset=utf-8\n\nGrüße\n--c\n"
        "Content-Type: text/html; charset=utf-8\nContent-Disposition: inline; filename=ü.html\n\n"
        "<p>Grüße</p>\n--c--\n--a b--\n"
    )
    found = email.message_from_bytes(whole(raw), policy=email.policy.SMTP)
    leaves = [part for part in found.walk() if not part.is_multipart()]
    assert [part.get_content().strip() for part in leaves] == ["plain", "Grüße", "<p>Grüße</p>"]


@pytest.mark.parametrize(
    "raw",
    [
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n" + "--a\r\n\r\nü\r\n" * (PARTS_MAX + 2),
        "".join(
            f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"
            for n in range(DEPTH_MAX + 2)
        )
        + "\r\nü",
    ],
)
def test_beyond_the_limits_it_is_shown_as_text(raw: str) -> None:
    found = email.message_from_bytes(whole(raw), policy=email.policy.SMTP)
    assert found.get_content_type() == "text/plain"
    assert found.get_content().startswith("Content-Type: multipart/mixed")


def test_fields_that_are_none_of_mime_go() -> None:
    raw = "Subject: x\r\nContent-Type: text/plain\r\nTo: a@b.test\r\nContent-X!: 1\r\n\r\nhi"
    assert whole(raw) == b"Content-Type: text/plain\r\n\r\nhi"
