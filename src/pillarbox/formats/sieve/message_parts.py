"""The MIME parts of a message as scripts walk, read and replace them (RFC 5703).

Called by `message`; calls `mime/scan` and `mime/section`.
"""

from collections.abc import Iterator, Sequence
from types import MappingProxyType

from pillarbox.formats.mime.header import HEADER_BYTES
from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.scan import scan
from pillarbox.formats.mime.searchable import decoded
from pillarbox.formats.mime.section import KNOWN_ENCODINGS, decode_transfer
from pillarbox.formats.sieve.message_header import MessageHeader
from pillarbox.formats.text.html import MARKUP_MAX, text_of_html

_HTML = ("html", "xhtml+xml")
_LONGER = MappingProxyType({"base64": 2, "quoted-printable": 3})


class MimePart:
    """One MIME part; the first of a message is the message itself.

    `children` are the parts of a multipart; a nested message has the root of that message as its
    only child. `path` says how to come to it from the first: which child each time. Compared by
    identity, and never changed once it is built. There is no way up, since a cycle would keep
    large messages in memory.
    """

    __slots__ = ("_header", "children", "part", "path", "source")

    def __init__(self, source: bytes, part: Part, path: tuple[int, ...] = ()) -> None:
        self.source = source
        self.part = part
        """Its offsets are in `source`."""
        self.path = path
        self.children: Sequence[MimePart] = [
            MimePart(source, child, (*path, at)) for at, child in enumerate(part.children)
        ]
        self._header: MessageHeader | None = None

    @property
    def is_root(self) -> bool:
        """Whether it is the message itself."""
        return not self.path

    @property
    def header(self) -> MessageHeader:
        """Its own header."""
        found = self._header
        if found is None:
            part = self.part
            end = min(part.body_start, part.header_start + HEADER_BYTES)
            found = self._header = MessageHeader(self.source[part.header_start : end])
        return found

    @property
    def has_markup(self) -> bool:
        """Whether it is text in HTML."""
        return self.part.type == "text" and self.part.subtype in _HTML

    @property
    def is_message(self) -> bool:
        """Whether it is a nested message that was looked into."""
        return self.part.type == "message" and bool(self.children)

    def content(self, most: int) -> bytes:
        """The decoded content of a part without children, at most so many bytes."""
        part = self.part
        # Encoded content is up to so many times as long as what it holds.
        reach = most * _LONGER.get(part.encoding, 1)
        end = min(part.body_end, part.body_start + reach)
        return decode_transfer(self.source[part.body_start : end], part.encoding)[:most]

    def text(self, most: int) -> str:
        """The decoded content as text with markup, from at most so many bytes."""
        return decoded(self.content(most), self.part.charset, self.part.subtype in _HTML)

    def plain_text(self, most: int) -> str:
        """The text of a text part without markup; empty for any other part.

        In HTML any white space is one space, as it is when shown. What is in an encoding nobody
        knows is no text (RFC 2045 §6.4).
        """
        part = self.part
        if part.type != "text" or part.children or part.encoding not in KNOWN_ENCODINGS:
            return ""
        text = self.text(min(most, MARKUP_MAX))
        return " ".join(text_of_html(text).split()) if part.subtype in _HTML else text

    def around(self) -> list[str]:
        """What stands before the first part of a multipart, and behind the last one."""
        part, source = self.part, self.source
        first = part.children[0].header_start if part.children else part.body_end
        last = part.children[-1].body_end if part.children else part.body_end
        prologue = source[part.body_start : max(first, part.body_start)]
        epilogue = source[last : max(part.body_end, last)]
        return [_without_delimiters(prologue, -1), _without_delimiters(epilogue, 0)]


def _without_delimiters(raw: bytes, which: int) -> str:
    """Prologue or epilogue without the delimiter line at its end or beginning."""
    if which < 0:
        raw = raw[: raw.rstrip(b"\r\n").rfind(b"\n") + 1]
    else:
        raw = raw.lstrip(b"\r\n").partition(b"\n")[2]
    return raw.decode("utf-8", "replace")


def read_parts(content: bytes, path: tuple[int, ...] = ()) -> MimePart:
    """The parts of a whole message; time is linear in its size, there are at most 1,000.

    `path` is where it stands in a message it is put into.
    """
    return MimePart(content, scan(content), path)


def below(part: MimePart) -> Iterator[MimePart]:
    """All parts below one, in the order they stand in (RFC 5703 §3)."""
    pending = list(reversed(part.children))
    while pending:
        found = pending.pop()
        yield found
        pending.extend(reversed(found.children))
