"""Bytes to text in headers and bodies: charsets, raw 8-bit, RFC 2047 encoded words.

Never raises: what can't be decoded is kept or replaced. Not for building headers. Called by
`content`, `header`, `summary` and `section`; calls nothing of ours.
"""

import binascii
import encodings.aliases
import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from io import BytesIO
from types import MappingProxyType

_NOT_CHARSETS = frozenset(
    (
        *("base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec"),
        *("zlib_codec", "mbcs", "oem", "idna", "punycode", "undefined", "unicode_escape"),
        "raw_unicode_escape",
    )
)
_WIDER = {
    "ascii": "",
    "latin_1": "",
    "iso_8859_1": "",
    "iso8859_1": "",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "windows_31j": "cp932",
    "shift_jis": "cp932",
    "x_sjis": "cp932",
    "ks_c_5601_1987": "cp949",
    "euc_kr": "cp949",
    "iso_8859_8_i": "iso8859_8",
    "iso_8859_6_i": "iso8859_6",
    "x_mac_roman": "mac_roman",
    "macintosh": "mac_roman",
    "unicode_1_1_utf_7": "utf_7",
    "tis_620": "cp874",
    "windows_874": "cp874",
    "x_unknown": "",
    "unknown_8bit": "",
}


def _charsets() -> dict[str, str]:
    aliases = encodings.aliases.aliases
    found = {name: name for name in aliases.values()}
    found.update(aliases)
    found.update(dict.fromkeys(("utf_8", "utf8", "utf_8_sig", "cp65001"), "utf_8"))
    found = {name: _WIDER.get(codec, codec) for name, codec in found.items()}
    found.update(_WIDER)
    return {name: codec for name, codec in found.items() if codec not in _NOT_CHARSETS}


# Names are looked up here first: a codec search for an unknown name reads the disk and is
# remembered for ever, and some codecs (punycode, idna) take quadratic time. An empty codec means
# that the label is too often wrong to be believed: UTF-8 if it fits, else windows-1252.
_CHARSETS = MappingProxyType(_charsets())
_NOT_NAME = re.compile("[^a-z0-9]+")

_WORD_START = re.compile(rb"=\?([!->@-~]{1,80})\?([bBqQ])\?")
_QUOTED_PAIR = re.compile(rb"=([0-9A-Fa-f]{2})")
_PIECES_MAX = 1000
_RUN_BYTES = 1 << 20
_CHARSET_BYTES = 64 * 1024
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


def decode_raw(raw: bytes) -> str:
    """Text of unlabelled bytes: UTF-8 if it is that, else windows-1252, else ISO-8859-1."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def decode_charset(raw: bytes, charset: str) -> str:
    """Text of bytes labelled with a charset; an unknown label falls back to `decode_raw`."""
    codec = _CHARSETS.get(_NOT_NAME.sub("_", charset.lower()).strip("_"))
    if not codec:
        return decode_raw(raw)
    try:
        text = (
            raw.decode(codec, "replace") if len(raw) <= _CHARSET_BYTES else _in_pieces(raw, codec)
        )
    except (LookupError, ValueError):
        return decode_raw(raw)
    if codec == "utf_7":
        # It can spell half a surrogate pair, which nothing could encode again.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _in_pieces(raw: bytes, codec: str) -> str:
    """Long text decoded piece by piece, for some codecs take seconds, and other threads wait."""
    if codec == "utf_7":
        return "".join(piece.decode(codec, "replace") for piece in _utf7_pieces(raw))
    decoder = getincrementaldecoder(codec)("replace")
    starts = range(0, len(raw), _CHARSET_BYTES)
    pieces = [decoder.decode(raw[start : start + _CHARSET_BYTES]) for start in starts]
    return "".join((*pieces, decoder.decode(b"", True)))


def _utf7_pieces(raw: bytes) -> Iterator[bytes]:
    """Pieces that end with a line where lines have an end: nothing encoded goes beyond it.

    Python's own decoder of pieces takes quadratic time.
    """
    start = 0
    while start < len(raw):
        middle = start + _CHARSET_BYTES
        end = raw.find(b"\n", middle, middle + _CHARSET_BYTES) + 1 or middle
        yield raw[start:end]
        start = end


def line_runs(raw: bytes, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """`raw[start:end]` in runs of whole lines: between two of them other threads get a turn."""
    end = len(raw) if end is None else end
    while end - start > _RUN_BYTES:
        middle = raw.rfind(b"\n", start, start + _RUN_BYTES) + 1
        if not middle:
            break
        yield raw[start:middle]
        start = middle
    yield raw[start:end]


def decode_base64(raw: bytes, start: int = 0, end: int | None = None) -> bytes:
    """What the base64 text `raw[start:end]` holds, without alien characters and a torn end.

    Never raises; neither the text nor what it holds is in memory twice.
    """
    end = len(raw) if end is None else end
    pad = raw.find(b"=", start, end)
    if pad < 0 or not raw[pad:end].strip(b"= \t\r\n"):
        try:
            held = BytesIO()
            for run in line_runs(raw, start, end):
                held.write(binascii.a2b_base64(run))
            return held.getvalue()
        except binascii.Error:
            pass
    if end - start < len(raw):
        raw = raw[start:end]
    if pad < 0 or not raw[pad - start :].strip(b"= \t\r\n"):
        try:
            return binascii.a2b_base64(raw)
        except binascii.Error:
            pass
    # Padding in the middle comes from pieces that were encoded apart and then joined.
    pieces = [_NOT_BASE64.sub(b"", piece) for piece in raw.split(b"=", _PIECES_MAX)]
    return b"".join([_decode_piece(piece) for piece in pieces if piece])


def _decode_piece(piece: bytes) -> bytes:
    over = len(piece) % 4
    if over == 1:
        piece = piece[:-1]
    elif over:
        piece += b"=" * (4 - over)
    return binascii.a2b_base64(piece)


def _unhex(match: re.Match[bytes]) -> bytes:
    return bytes((int(match[1], 16),))


def _word_bytes(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"bB":
        return decode_base64(text)
    return _QUOTED_PAIR.sub(_unhex, text.replace(b"_", b" "))


def decode_words(raw: bytes) -> str:
    """Text of an unstructured value: encoded words decoded, the rest as `decode_raw`.

    White space between adjacent words goes (RFC 2047 §6.2); words of one charset are joined before
    they are decoded, since senders split characters between them.
    """
    if raw.find(b"=?") < 0:
        return decode_raw(raw)
    out: list[str] = []
    pending: list[bytes] = []
    charset = b""
    at = 0
    for start, end, label, word in _words(raw):
        gap = raw[at:start]
        joined = bool(charset) and not gap.strip()
        if pending and not (joined and label == charset):
            out.append(decode_charset(b"".join(pending), charset.decode("latin-1")))
            pending = []
        if gap and not joined:
            out.append(decode_raw(gap))
        pending.append(word)
        charset = label
        at = end
    if pending:
        out.append(decode_charset(b"".join(pending), charset.decode("latin-1")))
    out.append(decode_raw(raw[at:]))
    return "".join(out)


def _words(raw: bytes) -> Iterator[tuple[int, int, bytes, bytes]]:
    """The encoded words: begin, end, lower-case charset and decoded bytes.

    Looks for an end once and gives up where there is none, so it takes linear time.
    """
    at = 0
    while (start := _WORD_START.search(raw, at)) is not None:
        end = raw.find(b"?=", start.end())
        if end < 0:
            return
        inner = raw.rfind(b"=?", start.end(), end)
        if inner >= 0:
            # The first one is never closed; this end belongs to a later one.
            at = inner
            continue
        at = end + 2
        label = start[1].partition(b"*")[0].lower()
        yield start.start(), at, label, _word_bytes(start[2], raw[start.end() : end])
