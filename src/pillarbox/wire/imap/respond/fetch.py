"""FETCH responses: whole columns at once for lists of messages, single lines for bodies.

`protocols/imap/commands/fetch` reads rows, picks columns and writes what these return. ENVELOPE
and BODYSTRUCTURE are stored as they are printed, so they are only pasted here (RFC 9051 §7.5.2).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pillarbox.wire.imap.parse.fetch import BinarySection, BinarySize, BodySection
from pillarbox.wire.imap.respond.strings import LongLiteral, string


@dataclass(frozen=True, slots=True)
class Column:
    """One data item of many messages: how it prints (`UID %d`), and a value for each."""

    form: bytes
    values: Sequence[bytes | LongLiteral] | Sequence[int]


UID_FORM = b"UID %d"
FLAGS_FORM = b"FLAGS %b"
MODSEQ_FORM = b"MODSEQ (%d)"
SIZE_FORM = b"RFC822.SIZE %d"
INTERNALDATE_FORM = b"INTERNALDATE %b"
SAVEDATE_FORM = b"SAVEDATE %b"
ENVELOPE_FORM = b"ENVELOPE %b"
BODYSTRUCTURE_FORM = b"BODYSTRUCTURE %b"
BODY_FORM = b"BODY %b"
EMAILID_FORM = b"EMAILID (%b)"
THREADID_FORM = b"THREADID (%b)"
THREADID_FORM = b"THREADID (%b)"


def labelled_form(label: bytes) -> bytes:
    """The form of a column whose values are printed strings, for the labels below."""
    return label.replace(b"%", b"%%") + b" %b"


FETCH = b"FETCH"
UIDFETCH = b"UIDFETCH"
"""The verb where `seqs` are UIDs (RFC 9586 §3.3)."""


def fetch_columns(seqs: Iterable[int], columns: Sequence[Column], verb: bytes = FETCH) -> bytes:
    """A FETCH line for each message; all columns must be as long as `seqs`."""
    form = b"* %d " + verb + b" (" + b" ".join([column.form for column in columns]) + b")\r\n"
    values = [column.values for column in columns]
    return b"".join(map(form.__mod__, zip(seqs, *values, strict=True)))


def fetch_pieces(
    seqs: Iterable[int], columns: Sequence[Column], verb: bytes = FETCH
) -> Iterator[bytes | memoryview]:
    """What `fetch_columns` gives, for columns that may have `LongLiteral`s: those stay apart."""
    values = [column.values for column in columns]
    if not any(isinstance(value, LongLiteral) for one in values for value in one):
        yield fetch_columns(seqs, columns, verb)
        return
    pending: list[bytes] = []
    for seq, *row in zip(seqs, *values, strict=True):
        pending.append(b"* %d %b (" % (seq, verb))
        for number, (column, value) in enumerate(zip(columns, row, strict=True)):
            if number:
                pending.append(b" ")
            if not isinstance(value, LongLiteral):
                pending.append(column.form % value)
                continue
            pending.append(column.form % value.head)
            yield b"".join(pending)
            pending.clear()
            yield from value.pieces()
        pending.append(b")\r\n")
    yield b"".join(pending)


def fetch_flags(
    seqs: Iterable[int],
    uids: Sequence[int] | None,
    flag_texts: Sequence[bytes],
    modseqs: Sequence[int] | None = None,
    verb: bytes = FETCH,
) -> bytes:
    """FETCH lines with FLAGS, and UID and MODSEQ where given.

    `flag_texts` are what `strings.flag_list` returns, one for each message.
    """
    columns = [Column(FLAGS_FORM, flag_texts)]
    if uids is not None:
        columns.insert(0, Column(UID_FORM, uids))
    if modseqs is not None:
        columns.append(Column(MODSEQ_FORM, modseqs))
    return fetch_columns(seqs, columns, verb)


def section_label(section: BodySection) -> bytes:
    """`BODY[…]<offset>`, as it stands before the content."""
    words = [".".join(map(str, section.part))] if section.part else []
    if section.text.value:
        words.append(section.text.value)
    label = b"BODY[" + ".".join(words).encode("ascii")
    if section.fields:
        label += b" (%b)" % b" ".join(map(_field, section.fields))
    return label + b"]" + _offset(section.partial.offset if section.partial else None)


def binary_label(section: BinarySection | BinarySize) -> bytes:
    """`BINARY[…]<offset>` or `BINARY.SIZE[…]`."""
    part = ".".join(map(str, section.part)).encode("ascii")
    if isinstance(section, BinarySize):
        return b"BINARY.SIZE[%b]" % part
    return b"BINARY[%b]" % part + _offset(section.partial.offset if section.partial else None)


def _offset(offset: int | None) -> bytes:
    return b"" if offset is None else b"<%d>" % offset


def _field(name: str) -> bytes:
    """A field name as it is, or quoted where it is no atom."""
    text = name.encode("utf-8")
    plain = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return text if plain else string(text)
