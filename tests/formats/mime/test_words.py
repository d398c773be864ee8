"""Bytes to text: encoded words, charsets, damaged base64."""

import base64
import time

import pytest

from pillarbox.formats.mime import words
from pillarbox.formats.mime.words import decode_base64, decode_charset, decode_raw, decode_words


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        ("grüß".encode(), "grüß"),
        (b"gr\xfc\xdf", "grüß"),
        (b"\x80 5", "€ 5"),
        (b"\x81", "\x81"),
        (b"=?utf-8?q?gr=C3=BC=C3=9F_e?=", "grüß e"),
        (b"=?UTF-8?B?Z3LDvMOf?= x", "grüß x"),
        (b"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        (b"=?utf-8?q?a?= c =?utf-8?q?b?=", "a c b"),
        (b"=?utf-8?b?w7w=?=\r\n =?iso-8859-1?q?=FC?=", "üü"),
        # A character split between two words.
        (b"=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"),
        (b"=?utf-8*de?q?x?=", "x"),
        (b"=?nonsense?q?=C3=BC?=", "ü"),
        (b"=?idna?q?xn--a?=", "xn--a"),
        (b"=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        (b"=?utf-8?q?abc", "=?utf-8?q?abc"),
        (b"=?utf-8?q?abc =?utf-8?q?def?=", "=?utf-8?q?abc def"),
        (b"=?utf-8?b?Z3LDvMOf?", "=?utf-8?b?Z3LDvMOf?"),
        (b"=?utf-8?b?####?=", ""),
        (b"=?utf-8?q?what_is_this??=", "what is this?"),
        (b"=?utf-8?q?a b?=", "a b"),
        (b"=?iso-2022-jp?b?GyRCJUYlOSVIGyhC?=", "テスト"),
        (b"=?gb2312?b?xOO6ww==?=", "你好"),
    ],
)
def test_encoded_words(raw: bytes, text: str) -> None:
    assert decode_words(raw) == text


@pytest.mark.parametrize(
    ("raw", "decoded"),
    [
        (b"aGVsbG8=", b"hello"),
        (b"aGVs\r\nbG8=\r\n", b"hello"),
        (b"aGVsbG8", b"hello"),
        (b"aGVs!bG8=", b"hello"),
        (b"aGVsbG8=aGVsbG8=", b"hellohello"),
        (b"aGVsb", b"hel"),
        (b"====", b""),
        (b"", b""),
    ],
)
def test_damaged_base64(raw: bytes, decoded: bytes) -> None:
    assert decode_base64(raw) == decoded


def test_charsets() -> None:
    assert decode_charset(b"\xe9", "ISO-8859-1") == "é"
    assert decode_charset(b"\xe9", "iso_8859-2") == "é"
    assert decode_charset(b"\x93x\x94", "us-ascii") == "“x”"
    assert decode_charset(b"\xe9", "utf-8") == "\ufffd"
    assert decode_charset(b"x", "no such\0charset") == "x"
    assert decode_charset(b"x", "hex") == "x"
    assert decode_raw(b"") == ""


@pytest.mark.parametrize("line", [76, 74, 77, 1 << 30], ids=["usual", "even", "odd", "none"])
def test_large_base64_is_decoded_in_runs(line: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_RUN_BYTES", 1000)
    octets = bytes(range(250)) * 20
    encoded = base64.b64encode(octets)
    raw = b"\r\n".join(encoded[at : at + line] for at in range(0, len(encoded), line))
    runs = list(words.line_runs(raw))
    assert b"".join(runs) == raw
    assert max(map(len, runs)) <= 1000 or line > 1000
    assert decode_base64(raw) == octets


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("text", ["Grüße 你好 한국어 にほん, a+b\r\n😀 x\n" * 3, "plain\n", "+-\n"])
def test_where_long_text_is_cut_makes_no_difference(
    text: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    charsets = ("utf-8", "utf-7", "utf-16", "utf-16-be", "utf-32", "gb18030", "iso-2022-jp", "hz")
    for charset in (*charsets, "big5", "euc-jp", "koi8-r", "utf-8-sig", "iso-2022-kr", "cp932"):
        raw = text.encode(charset, "replace") + b"\xc3\n\x81"
        monkeypatch.undo()
        whole = decode_charset(raw, charset)
        if charset != "utf-7" or size > 40:  # it is cut within a line only where lines are long
            monkeypatch.setattr(words, "_CHARSET_BYTES", size)
        assert decode_charset(raw, charset) == whole, charset


def test_no_charset_holds_up_other_threads() -> None:
    # A single call of its decoder took three seconds.
    raw = b"\xff" * (8 << 20)
    longest, last = 0.0, time.process_time()
    for piece in words._utf7_pieces(raw):
        piece.decode("utf-7", "replace")
        longest, last = max(longest, time.process_time() - last), time.process_time()
    assert longest < 0.2
    assert len(decode_charset(raw, "utf-7")) == len(raw)
