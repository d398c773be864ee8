"""Messages for servers that take less: what is changed, what stays, and what has no other form."""

import email
import email.policy
from email.message import EmailMessage

import pytest

from pillarbox.pipeline.outbound.downgrade import NotPossible, downgrade, with_crlf
from pillarbox.wire.smtp.client import has_long_line


def seven_bit(content: bytes) -> bytes:
    made = downgrade(content, eight_bit=False, utf8=False)
    assert made.isascii()
    assert not has_long_line(made)
    return made


def read(content: bytes) -> EmailMessage:
    """As the standard library reads it."""
    found = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def lines(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


MIXED = """\
From: a@b.test
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"
Content-Transfer-Encoding: 8bit

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße
--b
Content-Type: text/plain

stays as it is = so
--b
Content-Type: application/pdf
Content-Transfer-Encoding: base64

AAECAw==
--b
Content-Type: message/rfc822

Subject: Häufig
MIME-Version: 1.0
Content-Type: application/x-thing
Content-Transfer-Encoding: 8bit

\u00e4\u00f6
--b--
after
"""


class TestBodies:
    def test_only_what_is_in_the_way(self) -> None:
        made = seven_bit(lines(MIXED))
        top = read(made)
        first, second, third, nested = top.iter_parts()
        assert first.get_content().rstrip() == "Grüße"
        assert first["Content-Transfer-Encoding"] == "quoted-printable"
        assert b"\r\n\r\nstays as it is = so\r\n" in made
        assert third.get_content() == b"\0\1\2\3"
        inner = nested.get_content()
        assert inner["Subject"] == "Häufig"
        assert inner.get_content().decode() == "äö"
        assert top["Content-Transfer-Encoding"] == "7bit"
        assert second["Content-Transfer-Encoding"] is None
        assert made.endswith(b"\r\nafter\r\n")

    def test_nothing_where_nothing_is_in_the_way(self) -> None:
        content = lines(MIXED)
        assert downgrade(content, eight_bit=True, utf8=True) == content

    def test_a_message_without_mime(self) -> None:
        made = seven_bit(lines("From: a@b.test\n\nGrüße\n"))
        found = read(made)
        assert found["MIME-Version"] == "1.0"
        assert found.get_content().rstrip() == "Grüße"
        latin = seven_bit(b"From: a@b.test\r\n\r\nGr\xfc\xdfe\r\n")
        assert b"charset=unknown-8bit" in latin

    def test_a_message_without_a_header(self) -> None:
        assert b"Gr=C3=BC" in seven_bit(lines("\nGrüße\n"))

    @pytest.mark.parametrize("size", [999, 5000, 200_000])
    def test_long_lines(self, size: int) -> None:
        text = "y" * size
        made = downgrade(lines(f"A: b\n\nx\n{text}\n"), eight_bit=True, utf8=True)
        assert not has_long_line(made)
        assert read(made).get_content().split() == ["x", text]

    def test_one_long_line_of_everything(self) -> None:
        made = downgrade(b"A: b\r\n\r\n" + b"z" * 5000, eight_bit=True, utf8=True)
        assert b"\n" not in made.replace(b"\r\n", b"")
        assert read(made).get_content().rstrip("\n") == "z" * 5000

    def test_base64_in_one_line_is_wrapped(self) -> None:
        content = (
            b"MIME-Version: 1.0\r\nContent-Type: image/png\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n" + b"QUJD" * 1000 + b"\r\n"
        )
        made = downgrade(content, eight_bit=True, utf8=True)
        assert not has_long_line(made, 76)
        assert read(made).get_content() == b"ABC" * 1000

    def test_binary(self) -> None:
        content = (
            b"MIME-Version: 1.0\r\nContent-Type: image/png\r\n"
            b"Content-Transfer-Encoding: binary\r\n\r\n\r\n\0\n\r\xff"
        )
        made = downgrade(content, eight_bit=True, utf8=True)
        assert read(made).get_content() == b"\r\n\0\n\r\xff"
        assert downgrade(content, eight_bit=True, utf8=True, binary=True) == content
        text = b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: binary\r\n\r\nabc\r\n"
        assert b"Encoding: 7bit" in downgrade(text, eight_bit=True, utf8=True)

    def test_nul_only_leaves_encoded(self) -> None:
        text = b"A: b\r\n\r\nx\r\n\0.\r\ny\r\n"
        for content in (text, text.replace(b"A: b", b"Content-Transfer-Encoding: binary")):
            made = downgrade(content, eight_bit=True, utf8=True)
            assert b"\0" not in made
            assert read(made).get_content().splitlines() == ["x", "\0.", "y"]
        between = (
            b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
            b"\0.\r\n--b\r\n\r\nx\r\n--b--\r\n\0.\r\n"
        )
        assert downgrade(between, eight_bit=True, utf8=True) == between.replace(b"\0", b"?")
        with pytest.raises(NotPossible):
            downgrade(b"A: \0\r\n\r\nx\r\n", eight_bit=True, utf8=True)

    def test_preamble_and_epilogue(self) -> None:
        content = lines(
            'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n'
            f"vörher {'x' * 2000}\n--b\n\nä\n--b--\nnachhér\n"
        )
        made = seven_bit(content)
        (part,) = read(made).iter_parts()
        assert b"=C3=A4" in made
        assert part["Content-Transfer-Encoding"] == "quoted-printable"

    @pytest.mark.parametrize(
        ("content", "enhanced"),
        [
            (
                'Content-Type: multipart/signed; boundary="b"\n\n--b\n\nä\n--b\n\nsig\n--b--\n',
                "5.6.3",
            ),
            ("Content-Transfer-Encoding: x-uuencode\n\nä\n", "5.6.1"),
            ("Content-Type: message/partial\n\nä\n", "5.6.1"),
            ('Content-Type: multipart/mixed; boundary="b"\n\nä\n', "5.6.1"),
            ("A: " + "x" * 2000 + "\n\nb\n", "5.6.0"),
            ("Message-ID: <ä@b.test>\n\nb\n", "5.6.7"),
            ("From: <ä@b.test>\n\nb\n", "5.6.7"),
        ],
    )
    def test_what_has_no_other_form(self, content: str, enhanced: str) -> None:
        with pytest.raises(NotPossible) as reason:
            seven_bit(lines("MIME-Version: 1.0\n" + content))
        assert reason.value.enhanced == enhanced

    def test_what_is_signed_may_be_sent_if_it_fits(self) -> None:
        content = lines(
            'MIME-Version: 1.0\nContent-Type: multipart/signed; boundary="b"\n'
            "Subject: ä\n\n--b\n\na\n--b\n\nsig\n--b--\n"
        )
        made = seven_bit(content)
        assert made.endswith(b"--b\r\n\r\na\r\n--b\r\n\r\nsig\r\n--b--\r\n")


class TestHeaders:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("Subject", "Grüße aus Köln, und noch viel mehr " * 8),
            ("Subject", "日本語" * 40),
            ("X-Thing", "ä"),
            ("Comments", "schön (wirklich)"),
        ],
    )
    def test_text(self, field: str, value: str) -> None:
        made = seven_bit(lines(f"{field}: {value}\n\nx\n"))
        assert read(made)[field].strip() == value.strip()
        assert not has_long_line(made, 78)

    def test_addresses(self) -> None:
        made = seven_bit(
            lines(
                'From: Jörg <j@b.test>\nTo: "Müller, Ä" <m@b.test>, c@d.test, x@bücher.test,\n'
                ' "o\\"x" <"a b"@c.test>\nCc: Die Größten: a@b.test, B <b@b.test>;\n\nx\n'
            )
        )
        found = read(made)
        assert [(one.display_name, one.addr_spec) for one in found["From"].addresses] == [
            ("Jörg", "j@b.test")
        ]
        assert [(one.display_name, one.addr_spec) for one in found["To"].addresses] == [
            ("Müller, Ä", "m@b.test"),
            ("", "c@d.test"),
            ("", "x@xn--bcher-kva.test"),
            ('o"x', '"a b"@c.test'),
        ]
        (group,) = found["Cc"].groups
        assert group.display_name == "Die Größten"
        assert [one.addr_spec for one in group.addresses] == ["a@b.test", "b@b.test"]

    def test_parameters(self) -> None:
        name = "Übersicht " * 3 + "2026.pdf"
        long_name = "ü" * 300 + ".pdf"
        for text in (name, long_name):
            made = seven_bit(
                lines(
                    f'MIME-Version: 1.0\nContent-Type: application/pdf; name="{text}"; x=y\n'
                    f'Content-Disposition: attachment; filename="{text}"\n\nx\n'
                )
            )
            found = read(made)
            assert found.get_filename() == text
            assert found.get_content_type() == "application/pdf"
            assert found.get_param("x") == "y"

    def test_trace_and_signatures(self) -> None:
        made = seven_bit(
            lines(
                "Received: from ä by b.test; today\nDKIM-Signature: v=1; i=ä@b.test\n"
                "Authentication-Results: b.test; spf=pass (ä)\nSubject: x\n\ny\n"
            )
        )
        assert made.startswith(b"Received: from ?? by b.test; today\r\nAuthentication-Results: b")
        assert b"DKIM" not in made

    def test_utf8_in_the_body_may_stay(self) -> None:
        made = downgrade(lines("Subject: ä\n\nö\n"), eight_bit=True, utf8=False)
        assert made.endswith("\r\n\r\nö\r\n".encode())
        assert made.startswith(b"Subject: =?utf-8?B?")

    def test_long_fields_are_folded(self) -> None:
        value = "word " * 1000
        made = downgrade(lines(f"References: {value}\n\nx\n"), eight_bit=True, utf8=True)
        assert not has_long_line(made)
        assert read(made)["References"].split() == value.split()


@pytest.mark.parametrize(
    ("content", "made"),
    [
        (b"a\nb\rc\r\nd", b"a\r\nb\r\nc\r\nd"),
        (b"\r\r\n\n", b"\r\n\r\n\r\n"),
        (b"\r\n.\n.\r.", b"\r\n.\r\n.\r\n."),
    ],
)
def test_line_ends(content: bytes, made: bytes) -> None:
    assert with_crlf(content) == made
