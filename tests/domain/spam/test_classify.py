"""Opinions: what they rest on, and that nothing known means nothing said."""

import pytest

from pillarbox.domain.spam import classify
from pillarbox.domain.spam.classify import Learnt, combine, judge, token_probability


@pytest.mark.parametrize(
    ("learnt", "least", "most"),
    [
        (Learnt(0, 0, 50, 50), 0.5, 0.5),
        (Learnt(1, 0, 50, 50), 0.85, 0.95),
        (Learnt(40, 0, 50, 50), 0.99, 1.0),
        (Learnt(0, 40, 50, 50), 0.0, 0.01),
        (Learnt(25, 25, 50, 50), 0.49, 0.51),
        # As often in a tenth as much mail: what counts is the share of each kind.
        (Learnt(5, 50, 10, 100), 0.49, 0.51),
    ],
)
def test_a_token_says_the_more_the_oftener_it_was_seen(
    learnt: Learnt, least: float, most: float
) -> None:
    assert least <= token_probability(learnt) <= most


def test_what_is_unknown_says_nothing() -> None:
    assert combine([]) == 0.5
    assert judge([None] * 50, own=True).probability == 0.5
    assert judge([Learnt(10, 10, 20, 20)] * 50, own=True).probability == 0.5


def test_many_signs_of_one_kind_are_nearly_certain_and_mixed_ones_are_not() -> None:
    spam, ham = Learnt(20, 0, 50, 50), Learnt(0, 20, 50, 50)
    assert judge([spam] * 40, own=True).probability > 0.999
    assert judge([ham] * 40, own=True).probability < 0.001
    assert judge([spam, ham] * 20, own=True).probability == pytest.approx(0.5)


def test_one_word_is_no_verdict() -> None:
    assert judge([Learnt(5, 0, 50, 50)], own=True).probability < 0.99


@pytest.mark.parametrize("count", [1, 2, 150, 1500])
def test_extremes_stay_numbers(count: int) -> None:
    for one in (0.0001, 0.9999, 0.5):
        assert 0.0 <= combine([one] * count) <= 1.0


def test_the_most_telling_tokens_come_first() -> None:
    learnt = [Learnt(1, 0, 50, 50), None, Learnt(50, 0, 50, 50), Learnt(0, 50, 50, 50)]
    telling = judge(learnt, own=True).telling
    assert [number for number, _ in telling][-1] == 0
    assert {number for number, _ in telling} == {0, 2, 3}
    many = judge([Learnt(50, 0, 50, 50)] * 1000, own=True)
    assert len(many.telling) == classify.TELLING_MOST
