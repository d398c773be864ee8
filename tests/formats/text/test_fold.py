"""Text in the form in which it is compared."""

import time
import unicodedata
from typing import Literal

import pytest

from pillarbox.formats.text import fold
from pillarbox.formats.text.fold import folded


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello World", "hello world"),
        ("Straße STRASSE", "strasse strasse"),
        ("Müller Åse façade", "muller ase facade"),
        ("mu\u0308ller", "muller"),
        ("İstanbul ISPARTA ısparta", "istanbul isparta isparta"),
        ("Ὀδυσσεύς ΟΔΥΣΣΕΥΣ", "οδυσσευσ οδυσσευσ"),
        ("Ёлка йод", "елка иод"),
        ("Łódź Ærø œuvre Đà", "lodz aero oeuvre da"),
        ("ｆｕｌｌ　ｗｉｄｔｈ ﬁ №", "full width fi no"),
        ("한국어", "한국어"),
        ("\u1112\u1161\u11ab", "한"),
        ("が か\u3099 ﾊﾞ", "が が バ"),
        ("שָׁלוֹם", "שלום"),
        ("مُحَمَّد", "محمد"),
        ("a\u00a0\r\n\t b", "a b"),
        (" a ", " a "),
        ("so\u00adft ze\u200bro", "soft zero"),
        ("don’t “x” 1–2", 'don\'t "x" 1-2'),
        ("\ud800x", "\ufffdx"),
        ("", ""),
    ],
)
def test_folded(text: str, expected: str) -> None:
    assert folded(text) == expected


def test_marks_that_make_another_letter_stay() -> None:
    assert folded("が") != folded("か")
    assert folded("パ") not in folded("ハ")
    assert folded("ก่า") != folded("กา")
    assert folded("कि") != folded("क")


def test_every_character_is_stable() -> None:
    for code in range(0x110000):
        once = folded(chr(code))
        assert folded(once) == once, hex(code)


@pytest.mark.parametrize(
    "one", ["\u0301\u0316", "\u093c\u094d", "\u3099\u093c\u0e48", "\ufdfa", "ä "]
)
def test_bulk_takes_linear_time(one: str) -> None:
    start = time.process_time()
    folded("a" + one * 100_000)
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    "word",
    [
        "a \u200b b",
        "é",
        "e\u0301\u0323 ",
        "\u1112\u1161\u11ab",
        "か\u3099",
        "ﷺ",
        " \u3000",
        "कि",
        "ȷ\u0640",
    ],
)
def test_where_long_text_is_cut_makes_no_difference(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"x {word * 40} Ω" * 3
    whole = folded(text)
    for size in range(1, 60):
        monkeypatch.setattr(fold, "_PIECE_CHARACTERS", size)
        assert folded(text) == whole


def test_no_letter_that_stands_alone_joins_the_one_before() -> None:
    halves = (unicodedata.normalize("NFD", chr(code)) for code in range(0x110000))
    joining = {one for pair in halves for one in pair[1:]}
    assert not [hex(ord(one)) for one in joining if fold._stands_alone(one)]


def test_long_text_is_folded_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    normalize = unicodedata.normalize

    def noted(form: Literal["NFC", "NFKD"], text: str) -> str:
        sizes.append(len(text))
        return normalize(form, text)

    monkeypatch.setattr(unicodedata, "normalize", noted)
    folded("é" * 500_000)
    # Nothing else runs in the process while one call lasts.
    assert max(sizes) < 100_000
