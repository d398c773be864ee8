"""Comparators: when texts are equal, and their order (RFC 4790, RFC 5051)."""

import pytest

from pillarbox.formats.sieve.comparators import COMPARATORS


def equal(comparator: str, one: str, other: str) -> bool:
    fold = COMPARATORS[comparator].fold
    return fold(one) == fold(other)


@pytest.mark.parametrize(
    ("comparator", "one", "other", "expected"),
    [
        ("i;octet", "a", "A", False),
        ("i;ascii-casemap", "a", "A", True),
        ("i;ascii-casemap", "ä", "Ä", False),
        ("i;ascii-casemap", "äb", "äB", True),
        ("i;unicode-casemap", "ä", "Ä", True),
        ("i;unicode-casemap", "ǆ", "ǅ", True),
        ("i;unicode-casemap", "a\u0308", "Ä", True),
        ("i;ascii-numeric", "12", "012abc", True),
        ("i;ascii-numeric", "0", "000", True),
        ("i;ascii-numeric", "x", "", True),
        ("i;ascii-numeric", "x", "0", False),
        ("i;ascii-numeric", "٣", "3", False),
    ],
)
def test_equality(comparator: str, one: str, other: str, expected: bool) -> None:
    assert equal(comparator, one, other) is expected


@pytest.mark.parametrize(
    ("comparator", "texts"),
    [
        ("i;octet", ["", "A", "B", "a", "é", "\U0001f600"]),
        ("i;ascii-casemap", ["", "a", "B", "c", "_"]),
        ("i;ascii-numeric", ["0", "2", "10", "9" * 5000, "1" + "0" * 5000, "none"]),
    ],
)
def test_order(comparator: str, texts: list[str]) -> None:
    found = COMPARATORS[comparator]
    ranks = [found.rank(found.fold(text)) for text in texts]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


def test_half_a_surrogate_pair_is_no_trouble() -> None:
    assert COMPARATORS["i;ascii-casemap"].fold("a\ud800") == "A\ud800"
