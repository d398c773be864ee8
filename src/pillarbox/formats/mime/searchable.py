"""All text of a message that can be searched, and the attachments that may hold more.

Never raises and bounds everything; what was left out is told by `truncated`. Not for what is shown
(`preview`, `section`). Called by search and its index; calls `section`, `header`, `html`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pillarbox.formats.address import mailboxes, parse_address_list
from pillarbox.formats.mime.envelope import ADDRESS_FIELDS
from pillarbox.formats.mime.header import HEADER_BYTES, fields, unfold
from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.scan import ScanLimits, scan
from pillarbox.formats.mime.section import decode_transfer
from pillarbox.formats.mime.words import decode_charset, decode_raw, decode_words
from pillarbox.formats.text.documents import READ_APART, document_kind
from pillarbox.formats.text.html import MARKUP_MAX, text_of_html

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class SearchableLimits:
    """What is over these is left out."""

    characters: int = 4 << 20
    """Of all texts together."""
    part_bytes: int = MARKUP_MAX
    """Decoded content of one text part."""
    fields: int = 1000
    """Of one header, and of all nested ones together."""
    field_characters: int = 64 * 1024
    attachments: int = 20
    attachment_bytes: int = 20 << 20
    nested_depth: int = 5
    """Messages attached in an encoding, one in another."""
    filename_characters: int = 1000


_LIMITS = SearchableLimits()
_PARTS_MAX = ScanLimits().parts
_NESTED_BYTES = 64 << 20
_META_BYTES = 2048
_META_CHARSET = re.compile(
    rb"<(?:meta|\?xml)\b[^>]{0,300}?(?:charset|encoding)\s{0,9}=\s{0,9}[\"']?([\w.:-]{1,40})",
    re.IGNORECASE,
)
_ADDRESSES_MAX = 100
_FOLDED_LINES = ("calendar", "vcard", "x-vcard", "directory", "x-vcalendar")
_FOLD = re.compile(r"\r?\n[ \t]")
_ESCAPE = re.compile(r"\\([nN,;\\])")
_TORN_ADDRESS = re.compile(rb"[\s)][@.]|[@.][\s(]")
"""Comments or white space stand within an address, which is searched for without them."""


@dataclass(frozen=True, slots=True)
class AttachmentPart:
    """An attachment whose text `Extraction` may have; `part` counts its offsets in `source`."""

    type: str
    subtype: str
    filename: str | None
    part: Part
    source: bytes = field(repr=False)

    @property
    def content_type(self) -> str:
        """`type/subtype` in lower case."""
        return f"{self.type}/{self.subtype}"

    def content(self) -> bytes:
        """The decoded file."""
        return _content(self.source, self.part, None)


@dataclass(frozen=True, slots=True)
class Searchable:
    """Text in the order it stands in; every string can be encoded as UTF-8.

    `headers` are the message's own fields (name in lower case, value on one line and decoded;
    addresses with comments or white space within stand there once more, as ENVELOPE has them),
    `nested_headers` those of the messages in it, `texts` one for each part that is text.
    `truncated` says that something was over a limit, so that text may be missing.
    """

    headers: tuple[Header, ...]
    nested_headers: tuple[Header, ...]
    texts: tuple[str, ...]
    filenames: tuple[str, ...]
    attachments: tuple[AttachmentPart, ...]
    truncated: bool


def searchable(content: bytes, root: Part, limits: SearchableLimits = _LIMITS) -> Searchable:
    """What can be searched of a whole message with this part index.

    Texts are the text parts, shown or attached, HTML as text, reports, and files that are text by
    their name where the type doesn't say. PDF and office documents are `attachments`, with no text
    yet. Takes time linear in the size of the message.
    """
    reader = _Reader(limits)
    headers = reader.header(content, root, limits.fields)
    reader.message(content, root, 0)
    return Searchable(
        tuple(headers),
        tuple(reader.nested_headers),
        tuple(reader.texts),
        tuple(reader.filenames),
        tuple(reader.attachments),
        reader.truncated,
    )


class _Reader:
    """Collects from a message and those in it."""

    def __init__(self, limits: SearchableLimits) -> None:
        self._limits = limits
        self._left = limits.characters
        self.nested_headers: list[Header] = []
        self.texts: list[str] = []
        self.filenames: list[str] = []
        self.attachments: list[AttachmentPart] = []
        self.truncated = False

    def header(self, source: bytes, root: Part, most: int) -> list[Header]:
        """The decoded fields of a message's own header."""
        found: list[Header] = []
        end = min(root.body_start, root.header_start + HEADER_BYTES)
        if end < root.body_start:
            self.truncated = True
        reach = self._limits.field_characters
        for name, raw, _, _ in fields(source[root.header_start : end]):
            if len(found) >= most:
                self.truncated = True
                break
            value = decode_words(unfold(raw))
            if len(value) > reach:
                value = value[:reach]
                self.truncated = True
            found.append((name.decode("latin-1"), value))
            if name in ADDRESS_FIELDS and _TORN_ADDRESS.search(raw):
                found += [(name.decode("latin-1"), text) for text in _addresses(raw, value)]
        return found

    def message(self, source: bytes, root: Part, depth: int) -> None:
        """What stands below the root of one message."""
        count = 0
        for part in _in_order(root):
            count += 1
            if part.is_message:
                room = self._limits.fields - len(self.nested_headers)
                self.nested_headers += self.header(source, part.children[0], room)
            filename = part.filename
            if filename:
                self.filenames.append(filename[: self._limits.filename_characters])
            if not part.children:
                self._leaf(source, part, filename, depth)
        if count >= _PARTS_MAX:
            self.truncated = True

    def _leaf(self, source: bytes, part: Part, filename: str | None, depth: int) -> None:
        kind = document_kind(f"{part.type}/{part.subtype}", filename)
        if part.type == "multipart":
            # Too deep to have been taken apart; what is in it can be found as far as it is plain.
            self.truncated = True
            kind = "plain"
        if kind is None:
            return
        if kind in READ_APART:
            self._attachment(source, part, filename)
        elif kind == "message":
            self._encoded_message(source, part, depth)
        else:
            self._text(source, part, kind)

    def _attachment(self, source: bytes, part: Part, filename: str | None) -> None:
        limits = self._limits
        too_large = _decoded_size(part) > limits.attachment_bytes
        if too_large or len(self.attachments) >= limits.attachments:
            self.truncated = True
            return
        self.attachments.append(AttachmentPart(part.type, part.subtype, filename, part, source))

    def _encoded_message(self, source: bytes, part: Part, depth: int) -> None:
        """A message behind a transfer encoding, or one too deep to have been looked into."""
        if depth >= self._limits.nested_depth or _decoded_size(part) > _NESTED_BYTES:
            self.truncated = True
            return
        inner = _content(source, part, None)
        root = scan(inner)
        room = self._limits.fields - len(self.nested_headers)
        self.nested_headers += self.header(inner, root, room)
        self.message(inner, root, depth + 1)

    def _text(self, source: bytes, part: Part, kind: str) -> None:
        if self._left <= 0:
            self.truncated = self.truncated or part.size_bytes > 0
            return
        # Plain text needs no more bytes than there is room for characters of at most four.
        most = self._limits.part_bytes
        most = most if kind == "html" else min(most, self._left * 4)
        raw = _content(source, part, most)
        if _decoded_size(part) > most:
            self.truncated = True
        text = decoded(raw, part.charset, kind == "html")
        if kind == "html":
            text = text_of_html(text)
        elif part.subtype in _FOLDED_LINES or part.subtype == "ics":
            text = _unfolded(text)
        if len(text) > self._left:
            text = text[: self._left]
            self.truncated = True
        self._left -= len(text)
        if text and not text.isspace():
            self.texts.append(text)


def _addresses(raw: bytes, value: str) -> list[str]:
    """The addresses of a list that do not stand in its text as they are."""
    found = [decode_raw(one.address) for one in mailboxes(parse_address_list(raw, _ADDRESSES_MAX))]
    return [address for address in found if address not in value]


def _in_order(root: Part) -> Iterator[Part]:
    pending = [root]
    while pending:
        part = pending.pop()
        yield part
        pending.extend(reversed(part.children))


def _decoded_size(part: Part) -> int:
    """Bytes of the content, or a little more."""
    return part.size_bytes * 3 // 4 if part.encoding == "base64" else part.size_bytes


def _content(source: bytes, part: Part, most: int | None) -> bytes:
    """The decoded content, of which `most` bytes are needed."""
    end = part.body_end
    if most is not None:
        # Encoded content is up to three times as long as what it holds.
        reach = most * 3 if part.encoding in ("base64", "quoted-printable") else most
        end = min(end, part.body_start + reach)
    raw = decode_transfer(source[part.body_start : end], part.encoding)
    return raw if most is None else raw[:most]


def decoded(raw: bytes, charset: str, is_html: bool) -> str:
    """Text of bytes by their label, by what they say of themselves, or as far as can be guessed."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        charset = "utf-16"
    elif is_html and not charset:
        found = _META_CHARSET.search(raw[:_META_BYTES])
        charset = found[1].decode("ascii") if found else ""
    return decode_charset(raw, charset) if charset else decode_raw(raw)


def _unfolded(text: str) -> str:
    """The lines of a calendar or card put together (RFC 5545 §3.1, RFC 6350 §3.2)."""
    text = _FOLD.sub("", text)
    return _ESCAPE.sub(_unescaped, text) if "\\" in text else text


def _unescaped(match: re.Match[str]) -> str:
    return "\n" if match[1] in "nN" else match[1]
