"""Tokens: what they hold, where they stand, and what is told of the rest."""

import time

import pytest

from pillarbox.formats.sieve.lexer import NUMBER_MAX, Token, Type, tokens_of
from pillarbox.formats.sieve.limits import ScriptLimits

LIMITS = ScriptLimits(script_bytes=1 << 20)


def tokens(script: str) -> list[Token]:
    found = tokens_of(script.encode(), LIMITS)
    assert found.problems == []
    assert found.tokens[-1].type is Type.END
    return found.tokens[:-1]


def problems(script: str | bytes, limits: ScriptLimits = LIMITS) -> list[str]:
    content = script if isinstance(script, bytes) else script.encode()
    return [str(problem) for problem in tokens_of(content, limits).problems]


def value(script: str) -> str:
    (token,) = tokens(script)
    assert token.type in (Type.STRING, Type.MULTILINE)
    return token.value


def test_every_type_and_its_place() -> None:
    found = tokens('If  :Over 10K\r\n  ["ä", "b"] {\n;} # x\n')
    assert [(one.type, one.value or one.number, one.line, one.column) for one in found] == [
        (Type.IDENTIFIER, "if", 1, 1),
        (Type.TAG, "over", 1, 5),
        (Type.NUMBER, 10 * 1024, 1, 11),
        (Type.PUNCTUATION, "[", 2, 3),
        (Type.STRING, "ä", 2, 4),
        (Type.PUNCTUATION, ",", 2, 7),
        (Type.STRING, "b", 2, 9),
        (Type.PUNCTUATION, "]", 2, 12),
        (Type.PUNCTUATION, "{", 2, 14),
        (Type.PUNCTUATION, ";", 3, 1),
        (Type.PUNCTUATION, "}", 3, 2),
    ]


def test_places_after_strings_of_several_lines_and_comments() -> None:
    found = tokens('"a\nb" x /* c\nd */ y text: # z\nl\n.\nk')
    places = [(one.line, one.column, one.end_line, one.end_column) for one in found]
    assert places == [
        (1, 1, 2, 3),
        (2, 4, 2, 5),
        (3, 6, 3, 7),
        (3, 8, 6, 1),
        (6, 1, 6, 2),
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('""', ""),
        (r'"a\"b\\c\d"', r'a"b\cd'),
        ('"a\nb\r\nc"', "a\r\nb\r\nc"),
        ('"a\\\nb"', "a\r\nb"),
        ('"#/*"', "#/*"),
        ("text:\n.\n", ""),
        ("text:\r\na\r\n.\r\n", "a\r\n"),
        ("text: \t# why\na\n..b\n...\n.c\n.", "a\r\n.b\r\n..\r\n.c\r\n"),
        ("TEXT:\n\\n\n.\n", "\\n\r\n"),
    ],
)
def test_strings(written: str, meant: str) -> None:
    assert value(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [("0", 0), ("007", 7), ("1k", 1024), ("2M", 2 << 20), ("3G", 3 << 30)],
)
def test_numbers(written: str, meant: int) -> None:
    assert tokens(written)[0].number == meant


def test_the_largest_number() -> None:
    assert tokens(str(NUMBER_MAX))[0].number == NUMBER_MAX
    for large in (str(NUMBER_MAX + 1), "180143985094819840k", "9" * 5000, "34359738368G"):
        (problem,) = problems(large)
        assert "too large" in problem


def test_leading_zeros_do_not_make_a_number_large() -> None:
    assert tokens("0" * 50 + "7")[0].number == 7


def test_a_byte_order_mark_is_skipped() -> None:
    assert tokens("\ufeffkeep")[0].column == 1


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("keep; $$$;", "line 1, column 7: '$$$' is not expected here"),
        ('a\n "b', "line 2, column 2: this string is not closed: a '\"' is missing"),
        ('"a\\"', "line 1, column 1: this string is not closed: a '\"' is missing"),
        ('"', "line 1, column 1: this string is not closed: a '\"' is missing"),
        ("é /* a", "line 1, column 1: 'é' is not expected here"),
        ("/* a *", "line 1, column 1: this comment is not closed: '*/' is missing"),
        (
            "text:\na\n..\n",
            "line 1, column 1: this text is not closed: a line with a '.' alone is missing",
        ),
        ("12ab", "line 1, column 1: '12ab' is neither a number nor a name"),
        ("a" * 65, f"line 1, column 1: the name {'a' * 20}… is too long"),
        (
            b"a\n\xc3\xa9\xff",
            "line 2, column 2: the script is not valid UTF-8 here; save it as UTF-8",
        ),
        (
            "\ufeffkeep;".encode("utf-16-le"),
            "line 1, column 1: the script is UTF-16; save it as UTF-8",
        ),
        (b"ab\0", "line 1, column 3: a character NUL is not allowed"),
    ],
)
def test_problems(script: str | bytes, problem: str) -> None:
    assert problems(script)[0] == problem


def test_a_name_may_have_64_characters() -> None:
    assert tokens("a" * 64)
    assert tokens(":" + "a" * 64)


def test_limits() -> None:
    assert "at most 10" in problems("k" * 11, ScriptLimits(script_bytes=10))[0]
    assert "too many words" in problems("; " * 11, ScriptLimits(tokens=10))[0]
    assert "at most 3" in problems('"abcd"', ScriptLimits(string_characters=3))[0]
    assert problems('"abc"', ScriptLimits(string_characters=3)) == []
    assert len(problems("$ " * 100, ScriptLimits(problems=5))) == 5


@pytest.mark.parametrize(
    "piece", ['"', '"\\', "/*", "text:\n", "text:", "${", "#", "\n", "a", ":", "1", "$", '""', "."]
)
def test_time_is_linear(piece: str) -> None:
    content = (piece * (1_000_000 // len(piece))).encode()
    begun = time.process_time()
    tokens_of(content, LIMITS)
    assert time.process_time() - begun < 2


def test_lines_that_end_in_cr_alone() -> None:
    found = tokens("# a comment\rkeep;\r")
    assert [(one.value, one.line) for one in found] == [("keep", 2), (";", 2)]
