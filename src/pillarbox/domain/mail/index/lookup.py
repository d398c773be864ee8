"""What the index says of a text looked for: which emails hold it, and which may."""

from dataclasses import dataclass, field

from pillarbox.domain.mail.index.document import whole_name
from pillarbox.domain.mail.index.fields import Field, Leaf
from pillarbox.domain.mail.index.section import Section
from pillarbox.domain.mail.index.store import IndexReader, Segment
from pillarbox.formats.text.words import Needle, Piece, needle_of

FEW = 8
"""So few candidates are opened rather than looked up any further."""


@dataclass(slots=True)
class Hits:
    """Emails that hold a text for certain, and emails that have to be looked at."""

    sure: set[int] = field(default_factory=set)
    maybe: set[int] = field(default_factory=set)


def hits(reader: IndexReader, leaf: Leaf) -> Hits:
    """The emails of the whole index that hold, or may hold, what is looked for."""
    found = Hits()
    needle = needle_of(leaf.needle)
    for segment in reader.segments:
        one = _Lookup(reader, segment, leaf)
        sure, maybe = one.run(needle)
        email_of = reader.members(segment).__getitem__
        found.sure.update(map(email_of, sure))
        found.maybe.update(map(email_of, maybe - sure))
    return found


class _Lookup:
    """One leaf in one segment; sets are of ordinals."""

    def __init__(self, reader: IndexReader, segment: Segment, leaf: Leaf) -> None:
        self._reader = reader
        self._segment = segment
        self._leaf = leaf
        fields = leaf.fields if leaf.needle else (Field.NAMES,)
        self._sections = reader.sections(segment, fields)

    def run(self, needle: Needle) -> tuple[set[int], set[int]]:
        """The emails that hold it for certain, and those that may."""
        loose: set[int] = set()
        for section in self._sections.values():
            loose.update(section.loose)
        if not self._leaf.needle:
            return self._named(), loose
        if not needle.pieces:
            return set(), self._everything()
        if needle.whole:
            holding = self._holding(needle.pieces[0])
            return (set(), holding | loose) if self._is_vague() else (holding, loose)
        found: set[int] | None = None
        for piece in needle.pieces:
            holding = self._holding(piece)
            found = holding if found is None else found & holding
            if len(found) <= FEW:
                break
        return set(), (found or set()) | loose

    def _named(self) -> set[int]:
        """Where there is a header field of the name; without a name, everywhere."""
        if self._leaf.name is None:
            return self._everything()
        section = self._sections.get(Field.NAMES)
        if section is None:
            return set()
        numbers = section.lookup(whole_name(self._leaf.name), True, True)
        return self._reader.postings(self._segment, Field.NAMES, section).ordinals(numbers)

    def _everything(self) -> set[int]:
        return set(range(self._segment.emails))

    def _holding(self, piece: Piece) -> set[int]:
        found: set[int] = set()
        for place, section in self._sections.items():
            numbers = self._numbers(place, section, piece)
            if numbers:
                rows = self._reader.postings(self._segment, place, section)
                found |= rows.ordinals(numbers)
        return found

    def _numbers(self, place: Field, section: Section, piece: Piece) -> list[int]:
        if place is Field.NAMES:
            return section.lookup(piece.text, False, False)  # names are not taken apart
        if place is not Field.HEADER:
            return section.lookup(piece.text, piece.begins, piece.ends)
        code = None
        if self._leaf.name is not None and not section.names_ran_out:
            code = section.codes.get(whole_name(self._leaf.name))
            if code is None:
                return []
        return section.lookup(piece.text, piece.begins, piece.ends, code, coded=True)

    def _is_vague(self) -> bool:
        """Whether the words of the header field asked for can't be told from those of others."""
        section = self._sections.get(Field.HEADER)
        return self._leaf.name is not None and section is not None and section.names_ran_out
