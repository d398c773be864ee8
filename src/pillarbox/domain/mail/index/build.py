"""Making sections: from documents, and from the sections of smaller segments.

CPU only, and much of it: never inside a write transaction, never on the event loop.
"""

import time
from array import array
from collections.abc import Iterable, Mapping, Sequence

from pillarbox.domain.mail.index.document import WORDS_MAX, Document
from pillarbox.domain.mail.index.fields import Field
from pillarbox.domain.mail.index.section import (
    CODE_BYTES,
    NAMES_MAX,
    OTHER_NAMES,
    Packed,
    Postings,
    Section,
    code_of,
    pack,
)

Sections = dict[Field, Packed]
_TURN = 2000


class Names:
    """The header fields of a segment, numbered as they come."""

    def __init__(self) -> None:
        self.codes: dict[bytes, bytes] = {}

    def code(self, name: bytes) -> bytes:
        """The code that words of this header field bear."""
        found = self.codes.get(name)
        if found is None:
            if len(self.codes) >= NAMES_MAX:
                return OTHER_NAMES
            found = self.codes[name] = code_of(len(self.codes))
        return found


def build(documents: Iterable[Document | None]) -> Sections:
    """The sections of a new segment; ordinals count the documents.

    `None` stands for a message that could not be read: it is a candidate for every search. One
    that is not complete is a candidate wherever the text inside attachments counts.
    """
    found: dict[Field, dict[bytes, list[int]]] = {field: {} for field in Field}
    loose: dict[Field, list[int]] = {field: [] for field in Field}
    names = Names()
    emails = 0
    for ordinal, document in enumerate(documents):
        emails += 1
        time.sleep(0)  # others get a turn sooner than Python would give them one
        if document is None:
            for ordinals in loose.values():
                ordinals.append(ordinal)
            continue
        if not document.complete:
            loose[Field.ATTACHMENT].append(ordinal)
        held = document.words()
        held[Field.HEADER] = {
            word + code
            for name, words in document.header_words().items()
            for code in (names.code(name),)
            for word in words
        }
        for field, words in held.items():
            if len(words) > WORDS_MAX:
                loose[field].append(ordinal)
                words = set(sorted(words)[:WORDS_MAX])
            postings = found[field]
            for word in words:
                row = postings.get(word)
                if row is None:
                    postings[word] = [ordinal]
                else:
                    row.append(ordinal)
    return {
        field: pack(emails, found[field], _names(field, names), loose[field])
        for field in Field
        if found[field] or loose[field]
    }


def merge(
    segments: Sequence[tuple[Mapping[Field, tuple[Section, Postings]], Sequence[int | None]]],
    emails: int,
) -> Sections:
    """The sections of one segment in the place of several.

    Each comes with the new ordinal of each of its emails, `None` for one that is gone; the new
    ordinals ascend from one segment to the next. `emails` is how many are left.
    """
    merged: Sections = {}
    for field in Field:
        names = Names()
        postings: dict[bytes, array[int]] = {}
        loose: list[int] = []
        for sections, ordinals in segments:
            opened = sections.get(field)
            if opened is None:
                continue
            section, rows = opened
            loose += [new for old in section.loose if (new := ordinals[old]) is not None]
            _add(postings, rows, ordinals, _recoded(section, names, field))
        if postings or loose:
            merged[field] = pack(emails, postings, _names(field, names), loose)
    return merged


def _add(
    postings: dict[bytes, "array[int]"],
    rows: Postings,
    ordinals: Sequence[int | None],
    codes: Mapping[bytes, bytes],
) -> None:
    has_gaps = None in ordinals
    new_ordinal = ordinals.__getitem__
    for number, (word, old) in enumerate(rows.entries()):
        if not number % _TURN:
            time.sleep(0)
        if has_gaps:
            row = array("H", [new for one in old if (new := ordinals[one]) is not None])
            if not row:
                continue
        else:
            row = array("H", map(new_ordinal, old))  # type: ignore[arg-type]
        if codes:
            word = word[:-CODE_BYTES] + codes[word[-CODE_BYTES:]]
        before = postings.get(word)
        if before is None:
            postings[word] = row
        elif before[-1] < row[0]:
            before.extend(row)
        else:  # header fields of this segment that share a code now
            postings[word] = array("H", sorted({*before, *row}))


def _recoded(section: Section, names: Names, field: Field) -> dict[bytes, bytes]:
    """The new code for each old one; empty where words bear none."""
    if field is not Field.HEADER:
        return {}
    codes = {code: names.code(name) for name, code in section.codes.items()}
    codes[OTHER_NAMES] = OTHER_NAMES
    return codes


def _names(field: Field, names: Names) -> tuple[bytes, ...]:
    return tuple(names.codes) if field is Field.HEADER else ()
