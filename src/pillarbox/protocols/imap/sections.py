"""BODY[…] sections and BINARY[…] parts of a message, as stretches of its bytes.

Nothing is copied that can be pointed at. Used by FETCH and CATENATE (RFC 9051 §6.4.5).
"""

from dataclasses import dataclass

from pillarbox.formats.mime.header import field_slices
from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.section import (
    KNOWN_ENCODINGS,
    decode_transfer,
    find_part,
    section_range,
)
from pillarbox.protocols.imap.errors import RefusedCommand
from pillarbox.wire.imap.parse.fetch import BodySection, Partial, SectionText

NUL_STAND_IN = b"\x80"
"""What BODY[…] shows for NUL, which no literal may hold (RFC 9051 §4.3.1); BINARY shows it."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """`data[start:end]`."""

    data: bytes
    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def __bytes__(self) -> bytes:
        whole = self.start == 0 and self.end == len(self.data)
        return self.data if whole else self.data[self.start : self.end]

    @property
    def has_nul(self) -> bool:
        """Whether it has a byte that only a literal8 can hold."""
        return self.data.find(b"\0", self.start, self.end) >= 0

    def cut(self, partial: Partial | None) -> "Stretch":
        """The part of it that a client asked for; empty where it ends before."""
        if partial is None:
            return self
        start = min(self.start + partial.offset, self.end)
        return Stretch(self.data, start, min(start + partial.size, self.end))


def body_section(content: bytes, root: Part | None, section: BodySection) -> Stretch | None:
    """A section; `None` where the message has no such part. Only whole messages need no `root`."""
    found: tuple[int, int] | None = (0, len(content))
    if root is not None and (section.part or section.text is not SectionText.WHOLE):
        what = "HEADER" if section.fields else section.text.value
        found = section_range(root, section.part, what)
    if found is None:
        return None
    if not section.fields:
        return Stretch(content, *found).cut(section.partial)
    inverse = section.text is SectionText.HEADER_FIELDS_NOT
    names = [name.encode() for name in section.fields]
    fields = field_slices(content[found[0] : found[1]], names, inverse)
    return Stretch(fields, 0, len(fields)).cut(section.partial)


def binary_part(content: bytes, root: Part | None, path: tuple[int, ...]) -> Stretch | None:
    """A part without its transfer encoding, `None` if there is none; NO for unknown encodings.

    The whole message, multiparts and nested messages are given as they stand: they have no
    encoding (RFC 2045 §6.4), and only their parts are content (RFC 9051 §6.4.5).
    """
    if not path or root is None:
        return Stretch(content, 0, len(content))
    part = find_part(root, path)
    if part is None:
        return None
    if part.children or part.encoding not in ("base64", "quoted-printable"):
        if not part.children and part.encoding not in KNOWN_ENCODINGS:
            raise RefusedCommand("The encoding of that part is not known", "UNKNOWN-CTE")
        return Stretch(content, part.body_start, part.body_end)
    decoded = decode_transfer(content, part.encoding, part.body_start, part.body_end)
    return Stretch(decoded, 0, len(decoded))
