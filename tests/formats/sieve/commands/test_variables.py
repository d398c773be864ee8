"""set (RFC 5229 §4): modifiers and their order, names, limits; and trace, which shows values."""

from dataclasses import replace

import pytest

from kit.sieve import LIMITS, problems_of, run_script
from pillarbox.formats.sieve.actions import Note

NEEDS = 'require ["variables", "enotify", "regex", "encoded-character", "vnd.pillarbox.trace"];\n'


def notes(script: str) -> list[str]:
    outcome = run_script(NEEDS + script)
    assert outcome.failure is None
    return [action.text for action in outcome.actions if isinstance(action, Note)]


@pytest.mark.parametrize(
    ("modifiers", "value", "result"),
    [
        ("", "aB", "aB"),
        (":lower", "ABC\u00dc", "abc\u00dc"),
        (":upper", "abc\u00fc\u00df", "ABC\u00fc\u00df"),
        (":lowerfirst", "ABC", "aBC"),
        (":upperfirst", "abc", "Abc"),
        (":upperfirst :lower", "aBC", "Abc"),
        (":lowerfirst :upper", "abc", "aBC"),
        (":upperfirst", "", ""),
        (":quotewildcard", "a*b?c\\\\", "a\\*b\\?c\\\\"),
        (
            ":quoteregex",
            "a.b(c)[d]{2}^$|?*+\\\\",
            "a\\.b\\(c\\)\\[d\\]\\{2\\}\\^\\$\\|\\?\\*\\+\\\\",
        ),
        (":encodeurl", "a b&c=d/\u00fc~-_.", "a%20b%26c%3Dd%2F%C3%BC~-_."),
        (":length", "", "0"),
        (":length", "\u00fc\U0001f600", "2"),
        (":length :quotewildcard", "**", "4"),
        (":encodeurl :quotewildcard", "*", "%5C%2A"),
        (":length :encodeurl", "\u00fc", "6"),
        (":length :upper :lowerfirst", "abc", "3"),
    ],
)
def test_modifiers(modifiers: str, value: str, result: str) -> None:
    assert notes(f'set {modifiers} "x" "{value}"; trace "${{x}}";') == [result]


@pytest.mark.parametrize(
    ("arguments", "column"),
    [
        (':lower :upper "x" "y"', 12),
        (':lowerfirst :upperfirst "x" "y"', 17),
        (':quotewildcard :quoteregex "x" "y"', 20),
        (':lower :lower "x" "y"', 12),
        ('"1" "y"', 5),
        ('"a b" "y"', 5),
        ('"" "y"', 5),
        ('"a.b" "y"', 5),
        (f'"{"x" * 65}" "y"', 5),
        ('"${x}" "y"', 5),
        ('["x"] "y"', 5),
        ('"x"', 1),
        (':frob "x" "y"', 5),
    ],
)
def test_refusals(arguments: str, column: int) -> None:
    (problem,) = problems_of(f"{NEEDS}set {arguments};")
    assert problem.startswith(f"line 2, column {column}: ")


@pytest.mark.parametrize("modifier", ["encodeurl", "quoteregex"])
def test_modifiers_of_extensions(modifier: str) -> None:
    (problem,) = problems_of(f'require "variables";\nset :{modifier} "x" "y";')
    assert problem.startswith("line 2, column 5: ")


def test_names_have_no_case() -> None:
    assert notes('set "Foo" "a"; set "fOO" "${foo}b"; trace "${FOO}";') == ["ab"]


def test_long_values_are_cut() -> None:
    limits = replace(LIMITS, variable_characters=10)
    outcome = run_script(
        NEEDS + 'set "x" "0123456789abc"; set :length "n" "${x}"; trace "${n} ${x}";', limits=limits
    )
    assert [action.text for action in outcome.actions if isinstance(action, Note)] == [
        "10 0123456789"
    ]


def test_values_do_not_grow_for_ever() -> None:
    doubling = 'set "x" "0123456789";' + 'set "x" "${x}${x}";' * 50 + 'set :length "n" "${x}";'
    assert notes(doubling + 'trace "${n}";') == [str(LIMITS.variable_characters)]


def test_no_more_than_so_many_variables() -> None:
    script = NEEDS + "".join(f'set "v{n}" "";\n' for n in range(LIMITS.variables + 1))
    assert str(run_script(script).failure) == (
        "line 130, column 1: there can be at most 128 variables"
    )
    again = NEEDS + "".join(f'set "v{n}" "";\n' for n in range(LIMITS.variables)) * 2
    assert run_script(again).failure is None


# trace


def test_a_trace_is_one_line() -> None:
    assert notes('trace "a\r\n  b"; keep;') == ["a b"]
    assert [len(note) for note in notes(f'trace "{"x" * 1000}";')] == [500]


def test_traces_beyond_the_limit_are_dropped() -> None:
    assert len(notes('trace "x";\n' * (LIMITS.trace_lines + 20))) == LIMITS.trace_lines


def test_what_failed_leaves_its_traces() -> None:
    outcome = run_script(NEEDS + 'trace "before"; keep; redirect "${x}";')
    assert outcome.failure is not None
    assert [action.text for action in outcome.actions if isinstance(action, Note)] == ["before"]
    assert "trace" in outcome.steps[0].text


def test_trace_has_to_be_required() -> None:
    assert problems_of('trace "x";')
    assert problems_of('require "vnd.pillarbox.trace"; trace;')
