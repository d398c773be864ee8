"""BODY and BODYSTRUCTURE as wire text, worked out by hand from RFC 9051 §7.5.2."""

from pillarbox.formats.mime.bodystructure import print_body
from pillarbox.formats.mime.scan import ScanLimits, scan


def both(text: str, limits: ScanLimits | None = None) -> tuple[bytes, bytes]:
    message = text.replace("\n", "\r\n").encode()
    root = scan(message, limits or ScanLimits())
    return print_body(root, message, False), print_body(root, message, True)


def test_plain_text() -> None:
    body, structure = both("Subject: x\n\none\ntwo\n")
    assert body == b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 10 2)'
    assert structure == (
        b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 10 2 NIL NIL NIL NIL)'
    )


def test_described_leaf() -> None:
    body, structure = both(
        'Content-Type: application/pdf; name="a \\"b\\".pdf"\nContent-ID: <i@x>\n'
        "Content-Description: d\nContent-Transfer-Encoding: base64\nContent-MD5: m==\n"
        "Content-Disposition: attachment; filename=f.pdf\nContent-Language: de, en\n"
        "Content-Location: loc\n\nAAAA\n"
    )
    common = b'("application" "pdf" ("name" "a \\"b\\".pdf") "<i@x>" "d" "base64" 6'
    assert body == common + b")"
    assert structure == (common + b' "m==" ("attachment" ("filename" "f.pdf")) ("de" "en") "loc")')


def test_multipart() -> None:
    body, structure = both(
        'Content-Type: multipart/mixed; boundary="b"\n\n--b\n\nhi\n--b\n'
        "Content-Type: image/png\nContent-Disposition: inline\n\nx\n--b--\n"
    )
    text = b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 2 0'
    image = b'("image" "png" NIL NIL NIL "7bit" 1'
    assert body == b"(" + text + b")" + image + b') "mixed")'
    assert structure == (
        b"(" + text + b" NIL NIL NIL NIL)" + image + b' NIL ("inline" NIL) NIL NIL) '
        b'"mixed" ("boundary" "b") NIL NIL NIL)'
    )


def test_nested_message() -> None:
    body, _ = both(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"
        "Subject: in\nFrom: a@x\n\nhi\nho\n--b--\n"
    )
    one = b'((NIL NIL "a" "x"))'
    assert body == (
        b'(("message" "rfc822" NIL NIL NIL "7bit" 32 '
        b'(NIL "in" ' + b" ".join([one] * 3) + b" NIL NIL NIL NIL NIL) "
        b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 6 1) 4) "mixed")'
    )


def test_multipart_without_parts_has_one_text() -> None:
    body, _ = both("Content-Type: multipart/mixed; boundary=b\n\nno parts\n")
    assert body == (b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 10 1) "mixed")')


def test_containers_not_looked_into_are_data() -> None:
    body, _ = both("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nAAAA")
    assert body == b'("application" "octet-stream" NIL NIL NIL "base64" 4)'
    body, _ = both("Content-Type: multipart/mixed; boundary=b\n\n--b\n", ScanLimits(depth=0))
    assert body == b'("application" "octet-stream" ("boundary" "b") NIL NIL "7bit" 5)'


def test_parameter_beyond_ascii_is_a_literal() -> None:
    body, _ = both("Content-Type: image/png; name=ü.png\n\nx")
    assert body == b'("image" "png" ("name" {6}\r\n\xc3\xbc.png) NIL NIL "7bit" 1)'
