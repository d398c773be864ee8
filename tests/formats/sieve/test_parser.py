"""Trees: what is in them, and how reading goes on after what is wrong."""

import pytest

from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.limits import ScriptLimits
from pillarbox.formats.sieve.parser import parse, parse_all
from pillarbox.formats.sieve.syntax import (
    Comment,
    Number,
    TagName,
    Text,
    TextList,
    quoted,
    shown_test,
)

LIMITS = ScriptLimits()
MANY = ', "y"' * 20


def problems(script: str, limits: ScriptLimits = LIMITS) -> list[str]:
    return [str(problem) for problem in parse_all(script.encode(), limits)[1]]


def test_a_tree() -> None:
    script = parse(
        b'# first\nif anyof (not true, size :over 1K) { fileinto :copy "a"; }\n'
        b'else { /* why */ redirect ["b", "c"]; # end\n}\n# last\n'
    )
    branch, other = script.commands
    assert (branch.name, branch.line, branch.column, branch.end) == ("if", 2, 1, (2, 59))
    assert branch.comments == (Comment("first", 1, 1),)
    (anyof,) = branch.tests
    assert not branch.listed
    assert (anyof.name, anyof.listed, anyof.column) == ("anyof", True, 4)
    assert [one.name for one in anyof.tests] == ["not", "size"]
    assert anyof.tests[0].tests[0].name == "true"
    assert anyof.tests[1].arguments == (TagName("over", 2, 26), Number(1024, 2, 32))
    assert branch.block is not None
    (fileinto,) = branch.block.commands
    assert fileinto.arguments == (TagName("copy", 2, 47), Text("a", 2, 53))
    assert other.block is not None
    (redirect,) = other.block.commands
    assert redirect.comments == (Comment("why", 3, 8),)
    (names,) = redirect.arguments
    assert isinstance(names, TextList)
    assert [one.value for one in names.items] == ["b", "c"]
    assert other.block.comments == (Comment("end", 3, 39),)
    assert script.comments == (Comment("last", 5, 1),)


def test_comments_in_a_command_belong_to_no_other() -> None:
    first, second = parse(b"keep # a\n; # b\nstop;").commands
    assert first.comments == ()
    assert [one.text for one in second.comments] == ["b"]


def test_nothing_is_a_script() -> None:
    assert parse(b"").commands == ()
    assert parse(b"# only this").comments == (Comment("only this", 1, 1),)


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("keep", ["line 1, column 5: ';' is missing after the command 'keep'"]),
        ("if true { keep }", ["line 1, column 15: ';' is missing after the command 'keep'"]),
        ("keep; }", ["line 1, column 7: this '}' closes nothing"]),
        ("if true { keep;", ["line 1, column 9: this '{' is not closed: '}' is missing"]),
        (";", ["line 1, column 1: this ';' ends nothing"]),
        ('"a"; keep;', ["line 1, column 1: a command is expected, not a string"]),
        (
            "if anyof(true,) { keep }",
            [
                "line 1, column 15: a test is expected in this list, not ')'",
                "line 1, column 23: ';' is missing after the command 'keep'",
            ],
        ),
        ("a ();", ["line 1, column 4: a test is expected in this list, not ')'"]),
        ("a [];", ["line 1, column 4: a string is expected in this list, not ']'"]),
        ('a ["b",];', ["line 1, column 8: a string is expected in this list, not ']'"]),
        ('a ["b" "c"];', ["line 1, column 8: ',' or ']' is expected in this list, not a string"]),
        ('a ["b", 3]; stop', [
            "line 1, column 9: a string is expected in this list, not a number",
            "line 1, column 17: ';' is missing after the command 'stop'",
        ]),
        (
            "keep, keep; x",
            [
                "line 1, column 5: ';' or '{' is expected after 'keep', not ','",
                "line 1, column 14: ';' is missing after the command 'x'",
            ],
        ),
        ("if true }", [
            "line 1, column 8: ';' is missing after the command 'if'",
            "line 1, column 9: this '}' closes nothing",
        ]),
        ('keep; redirect "a', ["line 1, column 16: this string is not closed: a '\"' is missing"]),
    ],
)  # fmt: skip
def test_problems(script: str, told: list[str]) -> None:
    assert problems(script)[: len(told)] == told


def test_everything_wrong_is_raised() -> None:
    with pytest.raises(ScriptError) as refused:
        parse(b"keep\n}\n$;\n")
    assert [problem.line for problem in refused.value.problems] == [1, 2, 3, 3]


def test_what_is_faulty_is_marked() -> None:
    script, _ = parse_all(b'if true, { keep; } stop; x ["a" 3;', LIMITS)
    assert [(one.name, one.faulty) for one in script.commands] == [
        ("if", True),
        ("stop", False),
        ("x", True),
    ]
    assert script.commands[0].block is not None


def test_depth() -> None:
    deep = "if true {" * 32 + "}" * 32
    assert problems(deep) == []
    (told,) = problems("if true {" * 33 + "}" * 33)
    assert "nested too deeply" in told
    assert "nested too deeply" in problems("if " + "not " * 5000 + "true { keep; }")[0]
    assert "nested too deeply" in problems("if " + "anyof(" * 5000)[0]
    assert len(problems("x{" * 10_000)) <= LIMITS.problems


def test_long_lists() -> None:
    limits = ScriptLimits(list_items=3)
    assert problems('a ["1", "2", "3"];', limits) == []
    (told,) = problems('a ["1", "2", "3", "4"]; b;', limits)
    assert told == "line 1, column 3: this list has too many strings, at most 3"


def test_how_people_see_a_test() -> None:
    command = parse(b'if header :is ["a", "b\\"\\\\"] 3 anyof (true, not false) {}').commands[0]
    assert shown_test(command.tests[0]) == r'header :is ["a", "b\"\\"] 3 anyof'
    assert shown_test(command.tests[0].tests[0]) == "anyof (true, not)"
    long = parse(f'if a ["{"x" * 99}"{MANY}] {{}}'.encode()).commands[0].tests[0]
    assert len(shown_test(long)) < 150


def test_quoted_text_reads_back() -> None:
    for value in ("", 'a"b\\c', "é\r\nd", "\\"):
        (argument,) = parse(f"x {quoted(value)};".encode()).commands[0].arguments
        assert isinstance(argument, Text)
        assert argument.value == value
