"""What is wrong with a script is told with its place, and with what may have been meant."""

import time

import pytest

from pillarbox.formats.sieve.compiling import compile_script
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.limits import ScriptLimits


def problems(script: str, withheld: tuple[str, ...] = ()) -> list[str]:
    try:
        compile_script(script.encode(), withheld=withheld)
    except ScriptError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("kepe;", "1:1 there is no command 'kepe'; did you mean 'keep'?"),
        ("xyzzy;", "1:1 there is no command 'xyzzy'"),
        ("if tru {}", "1:4 there is no test 'tru'; did you mean 'true'?"),
        ("true;", "1:1 'true' is a test; it belongs after 'if'"),
        ("if keep {}", "1:4 'keep' is a command; a test is expected here"),
        (
            "if true {} else if false {}",
            "1:17 write 'elsif' for 'else if'",
        ),
        ('fileinto "x";', '1:1 \'fileinto\' needs at the top of the script: require "fileinto";'),
        (
            'require "fileinto"; fileinto :copy "x";',
            '1:30 \':copy\' needs at the top of the script: require "copy";',
        ),
        ('keep "x";', "1:6 'keep' has too many arguments: it takes none"),
        ("keep true;", "1:6 'keep' takes no test; a ';' is expected before 'true'"),
        ("keep\nstop;", "2:1 ';' is missing before 'stop', after the command 'keep'"),
        ("keep {}", "1:6 'keep' takes no block; a ';' is expected here"),
        ("if true;", "1:1 'if' needs a block: { … }"),
        ("if {}", "1:1 'if' needs one test, not none"),
        ("if (true) {}", "1:1 'if' needs one test, not a list of tests"),
        ("if anyof true {}", "1:4 'anyof' needs a list of tests: (test, test, …)"),
        ("else {}", "1:1 'else' without an 'if' before it"),
        ("keep; elsif true {}", "1:7 'elsif' without an 'if' before it"),
        ("if true {} else {} elsif true {}", "1:20 'elsif' after 'else'"),
        ("redirect;", "1:1 'redirect' needs an argument (a string)"),
        ("redirect 3;", "1:10 'redirect' expects a string here, not a number"),
        ('redirect ["a"];', "1:10 'redirect' expects a string here, not a list of strings"),
        (
            'redirect :copi "a@b.test";',
            "1:10 'redirect' has no argument ':copi'; did you mean ':copy'?",
        ),
        (
            'require "copy"; redirect "a@b.test" :copy;',
            "1:37 ':copy' must stand before the other arguments",
        ),
        ('require "copy"; redirect :copy :copy "a@b.test";', "1:32 ':copy' stands here twice"),
        (
            'require "include"; include :global :personal "a";',
            "1:36 ':personal' can't be used together with ':global'",
        ),
        (
            'require ["foreverypart"]; foreverypart :name 3 {}',
            "1:40 ':name' needs a string after it",
        ),
        ('require ["foreverypart"]; foreverypart :name {}', "1:40 ':name' needs a string after it"),
        (
            'require ["include", "variables"]; include "${x}";',
            "1:43 there can be no variables here",
        ),
        ('require "include"; include "";', "1:28 the name of a script is missing"),
        # Extensions
        (
            'require "fileinot";',
            '1:9 the extension "fileinot" is not available; did you mean "fileinto"?',
        ),
        ('require ["copy", "xyz"];', '1:18 the extension "xyz" is not available'),
        ('require "keep";', '1:9 "keep" is there in any case and can\'t be required'),
        ('keep; require "copy";', "1:7 'require' must stand before all other commands"),
        ('if true { require "copy"; }', "1:11 'require' can't stand in a block"),
        ("require;", "1:1 'require' needs an argument (a string or a list of strings)"),
        ('require "copy" {}', "1:16 'require' takes no block; a ';' is expected here"),
        (
            'require ["imapflags", "imap4flags"];',
            '1:23 "imap4flags" can\'t be used together with "imapflags"',
        ),
        ('require "extracttext";', '1:9 "extracttext" needs also: require "foreverypart";'),
        # Loops, variables
        ('require "foreverypart"; break;', "1:25 'break' stands outside of a foreverypart loop"),
        (
            'require "foreverypart"; foreverypart :name "a" { break :name "b"; }',
            '1:56 no foreverypart loop around this has the name "b"',
        ),
        (
            'require "include"; global "a";',
            '1:27 global variables need: require "variables";',
        ),
        (
            'require ["include", "variables"]; global ["a", "b.c"];',
            '1:42 "b.c" is not a name of a variable',
        ),
        (
            'require ["include", "variables"]; set "a" "b"; global "a";',
            '1:55 "a" is set above already; "global" has to come before',
        ),
        (
            'require "include"; include "a\tb";',
            "1:28 no script can have this name",
        ),
        (
            'require "variables"; redirect "${a.1}@x.test";',
            '1:31 there are no variables "a.1"',
        ),
        (
            'require "variables"; redirect "${a.b}@x.test";',
            '1:31 there are no variables "a.b"',
        ),
        (
            'require "variables"; redirect "${99}@x.test";',
            "1:31 there is no match variable ${99}",
        ),
        (
            'require "encoded-character"; redirect "${unicode:d800}";',
            "1:39 ${unicode:d800} is not a Unicode character",
        ),
    ],
)  # fmt: skip
def test_one_problem(script: str, told: str) -> None:
    place, text = told.split(" ", 1)
    line, column = place.split(":")
    assert problems(script) == [f"line {line}, column {column}: {text}"]


def test_several_problems_are_told_at_once_in_order() -> None:
    script = 'kepe;\nif tru { stop }\nredirect 3;\nrequire "x";'
    assert [one.split(":")[0] for one in problems(script)] == [
        "line 1, column 1",
        "line 2, column 4",
        "line 2, column 14",
        "line 3, column 10",
        "line 4, column 1",
        "line 4, column 9",
    ]


def test_one_broken_require_does_not_make_all_else_wrong() -> None:
    (told,) = problems('require ["fileinto" "copy"];\nfileinto :copy "x";')
    assert "',' or ']' is expected" in told


def test_an_else_after_a_broken_if_is_no_news() -> None:
    assert len(problems("if true, { keep; } else { stop; }")) == 1
    assert len(problems("if tru { keep; } else { stop; }")) == 1


def test_what_is_in_the_block_of_what_is_wrong_is_checked_too() -> None:
    assert len(problems("if tru { kepe; }")) == 2
    assert len(problems("xyzzy { kepe; }")) == 2


def test_so_many_problems_and_no_more() -> None:
    script = "kepe;\n" * 1000
    with pytest.raises(ScriptError) as refused:
        compile_script(script.encode())
    assert len(refused.value.problems) == ScriptLimits().problems


def test_hints_do_not_take_long() -> None:
    """Below an ihave that finds nothing problems are not counted, but hints still are."""
    content = b'require "ihave"; if ihave "x" {' + b"kepe;" * 6000 + b"}"
    begun = time.process_time()
    compile_script(content)
    assert time.process_time() - begun < 5


def test_withheld_extensions_are_not_there() -> None:
    assert problems('require "copy"; redirect :copy "a@b.test";') == []
    script = 'require "copi"; redirect :copy "a@b.test";'
    (first, second) = problems(script, ("copy",))
    assert first == 'line 1, column 9: the extension "copi" is not available'
    assert second.endswith('needs the extension "copy", which is not available here')
    assert len(problems('require "copy"; keep;', ("copy",))) == 1


def test_what_a_program_tells() -> None:
    program = compile_script(
        b'require ["include", "vacation-seconds"]; include "a"; include :global "b"; include "a";',
        "mine",
    )
    assert program.name == "mine"
    assert {"include", "vacation", "vacation-seconds"} <= program.extensions
    assert [(one.name, one.personal) for one in program.inclusions] == [("a", True), ("b", False)]


def test_a_script_in_latin_1_is_refused_with_the_place() -> None:
    with pytest.raises(ScriptError) as refused:
        compile_script(b'redirect "\xfc@b.test";')
    assert (
        str(refused.value)
        == "line 1, column 11: the script is not valid UTF-8 here; save it as UTF-8"
    )
