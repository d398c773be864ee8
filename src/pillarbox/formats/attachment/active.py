"""What is active in pages, pictures and documents that are text: scripts, forms, objects."""

import re
from collections.abc import Iterator

from pillarbox.formats.attachment.found import Trait

LOOKED_AT = 4 << 20
"""Bytes of a file that are looked through."""

_SCRIPT = re.compile(rb"<script[\s>/]", re.IGNORECASE)
_JSON_ONLY = re.compile(rb"<script[^>]{0,200}ld\+json", re.IGNORECASE)
_HANDLER = re.compile(
    rb"\son[a-z]{3,20}\s*+=|(?:href|src)\s*+=\s*+[\"']?javascript:", re.IGNORECASE
)
_PASSWORD = re.compile(rb"type\s*+=\s*+[\"']?password", re.IGNORECASE)
# Two of them together make a file out of the page's own text.
_MAKES = (
    re.compile(rb"\batob\s*+\(|fromCharCode|Uint8Array|base64,|unescape\s*+\(", re.IGNORECASE),
    re.compile(
        rb"new\s++Blob\b|createObjectURL|msSave(?:OrOpen)?Blob|new\s++File\b"
        rb"|data:application/(?:octet|zip|x-)|\.download\s*+=|document\.write",
        re.IGNORECASE,
    ),
)
_OBJECT = re.compile(rb"\\obj(?:data|update|autlink|ocx)\b", re.IGNORECASE)
_FOREIGN = re.compile(rb"<foreignObject[\s>]|<(?:iframe|embed|object)[\s>]", re.IGNORECASE)


def of_html(data: bytes) -> Iterator[Trait]:
    """The traits of a page that comes as a file."""
    text = _plain(data)
    yield Trait.HTML_FILE
    if len(_SCRIPT.findall(text)) > len(_JSON_ONLY.findall(text)) or _HANDLER.search(text):
        yield Trait.HTML_SCRIPT
        if all(one.search(text) for one in _MAKES):
            yield Trait.HTML_SMUGGLING
    if _PASSWORD.search(text):
        yield Trait.HTML_LOGIN


def of_svg(data: bytes) -> Iterator[Trait]:
    """The traits of a picture that is markup."""
    text = _plain(data)
    if _SCRIPT.search(text) or _HANDLER.search(text) or _FOREIGN.search(text):
        yield Trait.SVG_SCRIPT


def of_rtf(data: bytes) -> Iterator[Trait]:
    """The traits of a document in RTF."""
    if _OBJECT.search(data[:LOOKED_AT]):
        yield Trait.PACKAGE


def _plain(data: bytes) -> bytes:
    """The bytes of a page as far as they are ASCII, whichever Unicode encoding it has."""
    head = data[:LOOKED_AT]
    return head.replace(b"\0", b"") if head.startswith((b"\xff\xfe", b"\xfe\xff")) else head
