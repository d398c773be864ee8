"""The scanner: offsets, types, boundaries, limits, hostile input in linear time."""

import time

import pytest

from pillarbox.formats.mime.part import Part, decode_parts, encode_parts
from pillarbox.formats.mime.scan import ScanLimits, scan


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def outline(part: Part) -> list[object]:
    return [f"{part.type}/{part.subtype}", *[outline(child) for child in part.children]]


def body(message: bytes, part: Part) -> bytes:
    return message[part.body_start : part.body_end]


def test_plain_message() -> None:
    message = crlf("Subject: x\nFrom: a@b\n\nline 1\nline 2\n")
    part = scan(message)
    assert (part.type, part.subtype, part.params) == ("text", "plain", (("charset", "us-ascii"),))
    assert (part.header_start, part.body_start, part.body_end) == (0, 25, len(message))
    assert part.lines == 2
    assert part.encoding == "7bit"


def test_described_part() -> None:
    part = scan(
        crlf(
            'CONTENT-TYPE: Application/PDF; NAME="a b.pdf";\n\tx=y\n'
            "Content-Transfer-Encoding: BASE64\nContent-ID: <1@x>\nContent-Description: a\n file\n"
            'Content-Disposition: Attachment; filename="a b.pdf"\nContent-Language: de, en-GB\n'
            "Content-MD5: abc==\nContent-Location: http://x/\n\nAAAA\n"
        )
    )
    assert (part.type, part.subtype) == ("application", "pdf")
    assert part.params == (("name", "a b.pdf"), ("x", "y"))
    assert (part.encoding, part.content_id, part.description) == ("base64", "<1@x>", "a file")
    assert (part.disposition, part.disposition_params) == (
        "attachment",
        (("filename", "a b.pdf"),),
    )
    assert (part.language, part.md5, part.location) == (("de", "en-GB"), "abc==", "http://x/")
    assert part.filename == "a b.pdf"


@pytest.mark.parametrize("value", ["nonsense", "", "text", "/", ";charset=x", "text/"])
def test_unreadable_type_is_plain_text(value: str) -> None:
    part = scan(crlf(f"Content-Type: {value}\n\nx"))
    assert (part.type, part.subtype, part.params) == ("text", "plain", (("charset", "us-ascii"),))


MIXED = """Content-Type: multipart/mixed; boundary=outer

preamble
--outer

first
--outer
Content-Type: multipart/alternative; boundary="in ner"

--in ner
Content-Type: text/plain

a
--in ner
Content-Type: text/html

<b>
--in ner--
inner epilogue
--outer
Content-Type: message/rfc822

Subject: nested
Content-Type: multipart/mixed; boundary=third

--third
Content-Type: image/png

png
--third--
--outer--
epilogue
"""


@pytest.mark.parametrize("convert", [crlf, str.encode])
def test_nested_multiparts(convert: object) -> None:
    message = convert(MIXED)  # type: ignore[operator]
    root = scan(message)
    assert outline(root) == [
        "multipart/mixed",
        ["text/plain"],
        ["multipart/alternative", ["text/plain"], ["text/html"]],
        ["message/rfc822", ["multipart/mixed", ["image/png"]]],
    ]
    first, alternative, nested = root.children
    assert body(message, first) == b"first"
    assert [body(message, part) for part in alternative.children] == [b"a", b"<b>"]
    assert body(message, alternative).endswith(b"inner epilogue")
    assert body(message, nested).startswith(b"Subject: nested")
    assert nested.children[0].header_start == nested.body_start
    assert body(message, nested.children[0].children[0]) == b"png"
    assert root.body_end == len(message)
    assert [path for path, _ in root.walk()] == [
        (1,),
        (2,),
        (2, 1),
        (2, 2),
        (3,),
        (3, 1),
    ]


def test_missing_closing_boundaries() -> None:
    message = crlf(
        "Content-Type: multipart/mixed; boundary=a\n\n--a\n"
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--a\n\ntwo\n"
    )
    root = scan(message)
    assert outline(root) == [
        "multipart/mixed",
        ["multipart/mixed", ["text/plain"]],
        ["text/plain"],
    ]
    assert body(message, root.children[0].children[0]) == b"one"
    assert body(message, root.children[1]) == b"two\r\n"


def test_boundary_that_begins_another() -> None:
    message = crlf(
        "Content-Type: multipart/mixed; boundary=a\n\n--ab\nno part\n--a \t\n\n"
        "x\n--ab\n--a--b\ny\n--a--\nend"
    )
    root = scan(message)
    assert len(root.children) == 1
    assert body(message, root.children[0]) == b"x\r\n--ab\r\n--a--b\r\ny"


def test_boundary_ending_in_dashes() -> None:
    message = crlf(
        'Content-Type: multipart/mixed; boundary="a--"\n\n--a--\n'
        'Content-Type: multipart/mixed; boundary="a----"\n\n--a----\n\nbody\n--a------\n\n--a----'
    )
    root = scan(message)
    assert outline(root) == ["multipart/mixed", ["multipart/mixed", ["text/plain"]]]
    assert body(message, root.children[0].children[0]) == b"body"


def test_same_boundary_nested() -> None:
    message = crlf(
        "Content-Type: multipart/mixed; boundary=x\n\n--x\n"
        "Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--x--\n--x\n\ntwo\n--x--\n"
    )
    root = scan(message)
    assert outline(root) == [
        "multipart/mixed",
        ["multipart/mixed", ["text/plain"]],
        ["text/plain"],
    ]


def test_delimiter_inside_header() -> None:
    message = crlf(
        "Content-Type: multipart/mixed; boundary=x\n\n--x\n--x\nContent-Type: image/png\n--x\n"
        "Content-Type: text/html\n\nlast\n--x--"
    )
    root = scan(message)
    assert outline(root) == ["multipart/mixed", ["text/plain"], ["image/png"], ["text/html"]]
    assert [body(message, part) for part in root.children] == [b"", b"", b"last"]


def test_multipart_without_delimiter_shows_its_text() -> None:
    for head in ("multipart/mixed; boundary=x", "multipart/mixed"):
        message = crlf(f"Content-Type: {head}\n\nbody\n")
        root = scan(message)
        assert outline(root) == ["multipart/mixed", ["text/plain"]]
        assert body(message, root.children[0]) == b"body\r\n"


def test_digest_holds_messages() -> None:
    root = scan(
        crlf(
            "Content-Type: multipart/digest; boundary=x\n\n--x\n\nSubject: a\n\nbody\n"
            "--x\nContent-Type: text/plain\n\nx\n--x--\n"
        )
    )
    assert outline(root) == ["multipart/digest", ["message/rfc822", ["text/plain"]], ["text/plain"]]


def test_encoded_message_is_opaque() -> None:
    root = scan(
        crlf("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeA==")
    )
    assert outline(root) == ["message/rfc822"]
    assert not root.is_message


@pytest.mark.parametrize("message", [b"", b"\r\n", b"\n", b"x", b"a: b", b"\x00\xff", b":", b"--"])
def test_tiny_messages(message: bytes) -> None:
    part = scan(message)
    assert 0 <= part.body_start <= part.body_end == len(message)


def test_limits() -> None:
    deep = b""
    for level in range(300):
        deep += b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (level, level)
    depth, part = 0, scan(deep)
    while part.children:
        part = part.children[0]
        depth += 1
    assert depth == 100
    assert part.type == "multipart"
    nested = scan(b"Content-Type: message/rfc822\r\n\r\n" * 300)
    assert decode_parts(encode_parts(nested)) == nested
    many = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\n" * 5000
    assert len(scan(many).children) == 999
    assert len(scan(many, ScanLimits(parts=10)).children) == 9
    wide = b"Content-Type: text/plain" + b"; a=b" * 1000 + b"\r\n\r\n"
    assert len(scan(wide).params) == 100


def test_stored_tree_is_small_and_the_same() -> None:
    root = scan(crlf(MIXED))
    stored = encode_parts(root)
    assert decode_parts(stored) == root
    assert len(stored) < 500


HOSTILE = [
    b"--x\r\n" * 200_000,
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--y\r\n" * 200_000,
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n" * 200_000,
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" * 20_000,
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" + b"A: b\r\n--x\r\n" * 90_000,
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\n\n" + b"A\n\n--x\n" * 90_000,
    b"Content-Type: message/rfc822\r\n\r\n" * 30_000,
    b"Content-Type: " + b"(" * 1_000_000,
    b"Content-Type: text/plain" + b';a="\\' * 200_000,
    b"Content-Type: text/plain" + b"; a*0=b" * 150_000,
    b"Content-Type: x\r\n" * 60_000,
    b"Content-" * 125_000,
    b"Content-Type:\r\n" + b" \r\n" * 300_000,
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_megabyte_takes_linear_time(number: int) -> None:
    start = time.process_time()
    scan(HOSTILE[number])
    # A quadratic pass over a megabyte takes minutes; the linear ones take 1 to 150 ms.
    assert time.process_time() - start < 3
