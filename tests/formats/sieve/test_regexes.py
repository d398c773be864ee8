"""Regular expressions: POSIX ones, whole texts, and limits."""

import time

import pytest

from pillarbox.formats.sieve.regexes import BadRegex, compile_regex


@pytest.mark.parametrize(
    ("pattern", "text", "groups"),
    [
        ("(a|ab)(c|bcd)", "xabcd", ("a", "bcd")),
        ("^a$", "b\na\nb", None),
        ("a.b", "a\nb", ()),
        ("[[:alpha:]]+@\\d{2}", "x@12", ()),
        ("(x)?(y)", "y", (None, "y")),
        ("ÄÖ", "äö", ()),
        (r"\bfoo\b", "a foo b", ()),
    ],
)
def test_search(pattern: str, text: str, groups: tuple[str | None, ...] | None) -> None:
    found = compile_regex(pattern, ignores_case=True).search(text)
    assert (None if found is None else found.groups()) == groups


def test_case() -> None:
    assert compile_regex("ab", ignores_case=True).search("AB")
    assert not compile_regex("ab", ignores_case=False).search("AB")


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("a(", "missing )"),
        ("(+a)", "no argument for repetition"),
        ("a" * 2001, "more than 2000 characters"),
        ("(a{100}){100}", "invalid repetition size"),
        ("[^a]{1,900}", "too large"),
        ("(?i)a", "wrong"),
    ],
)
def test_refused(pattern: str, why: str) -> None:
    with pytest.raises(BadRegex, match=why.replace("(", r"\(").replace(")", r"\)")):
        compile_regex(pattern, ignores_case=True)


def test_no_expression_takes_long() -> None:
    begun = time.perf_counter()
    assert not compile_regex("(a*)*(a|aa)*b", ignores_case=True).search("a" * 200_000)
    assert time.perf_counter() - begun < 1
