"""What a PDF file does by itself: scripts, and programs it starts (ISO 32000-1 §12.6).

Looks for names in the file and in its packed object streams, without reading the document.
"""

import re
import zlib
from collections.abc import Iterator

from pillarbox.formats.attachment.found import Budget, Trait

STREAMS_MAX = 200
STREAM_BYTES = 1 << 20
_REACH = 2000

_SCRIPT = re.compile(rb"/(?:JavaScript\b|JS(?=\s*+[(<]|\s++\d++\s))")
_LAUNCH = re.compile(rb"/Launch(?=[\s/>\[(])")
_ENCRYPT = re.compile(rb"/Encrypt\s++\d++\s++\d++\s++R|/Encrypt\s*+<<")
_STREAM = re.compile(rb"/ObjStm\b")
_ESCAPED_NAME = re.compile(rb"/[A-Za-z]{0,12}#[0-9A-Fa-f]{2}[A-Za-z#0-9]{0,40}")
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")


def of_pdf(data: bytes, budget: Budget) -> Iterator[Trait]:
    """The traits of a PDF file."""
    texts = [data, *_object_streams(data, budget)]
    escaped = b" ".join(_ESCAPED_NAME.findall(data)[:1000])
    if escaped:
        texts.append(_ESCAPE.sub(lambda one: bytes((int(one[1], 16),)), escaped) + b" (")
    if any(_SCRIPT.search(text) for text in texts):
        yield Trait.PDF_SCRIPT
    if any(_LAUNCH.search(text) for text in texts):
        yield Trait.PDF_LAUNCH
    if _ENCRYPT.search(data):
        yield Trait.ENCRYPTED_DOCUMENT


def _object_streams(data: bytes, budget: Budget) -> Iterator[bytes]:
    for number, found in enumerate(_STREAM.finditer(data)):
        if number >= STREAMS_MAX or budget.spent:
            return
        start = data.find(b"stream", found.end(), found.end() + _REACH)
        if start < 0:
            continue
        start += 6
        start += 2 if data.startswith(b"\r\n", start) else 1
        try:
            packed = data[start : start + STREAM_BYTES]
            text = zlib.decompressobj().decompress(packed, STREAM_BYTES)
        except zlib.error:
            continue
        budget.bytes_left -= len(text)
        yield text
