"""A message as lines with CRLF: what is missing, and that it is added, wherever it is cut."""

import pytest

from pillarbox.formats.mime import crlf
from pillarbox.formats.mime.crlf import crlf_pieces, line_end_bytes


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", b""),
        (b"a\r\nb\r\n", b"a\r\nb\r\n"),
        (b"a\r\nb", b"a\r\nb\r\n"),
        (b"a\nb\n", b"a\r\nb\r\n"),
        (b"a\nb\r\nc", b"a\r\nb\r\nc\r\n"),
        (b"\n", b"\r\n"),
        (b"\n\n\r\n\n", b"\r\n" * 4),
        (b"a\rb\r\n", b"a\rb\r\n"),
        (b"a\r", b"a\r\r\n"),
        (b"\r\r\n", b"\r\r\n"),
        (b"\r\r\r\n\n", b"\r\r\r\n\r\n"),
        (b"nul\0nul\r\n", b"nul\0nul\r\n"),
    ],
)
@pytest.mark.parametrize("piece_bytes", [2, 3, 4, 1000])
def test_every_line_ends_with_crlf(
    content: bytes, expected: bytes, piece_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crlf, "_COUNTED_BYTES", piece_bytes)
    assert b"".join(crlf_pieces(content, line_end_bytes(content), piece_bytes)) == expected
    assert line_end_bytes(content) == len(expected) - len(content)


def test_pieces_are_small() -> None:
    content = b"x" * 1000 + b"\n" + b"y\r\n" * 1000
    pieces = list(crlf_pieces(content, 1, 100))
    assert max(map(len, pieces)) <= 101
    assert b"".join(pieces) == content.replace(b"x\n", b"x\r\n")
