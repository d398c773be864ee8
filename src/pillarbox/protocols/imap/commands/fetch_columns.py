"""From the data items of a FETCH to columns: for each item, its values for a slice of messages.

No I/O: `fetch` reads what `Plan` says is needed and hands it over as a `Slice`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

from pillarbox.base.ids import public_id
from pillarbox.formats.mime import summary as mime
from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.section import find_part
from pillarbox.protocols.imap.sections import NUL_STAND_IN, Stretch, binary_part, body_section
from pillarbox.protocols.imap.view import View
from pillarbox.wire.imap.parse.fetch import (
    Attribute,
    BinarySection,
    BinarySize,
    BodySection,
    FetchItem,
    SectionText,
)
from pillarbox.wire.imap.respond import fetch as respond
from pillarbox.wire.imap.respond.dates import format_date_times
from pillarbox.wire.imap.respond.strings import LongLiteral, literal, literal8, string

_LONG_BYTES = 64 * 1024
"""Longer literals are sent from where they lie."""

Row = tuple[int, int, str | None, int, int, int, int, int]
"""UID, bits, keywords, modseq, internal date, size, saved date, email id (`read.rows`)."""


class Source(IntEnum):
    """Where an item comes from, dearest last."""

    VIEW = 0
    ROWS = 1
    THREADS = 2
    SUMMARIES = 3
    CONTENT = 4


@dataclass(frozen=True, slots=True)
class Slice:
    """Some messages and what was read of each; all sequences are alike in order and length.

    What no item needs is empty.
    """

    view: View
    indexes: Sequence[int]
    rows: Sequence[Row] = ()
    threads: Sequence[int] = ()
    summaries: Sequence[bytes] = ()
    contents: Sequence[tuple[bytes, Part | None]] = ()


ColumnMaker = Callable[[Slice], respond.Column]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a FETCH needs and how its columns are made."""

    makers: tuple[ColumnMaker, ...]
    sources: frozenset[Source]
    parts: bool
    """Whether sections need the part index."""
    sets_seen: bool
    decoders: frozenset[ColumnMaker]
    """Makers that take long for large content."""


def plan(items: Sequence[FetchItem], *, uid: bool, modseq: bool) -> Plan:
    """The plan for these items; `uid` and `modseq` add those where they are not among them."""
    wanted: list[FetchItem] = list(items)
    if modseq and Attribute.MODSEQ not in wanted:
        wanted.insert(0, Attribute.MODSEQ)
    if uid and Attribute.UID not in wanted:
        wanted.insert(0, Attribute.UID)
    planned = [_planned(item) for item in wanted]
    return Plan(
        tuple(one.maker for one in planned),
        frozenset(one.source for one in planned),
        parts=any(one.parts for one in planned),
        sets_seen=any(one.sets_seen for one in planned),
        decoders=frozenset(one.maker for one in planned if one.decodes),
    )


@dataclass(frozen=True, slots=True)
class _Planned:
    maker: ColumnMaker
    source: Source
    parts: bool = False
    sets_seen: bool = False
    decodes: bool = False


def _planned(item: FetchItem) -> _Planned:
    if isinstance(item, Attribute):
        section = _OLD_NAMES.get(item)
        if section is None:
            source, maker = _ATTRIBUTES[item]
            return _Planned(maker, source)
        return _section(section, item.value.encode("ascii"))
    if isinstance(item, BodySection):
        return _section(item, respond.section_label(item))
    sets_seen = isinstance(item, BinarySection) and not item.peek
    by_part = bool(item.part)
    return _Planned(_binary(item), Source.CONTENT, by_part, sets_seen, decodes=by_part)


def _section(section: BodySection, label: bytes) -> _Planned:
    parts = bool(section.part) or section.text is not SectionText.WHOLE
    return _Planned(_body(section, label), Source.CONTENT, parts, not section.peek)


# Attributes from the view, rows and summaries


def _uid(part: Slice) -> respond.Column:
    uids = part.view.uids
    return respond.Column(respond.UID_FORM, [uids[index] for index in part.indexes])


def _flags(part: Slice) -> respond.Column:
    texts, flags = part.view.sets.texts, part.view.flags
    return respond.Column(respond.FLAGS_FORM, [texts[flags[index]] for index in part.indexes])


def _modseq(part: Slice) -> respond.Column:
    modseqs = part.view.modseqs
    return respond.Column(respond.MODSEQ_FORM, [modseqs[index] for index in part.indexes])


def _internal_date(part: Slice) -> respond.Column:
    times = format_date_times([row[4] for row in part.rows])
    return respond.Column(respond.INTERNALDATE_FORM, times)


def _save_date(part: Slice) -> respond.Column:
    times = format_date_times([row[6] for row in part.rows])
    return respond.Column(respond.SAVEDATE_FORM, times)


def _size(part: Slice) -> respond.Column:
    return respond.Column(respond.SIZE_FORM, [row[5] for row in part.rows])


def _email_id(part: Slice) -> respond.Column:
    ids = [public_id("M", row[7]).encode("ascii") for row in part.rows]
    return respond.Column(respond.EMAILID_FORM, ids)


def _thread_id(part: Slice) -> respond.Column:
    ids = [public_id("T", thread).encode("ascii") for thread in part.threads]
    return respond.Column(respond.THREADID_FORM, ids)


def _envelope(part: Slice) -> respond.Column:
    return respond.Column(respond.ENVELOPE_FORM, list(map(mime.envelope_of, part.summaries)))


def _bodystructure(part: Slice) -> respond.Column:
    values = list(map(mime.bodystructure_of, part.summaries))
    return respond.Column(respond.BODYSTRUCTURE_FORM, values)


def _body_attribute(part: Slice) -> respond.Column:
    return respond.Column(respond.BODY_FORM, list(map(mime.body_of, part.summaries)))


def _preview(part: Slice) -> respond.Column:
    values = [string(mime.fields_of(stored).preview) for stored in part.summaries]
    return respond.Column(b"PREVIEW %b", values)


_ATTRIBUTES: MappingProxyType[Attribute, tuple[Source, ColumnMaker]] = MappingProxyType(
    {
        Attribute.UID: (Source.VIEW, _uid),
        Attribute.FLAGS: (Source.VIEW, _flags),
        Attribute.MODSEQ: (Source.VIEW, _modseq),
        Attribute.THREADID: (Source.THREADS, _thread_id),
        Attribute.INTERNALDATE: (Source.ROWS, _internal_date),
        Attribute.SAVEDATE: (Source.ROWS, _save_date),
        Attribute.RFC822_SIZE: (Source.ROWS, _size),
        Attribute.EMAILID: (Source.ROWS, _email_id),
        Attribute.ENVELOPE: (Source.SUMMARIES, _envelope),
        Attribute.BODY: (Source.SUMMARIES, _body_attribute),
        Attribute.BODYSTRUCTURE: (Source.SUMMARIES, _bodystructure),
        Attribute.PREVIEW: (Source.SUMMARIES, _preview),
        Attribute.PREVIEW_LAZY: (Source.SUMMARIES, _preview),
    }
)

_OLD_NAMES = MappingProxyType(
    {
        Attribute.RFC822: BodySection(),
        Attribute.RFC822_HEADER: BodySection(text=SectionText.HEADER, peek=True),
        Attribute.RFC822_TEXT: BodySection(text=SectionText.TEXT),
    }
)
"""Old names of sections; the response keeps the name (RFC 3501 §6.4.5)."""


# Sections of the content


def _body(section: BodySection, label: bytes) -> ColumnMaker:
    form = respond.labelled_form(label)
    whole = not section.part and section.text is SectionText.WHOLE and section.partial is None

    def make(part: Slice) -> respond.Column:
        if whole:
            return respond.Column(form, [_message(content) for content, _ in part.contents])
        values = [_section_string(*found, section) for found in part.contents]
        return respond.Column(form, values)

    return make


def _section_string(content: bytes, root: Part | None, section: BodySection) -> bytes | LongLiteral:
    """A section; the header and text of a part that is no message are empty, not absent."""
    found = body_section(content, root, section)
    if found is None and section.part and root is not None:
        inner = section.text not in (SectionText.WHOLE, SectionText.MIME)
        if inner and find_part(root, section.part) is not None:
            return literal(b"")
    return _string(found)


def _message(content: bytes) -> bytes | LongLiteral:
    """A whole message as a literal; most are short and have no NUL."""
    if len(content) < _LONG_BYTES and b"\0" not in content:
        return b"{%d}\r\n%b" % (len(content), content)
    return _string(Stretch(content, 0, len(content)))


def _string(found: Stretch | None) -> bytes | LongLiteral:
    """A section as a literal without NUL; NIL where the message has no such part."""
    if found is None:
        return b"NIL"
    has_nul = found.has_nul
    if len(found) < _LONG_BYTES:
        data = bytes(found)
        return literal(data.replace(b"\0", NUL_STAND_IN) if has_nul else data)
    head = b"{%d}\r\n" % len(found)
    return LongLiteral(head, _view(found), NUL_STAND_IN if has_nul else b"")


def _view(found: Stretch) -> memoryview:
    return memoryview(found.data)[found.start : found.end]


def _binary(section: BinarySection | BinarySize) -> ColumnMaker:
    label = respond.binary_label(section)
    if isinstance(section, BinarySize):
        form = label.replace(b"%", b"%%") + b" %d"
    else:
        form = respond.labelled_form(label)

    def make(part: Slice) -> respond.Column:
        decoded = [binary_part(*found, section.part) for found in part.contents]
        if isinstance(section, BinarySize):
            return respond.Column(form, [0 if one is None else len(one) for one in decoded])
        partial = section.partial
        values = [b"NIL" if one is None else _binary_string(one.cut(partial)) for one in decoded]
        return respond.Column(form, values)

    return make


def _binary_string(found: Stretch) -> bytes | LongLiteral:
    has_nul = found.has_nul
    if len(found) < _LONG_BYTES:
        return literal8(bytes(found)) if has_nul else literal(bytes(found))
    return LongLiteral(b"%b{%d}\r\n" % (b"~" if has_nul else b"", len(found)), _view(found))
