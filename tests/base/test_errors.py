"""Failures: what may be shown, and what may be tried again."""

import pytest

from pillarbox.base import errors
from pillarbox.base.errors import Failure, GrammarError

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, Failure) and kind is not Failure
]


@pytest.mark.parametrize("kind", KINDS)
def test_cause_is_not_shown(kind: type[Failure]) -> None:
    failure = kind("public words", "secret words")
    assert (failure.public, failure.cause) == ("public words", "secret words")
    assert str(failure) == "public words"
    assert kind("alone").cause is None


def test_what_passes() -> None:
    passing = {kind.__name__ for kind in KINDS if kind.temporary}
    assert passing == {"OverQuota", "Busy", "Unavailable"}
    assert len(KINDS) >= 10


def test_grammar_error() -> None:
    error = GrammarError("a digit was expected", 7)
    assert (error.text, error.position, str(error)) == ("a digit was expected", 7, error.text)
    assert not isinstance(error, Failure)
