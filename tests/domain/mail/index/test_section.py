"""Sections: every way to look a piece up, against looking at each word."""

import random

import pytest

from pillarbox.domain.mail.index.section import (
    CODE_BYTES,
    EMAILS_MAX,
    NAMES_MAX,
    OTHER_NAMES,
    Postings,
    Section,
    code_of,
    pack,
)

WORDS = ["a", "ab", "aba", "abab", "b", "ba", "bab", "cab", "zoo", "zoom", "ooz", "é", "東京"]


def opened(postings: dict[bytes, list[int]], emails: int) -> tuple[Section, Postings]:
    packed = pack(emails, postings)
    section = Section(packed.vocabulary)
    return section, Postings(section, packed.postings)


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize("filler", [0, 9000])
def test_lookups(coded: bool, filler: int) -> None:
    source = random.Random(1)
    codes = [code_of(number) if coded else b"" for number in range(3)]
    lines = {word.encode() + code for word in WORDS for code in codes if source.randrange(4)}
    # So many that a frequent piece is looked for in another way.
    lines |= {b"%da%dab" % (number, number) + codes[number % 3] for number in range(filler)}
    section, _ = opened({line: [0] for line in lines}, 1)
    ordered = section.lines()
    assert ordered == sorted(lines)
    assert len(section) == len(lines)
    wanted: list[bytes | None] = [None, *codes] if coded else [None]
    for piece in (b"a", b"ab", b"ba", b"oo", "é".encode(), "京".encode(), b"zz", b"1"):
        for begins in (False, True):
            for ends in (False, True):
                for code in wanted:
                    found = section.lookup(piece, begins, ends, code, coded=coded)
                    expected = []
                    for number, line in enumerate(ordered):
                        word = line[:-CODE_BYTES] if coded else line
                        if code is not None and not line.endswith(code):
                            continue
                        if begins and ends:
                            holds = word == piece
                        else:
                            holds = (
                                piece in word
                                and (not begins or word.startswith(piece))
                                and (not ends or word.endswith(piece))
                            )
                        if holds:
                            expected.append(number)
                    assert found == expected, (piece, begins, ends, code)


@pytest.mark.parametrize("emails", [1, 15, 16, 17, 1000, EMAILS_MAX])
def test_postings(emails: int) -> None:
    source = random.Random(emails)
    postings = {
        b"w%d" % number: sorted(source.sample(range(emails), min(emails, count)))
        for number, count in enumerate((1, 1, 2, 3, emails // 17 + 1, emails // 15 + 1, emails))
    }
    section, rows = opened(postings, emails)
    assert {word: list(held) for word, held in rows.entries()} == postings
    for number, word in enumerate(section.lines()):
        assert rows.ordinals([number]) == set(postings[word])
    assert rows.ordinals(range(len(postings))) == set(range(emails))
    assert rows.ordinals([]) == set()


def test_nothing() -> None:
    section, rows = opened({}, 3)
    assert (len(section), section.lines(), section.lookup(b"a", False, False)) == (0, [], [])
    assert rows.ordinals([]) == set()


def test_codes_are_distinct() -> None:
    codes = [code_of(number) for number in range(NAMES_MAX)]
    assert len({*codes, OTHER_NAMES}) == NAMES_MAX + 1
    assert all(0x0E <= byte <= 0x1F for code in codes for byte in code)
