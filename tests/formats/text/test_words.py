"""Words and needles: whatever text holds a needle has the words that the needle asks for."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.formats.text import words as module
from pillarbox.formats.text.fold import folded
from pillarbox.formats.text.words import PIECE_CHARACTERS, WORD_CHARACTERS, needle_of, words

ALPHABET = "ab1_ .-é東京のก็ดีकि한국ß☃\x01\u0301é_"
texts = st.text(st.sampled_from(ALPHABET), max_size=60) | st.text(max_size=60)


def fits(needle: str, text: str) -> bool:
    """Whether the words of a text have every piece of a needle."""
    held = words(text)
    for piece in needle_of(needle).pieces:
        if not any(
            piece.text in word
            and (not piece.begins or word.startswith(piece.text))
            and (not piece.ends or word.endswith(piece.text))
            and (not (piece.begins and piece.ends) or word == piece.text)
            for word in held
        ):
            return False
    return True


@given(texts, st.integers(0, 60), st.integers(0, 60))
def test_no_miss(text: str, start: int, length: int) -> None:
    text = folded(text)
    assert fits(text[start : start + length], text)


@given(texts, texts)
def test_whole_needles_are_exact(needle: str, text: str) -> None:
    needle, text = folded(needle), folded(text)
    if needle_of(needle).whole:
        assert fits(needle, text) == (needle in text)


@pytest.mark.parametrize("letters", ["abcdefghij0123456789", "äöüñ", "кириллица"])
def test_long_words(letters: str) -> None:
    source = random.Random(5)
    for _ in range(60):
        text = folded("".join(source.choices(letters, k=source.randint(200, 900))))
        text = f"begin {text} end"
        start = source.randrange(len(text))
        needle = text[start : start + source.choice((3, 50, 127, 128, 129, 200, 500))]
        assert fits(needle, text), needle
    assert max(len(word.decode()) for word in words(text)) <= WORD_CHARACTERS


def test_words_of_scripts() -> None:
    assert words("hello, foo_bar 42!") == {b"hello", b"foo_bar", b"42"}
    assert words("東京都 x京") == {"東京".encode(), "京都".encode(), b"x", "京".encode()}
    assert words("हिन्दी") == {"हिन्दी".encode()}
    assert words("") == words("... -- !") == set()


def test_what_a_needle_says() -> None:
    def pieces(text: str) -> list[tuple[str, bool, bool]]:
        return [(one.text.decode(), one.begins, one.ends) for one in needle_of(text).pieces]

    assert pieces("oo") == [("oo", False, False)]
    assert needle_of("oo").whole
    assert pieces("oo-bar-b") == [("bar", True, True), ("oo", False, True), ("b", True, False)]
    assert pieces("oo.") == [("oo", False, True)]
    assert not needle_of("oo.").whole
    assert pieces("東京") == [("東京", True, True)]
    assert needle_of("東京").whole
    assert needle_of("東").whole
    assert not needle_of("東京都").whole
    assert needle_of("...").pieces == ()
    assert len(needle_of("a" * 500).pieces[0].text) == PIECE_CHARACTERS
    assert not needle_of("a" * 500).whole
    assert not needle_of("foo foo").whole


@given(texts, st.integers(1, 20))
def test_where_long_text_is_cut_makes_no_difference(text: str, size: int) -> None:
    text = folded(text)
    whole = words(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_STRETCH", size)
        assert words(text) == whole


def test_no_search_goes_through_all_of_a_long_text(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    found_in = module._words

    def noted(text: str) -> set[bytes]:
        sizes.append(len(text))
        return found_in(text)

    monkeypatch.setattr(module, "_words", noted)
    assert words("grüße an alle " * 100_000) == {"grüße".encode(), b"an", b"alle"}
    assert max(sizes) < 100_000
