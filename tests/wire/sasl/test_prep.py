"""SASLprep of passwords."""

import pytest

from pillarbox.wire.sasl.prep import saslprep


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u1680b", "a b"),
        ("scho\u0308n", "sch\u00f6n"),
        ("\U0001f40e", "\U0001f40e"),  # not in Unicode 3.2
        ("\ufff9", "\ufff9"),  # prohibited: sent as it is
        ("\u00ad", "\u00ad"),  # nothing would be left
    ],
)
def test_prepared(text: str, prepared: str) -> None:
    """RFC 4013 §3, and what can't be prepared."""
    assert saslprep(text) == prepared
