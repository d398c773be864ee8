"""A message as lines that all end with CRLF, whatever was stored; for POP3.

Messages are kept byte for byte as they came, with lines that end in a bare LF and without an end
of the last line. A CR alone stays: nobody takes it for the end of a line.
"""

from collections.abc import Iterator

PIECE_BYTES = 128 * 1024
_COUNTED_BYTES = 1 << 20  # at once, for other threads wait meanwhile


def line_end_bytes(content: bytes) -> int:
    """How many octets `content` lacks to have a CRLF at the end of each line."""
    bare = 0
    for start in range(0, len(content), _COUNTED_BYTES):
        end = start + _COUNTED_BYTES
        bare += content.count(b"\n", start, end)
        bare -= content.count(b"\r\n", max(start - 1, 0), end)
    return bare + (2 if content and not content.endswith(b"\n") else 0)


def crlf_pieces(content: bytes, lacking: int, piece_bytes: int = PIECE_BYTES) -> Iterator[bytes]:
    """`content` with a CRLF at the end of each line, in pieces; none begins within a CRLF.

    `lacking` are its `line_end_bytes`. Pieces are of at most `piece_bytes` (2 or more), and grow by
    what line ends lack.
    """
    whole = not lacking
    start, size = 0, len(content)
    while start < size:
        end = min(start + piece_bytes, size)
        if end < size and content[end - 1] == 13:  # its LF may be the next one
            end -= 1
        piece = content[start:end]
        start = end
        if not whole:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        yield piece
    if not whole and not content.endswith(b"\n"):
        yield b"\r\n"
