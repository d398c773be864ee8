"""Content-Type, Content-Disposition (RFC 2183 §2) and their parameters."""

import pytest

from pillarbox.formats.mime.content import (
    parameter,
    parse_content_type,
    parse_disposition,
    parse_language,
)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"text/plain", ("text", "plain", ())),
        (b'Text/HTML; CharSet="UTF-8"', ("text", "html", (("charset", "UTF-8"),))),
        (
            b"text/plain; charset=us-ascii (Plain text)",
            ("text", "plain", (("charset", "us-ascii"),)),
        ),
        (b"text/html charset=utf-8", ("text", "html", (("charset", "utf-8"),))),
        (b"a/b; x=1\r\n\ty=2;;", ("a", "b", (("x", "1"), ("y", "2")))),
        (b'a/b; x="1;2\\"3"', ("a", "b", (("x", '1;2"3'),))),
        (b"a/b; name=scan (1).pdf", ("a", "b", (("name", "scan (1).pdf"),))),
        (b'a/b; x="open', ("a", "b", (("x", "open"),))),
        (b"\xc3\xa1/b; x=\xe9", ("á", "b", (("x", "é"),))),
        (b"text", None),
        (b"/", None),
        (b"", None),
    ],
)
def test_content_type(raw: bytes, expected: object) -> None:
    assert parse_content_type(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"inline", ("inline", ())),
        (b"Attachment; FileName=a.txt", ("attachment", (("filename", "a.txt"),))),
        (b";\r\n filename=a.txt", ("attachment", (("filename", "a.txt"),))),
        (b"attachment filename=a.txt", ("attachment", (("filename", "a.txt"),))),
        (b'"x"', None),
        (b"", None),
    ],
)
def test_disposition(raw: bytes, expected: object) -> None:
    assert parse_disposition(raw) == expected


def test_language() -> None:
    assert parse_language(b"en-GB, de (German)")[:2] == ("en-GB", "de")


@pytest.mark.parametrize(
    ("params", "value"),
    [
        ((("filename", "a b"),), "a b"),
        ((("filename*", "utf-8'en'gr%C3%BC%C3%9F"),), "grüß"),
        ((("filename*", "iso-8859-1''gr%FC"), ("filename", "plain")), "grü"),
        ((("filename*1", "c"), ("filename*0*", "utf-8''a%20"), ("filename*2*", "%C3%BC")), "a cü"),
        ((("filename*0", "a"), ("filename*1", "b.txt")), "ab.txt"),
        ((("filename*", "no%20charset"),), "no charset"),
        ((("filename", "=?utf-8?q?gr=C3=BC?="),), "grü"),
        ((("other", "x"),), None),
    ],
)
def test_parameter_value(params: tuple[tuple[str, str], ...], value: str | None) -> None:
    assert parameter(params, "filename") == value
