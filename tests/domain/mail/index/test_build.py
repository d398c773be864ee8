"""Building and merging: what is left out, what runs out."""

import pytest

from pillarbox.domain.mail.index import build as building
from pillarbox.domain.mail.index.build import Sections, build, merge
from pillarbox.domain.mail.index.catch_up import due
from pillarbox.domain.mail.index.document import Document
from pillarbox.domain.mail.index.fields import Field
from pillarbox.domain.mail.index.section import (
    EMAILS_MAX,
    NAMES_MAX,
    OTHER_NAMES,
    Postings,
    Section,
)
from pillarbox.domain.mail.index.store import Segment


def opened(sections: Sections) -> dict[Field, tuple[Section, Postings]]:
    found = {}
    for field, packed in sections.items():
        section = Section(packed.vocabulary)
        found[field] = (section, Postings(section, packed.postings))
    return found


def plain(text: str, *headers: tuple[str, str]) -> Document:
    return Document(headers, {Field.BODY: text})


def held(sections: Sections, field: Field) -> dict[bytes, list[int]]:
    return {word: list(rows) for word, rows in opened(sections)[field][1].entries()}


def test_merging_leaves_out_the_dead() -> None:
    first = opened(build([plain("one two"), plain("two"), plain("three")]))
    second = opened(build([plain("two four")]))
    merged = merge([(first, [0, None, 1]), (second, [2])], 3)
    assert held(merged, Field.BODY) == {
        b"one": [0], b"two": [0, 2], b"three": [1], b"four": [2],
    }  # fmt: skip


def test_merging_tells_header_fields_apart() -> None:
    first = opened(build([plain("", ("x-a", "red"), ("x-b", "blue"))]))
    second = opened(build([plain("", ("x-b", "red")), plain("", ("x-a", "blue"))]))
    merged = merge([(first, [0]), (second, [1, 2])], 3)
    section, rows = opened(merged)[Field.HEADER]
    codes = {code: name for name, code in section.codes.items()}
    found = {(codes[word[-2:]], word[:-2]): list(held) for word, held in rows.entries()}
    assert found == {
        (b"x-a", b"red"): [0], (b"x-b", b"blue"): [0],
        (b"x-b", b"red"): [1], (b"x-a", b"blue"): [2],
    }  # fmt: skip


def test_names_run_out() -> None:
    headers = tuple((f"x-{number}", f"word{number}") for number in range(NAMES_MAX + 20))
    section, rows = opened(build([plain("", *headers)]))[Field.HEADER]
    assert section.names_ran_out
    assert len(section.codes) == NAMES_MAX
    assert len(rows.ordinals(section.lookup(b"word340", True, True, coded=True))) == 1


def test_names_run_out_in_merging() -> None:
    def segment(letter: str) -> Sections:
        headers = tuple((f"x-{letter}{number}", "yes") for number in range(NAMES_MAX - 20))
        return build([plain("", *headers), plain("", *headers)])

    merged = merge([(opened(segment("a")), [0, 1]), (opened(segment("b")), [2, 3])], 4)
    section, rows = opened(merged)[Field.HEADER]
    assert section.names_ran_out
    assert max(section.counts) == 2
    assert rows.ordinals(section.lookup(b"yes", True, True, coded=True)) == {0, 1, 2, 3}
    for name in ("x-b1", "x-b300"):
        code = section.codes.get(name.encode(), OTHER_NAMES)
        assert rows.ordinals(section.lookup(b"yes", True, True, code, coded=True)) == {2, 3}


def test_too_many_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "WORDS_MAX", 3)
    sections = build([plain("a b c d e"), plain("a b"), None])
    section, rows = opened(sections)[Field.BODY]
    assert section.loose == {0, 2}
    assert rows.ordinals(section.lookup(b"a", True, True)) == {0, 1}
    merged = opened(merge([(opened(sections), [0, 1, None])], 2))
    assert merged[Field.BODY][0].loose == {0}


def test_what_is_due() -> None:
    def of(*emails: int) -> list[Segment]:
        return [Segment(number, count, 0, 0) for number, count in enumerate(emails)]

    assert due(of(*[1] * 7)) == []
    assert len(due(of(*[1] * 8))) == 8
    assert len(due(of(*[512] * 7, *[3] * 8, 100))) == 8
    assert [one.emails for one in due(of(*[4096] * 5))] == [4096] * 4
    assert due(of(8192, 9000, EMAILS_MAX)) == []
