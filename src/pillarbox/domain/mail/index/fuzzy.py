"""Near matches: words that hold what is looked for, or are spelled nearly so (RFC 6203).

A word of four characters may differ by one edit, one of eight by two; two neighbours exchanged are
one edit. The words may stand anywhere in the fields asked for, in any order. A match is rated
from 1 to 100: 100 where one word holds the needle as it is.
"""

from collections.abc import Iterable, Sequence

from pillarbox.domain.mail.index.document import Document, whole_name
from pillarbox.domain.mail.index.fields import Field, Leaf
from pillarbox.domain.mail.index.section import CODE_BYTES, Section
from pillarbox.domain.mail.index.store import IndexReader, Segment
from pillarbox.formats.text.words import Piece, needle_of

EXACT, SEVERAL_WORDS = 100, 95
_RATINGS = (EXACT, 80, 60)
_ONE_EDIT_FROM, _TWO_EDITS_FROM = 4, 8


def near(reader: IndexReader, leaf: Leaf) -> tuple[dict[int, int], set[int]]:
    """The indexed emails that nearly hold what is looked for, each with its rating.

    Then those not all of whose words are indexed: only their text can tell.
    """
    pieces = _pieces(leaf)
    found: dict[int, int] = {}
    maybe: set[int] = set()
    for segment in reader.segments:
        sections = reader.sections(segment, leaf.fields)
        ratings = [_of_piece(reader, segment, sections, leaf, piece) for piece in pieces]
        email_of = reader.members(segment)
        for ordinal in set.intersection(*map(set, ratings)) if ratings else ():
            found[email_of[ordinal]] = _together([rating[ordinal] for rating in ratings])
        for section in sections.values():
            maybe.update(email_of[ordinal] for ordinal in section.loose)
    return found, maybe


def score(document: Document, leaf: Leaf) -> int:
    """How well a message matches; 0: not at all."""
    words: set[bytes] = set()
    for field, held in document.words().items():
        if field in leaf.fields:
            words |= held
    if Field.HEADER in leaf.fields:
        for name, held in document.header_words().items():
            if leaf.name is None or name == whole_name(leaf.name):
                words |= held
    spelled = [word.decode() for word in words]
    ratings: list[int] = []
    for piece in _pieces(leaf):
        best = max((rating for _, rating in _rated(piece, spelled)), default=0)
        if not best:
            return 0
        ratings.append(best)
    return _together(ratings) if ratings else 0


def _pieces(leaf: Leaf) -> tuple[Piece, ...]:
    return needle_of(leaf.needle).pieces


def _together(ratings: Sequence[int]) -> int:
    if len(ratings) == 1:
        return ratings[0]
    return min(SEVERAL_WORDS, sum(ratings) // len(ratings))


def _of_piece(
    reader: IndexReader,
    segment: Segment,
    sections: dict[Field, Section],
    leaf: Leaf,
    piece: Piece,
) -> dict[int, int]:
    """The ratings of a segment's emails by ordinal, for one word looked for."""
    by_rating: dict[int, set[int]] = {rating: set() for rating in _RATINGS}
    for field, section in sections.items():
        numbers: dict[int, list[int]] = {}
        for number, rating in _rated(piece, _spelled(section, field, leaf)):
            numbers.setdefault(rating, []).append(number)
        if numbers:
            postings = reader.postings(segment, field, section)
            for rating, ones in numbers.items():
                by_rating[rating] |= postings.ordinals(ones)
    found: dict[int, int] = {}
    for rating in reversed(_RATINGS):  # the best one last
        found.update(dict.fromkeys(by_rating[rating], rating))
    return found


def _spelled(section: Section, field: Field, leaf: Leaf) -> list[str]:
    """The words of a section by number; those of other header fields are empty."""
    if field is not Field.HEADER:
        return section.words.decode().split("\n")[1:-1]
    lines = section.lines()
    if leaf.name is None or section.names_ran_out:
        return [line[:-CODE_BYTES].decode() for line in lines]
    code = section.codes.get(whole_name(leaf.name))
    if code is None:
        return []
    return [line[:-CODE_BYTES].decode() if line.endswith(code) else "" for line in lines]


def _rated(piece: Piece, words: Sequence[str]) -> Iterable[tuple[int, int]]:
    """The places of words that nearly are, or hold, a piece, with their ratings."""
    text = piece.text.decode()
    exact = {place for place, word in enumerate(words) if text in word}
    yield from ((place, EXACT) for place in exact)
    edits = (len(text) >= _ONE_EDIT_FROM) + (len(text) >= _TWO_EDITS_FROM)
    if not edits or not words:
        return
    # Imported late: few ever ask, and it takes 6 MB.
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    close = process.extract_iter(text, words, scorer=OSA.distance, score_cutoff=edits)
    for _, distance, place in close:
        if place not in exact:
            yield place, _RATINGS[int(distance)]
