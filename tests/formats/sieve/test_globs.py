"""Patterns with `*` and `?`: what they match, the shortest values, and what they may cost."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.formats.sieve.comparators import ascii_casemap, octet
from pillarbox.formats.sieve.globs import Glob, TooMuch

STEPS = 1_000_000
CASES = (
    ("", "", []),
    ("", "a", None),
    ("*", "", [""]),
    ("a*b", "ab", [""]),
    ("a*b", "aXbYb", ["XbY"]),
    ("*a*", "bab", ["b", "b"]),
    ("*a*", "aaa", ["", "aa"]),
    ("**x", "abx", ["", "ab"]),
    ("?", "", None),
    ("?", "é", ["é"]),
    ("a?c*", "abcd", ["b", "d"]),
    ("*?b?*", "xxbbyy", ["x", "x", "b", "yy"]),
    (r"\*\?\\", r"*?\\"[:3], []),
    (r"\a", "a", []),
    ("a\\", "a\\", []),
    ("ab*ba", "aba", None),
    ("*[list]*", "Re: [list] x", ["Re: ", " x"]),
)


def values(glob: Glob, text: str) -> list[str] | None:
    spans, _ = glob.spans(text, STEPS)
    return None if spans is None else [text[start:end] for start, end in spans]


@pytest.mark.parametrize(("pattern", "text", "expected"), CASES)
def test_match_values(pattern: str, text: str, expected: list[str] | None) -> None:
    glob = Glob(pattern, octet)
    assert values(glob, text) == expected
    if glob.quick is not None:
        assert glob.quick(text) == (expected is not None)


def test_case_is_folded_but_not_wildcards() -> None:
    glob = Glob("Re: *?", ascii_casemap)
    assert values(glob, ascii_casemap("rE: foo")) == ["FO", "O"]


def as_regex(pattern: str) -> re.Pattern[str]:
    out = ""
    escaped = False
    for character in pattern:
        if escaped or character not in "*?\\":
            out += re.escape(character)
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            out += "(.*?)" if character == "*" else "(.)"
    return re.compile(out + (re.escape("\\") if escaped else "") + r"\Z", re.DOTALL)


@given(st.text("ab*?\\", max_size=8), st.text("ab*?\\", max_size=10))
def test_as_a_backtracking_matcher_says(pattern: str, text: str) -> None:
    glob = Glob(pattern, octet)
    expected = as_regex(pattern).match(text)
    assert values(glob, text) == (None if expected is None else list(expected.groups()))
    if glob.quick is not None:
        assert glob.quick(text) == (expected is not None)


def test_no_pattern_takes_long() -> None:
    begun = time.perf_counter()
    assert values(Glob("*a" * 500 + "*b", octet), "a" * 100_000) is None
    with pytest.raises(TooMuch):
        Glob("*" + "a?" * 500 + "b*", octet).spans("a" * 1_000_000, 100_000)
    assert time.perf_counter() - begun < 2
