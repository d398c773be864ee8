"""Which commands run: branches, loops over parts, scripts in scripts, and what ihave finds.

RFC 5228 §3, RFC 5463 §4, RFC 5703 §3, RFC 6609 §3.
"""

import sys

import pytest

from kit.sieve import MAIL, run_programs, run_script
from pillarbox.formats.sieve.actions import Discard, FileInto, Keep, Note, Redirect
from pillarbox.formats.sieve.compiling import compile_script
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.limits import RunLimits
from pillarbox.formats.sieve.program import Inclusion
from pillarbox.formats.sieve.run import Outcome

PARTS = (
    b"Subject: root\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n"
    b"--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n"
    b"--b\r\nContent-Type: text/html\r\n\r\nhtml\r\n--b--\r\n"
    b"--a\r\nContent-Type: image/png\r\n\r\npng\r\n--a--\r\n"
)
ALL = '["vnd.pillarbox.trace", "variables", "include", "foreverypart", "mime", "ihave", "copy"]'


def notes(outcome: Outcome) -> list[str]:
    assert outcome.failure is None, outcome.failure
    return [action.text for action in outcome.actions if isinstance(action, Note)]


def said(commands: str, **options: object) -> list[str]:
    return notes(run_script(f"require {ALL}; {commands}", **options))  # type: ignore[arg-type]


def failure(commands: str, **options: object) -> str:
    outcome = run_script(f"require {ALL}; {commands}", **options)  # type: ignore[arg-type]
    assert outcome.failure is not None
    kept, *others = outcome.actions
    assert kept == Keep(implicit=True, where=kept.where)
    assert all(isinstance(action, Note) for action in others)
    return outcome.failure.problem.text


def test_branches() -> None:
    chain = 'if {} {{ trace "a"; }} elsif {} {{ trace "b"; }} else {{ trace "c"; }} trace "d";'
    assert said(chain.format("true", "true")) == ["a", "d"]
    assert said(chain.format("false", "true")) == ["b", "d"]
    assert said(chain.format("false", "false")) == ["c", "d"]
    assert said('if false { trace "a"; } if true {} trace "b";') == ["b"]
    assert said('if false { trace "a"; } elsif false { trace "b"; }') == []


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("not false", True),
        ("not not false", False),
        ("allof (true, true)", True),
        ("allof (true, false)", False),
        ("anyof (false, false)", False),
        ("anyof (false, not allof (true, false))", True),
    ],
)
def test_logic(test: str, expected: bool) -> None:
    assert said(f'if {test} {{ trace "x"; }}') == (["x"] if expected else [])


def test_stop() -> None:
    assert said('trace "a"; if true { stop; } trace "b";') == ["a"]


def test_error() -> None:
    script = 'redirect "a@b.test"; set "a" "Fr"; trace "here"; error "no ${a}op"; discard;'
    assert failure(script) == "no Frop"


# ihave


def test_what_ihave_finds_may_be_used() -> None:
    script = 'require "ihave"; if ihave ["fileinto", "copy"] { fileinto :copy "x"; }'
    filed, kept = run_script(script).actions
    assert isinstance(filed, FileInto)
    assert isinstance(kept, Keep)


def test_what_ihave_misses_does_not_matter_before_it_runs() -> None:
    guarded = 'if ihave "xyzzy" {{ {} }} else {{ trace "else"; }}'
    assert said(guarded.format('xyzzy :a "b";')) == ["else"]
    assert said(guarded.format("if xyzzy { keep; }")) == ["else"]
    assert said(guarded.format('redirect :xyzzy "a@b.test";')) == ["else"]
    assert said('if allof (ihave "xyzzy", xyzzy "a") { plugh; } trace "x";') == ["x"]
    assert said('if not ihave "xyzzy" { trace "a"; } else { xyzzy; }') == ["a"]


def test_what_ihave_misses_fails_when_it_runs() -> None:
    script = 'if not ihave "xyzzy" { trace "a"; xyzzy; }'
    assert failure(script) == "there is no command 'xyzzy'"
    assert failure('if ihave "xyzzy" {} elsif plugh {}') == "there is no test 'plugh'"


def test_after_an_ihave_that_misses_something_words_may_be_strange() -> None:
    script = 'if not ihave "xyzzy" { trace "a"; stop; } xyzzy; if plugh 3 { keep; }'
    assert said(script) == ["a"]
    assert failure('if ihave "xyzzy" {} xyzzy;') == "there is no command 'xyzzy'"
    withheld = 'require "ihave"; if not ihave "copy" { stop; } redirect :copy "a@b.test";'
    assert compile_script(withheld.encode(), withheld=("copy",))


def test_none_of_several_extensions_is_there_unless_all_are() -> None:
    script = 'require "ihave"; if ihave ["copy", "xyzzy"] {} redirect :copy "a@b.test";'
    with pytest.raises(ScriptError, match='require "copy"'):
        run_script(script)


def test_outside_of_what_ihave_guards_all_is_checked() -> None:
    with pytest.raises(ScriptError, match="did you mean 'keep'"):
        run_script('require "ihave"; if ihave "xyzzy" {} kepe;')
    with pytest.raises(ScriptError, match="there is no command 'xyzzy'"):
        run_script('require "ihave"; xyzzy; if ihave "xyzzy" {}')
    with pytest.raises(ScriptError, match="there is no command 'plugh'"):
        run_script('require "ihave"; if ihave "fileinto" { plugh; }')
    with pytest.raises(ScriptError, match="is missing"):
        run_script('require "ihave"; if ihave "xyzzy" { plugh }')


@pytest.mark.parametrize("name", ["encoded-character", "variables", "xyzzy"])
def test_what_ihave_never_finds(name: str) -> None:
    script = f'require ["ihave", "fileinto"]; if ihave "{name}" {{ discard; }}'
    assert not any(isinstance(action, Discard) for action in run_script(script).actions)


def test_withheld_extensions_are_not_found() -> None:
    script = b'require "ihave"; if ihave "copy" { redirect :copy "a@b.test"; }'
    assert compile_script(script, withheld=("copy",)).extensions == {"ihave"}


# Parts


def test_every_part_in_order() -> None:
    test = 'header :mime :matches :contenttype "content-type" "*"'
    script = f'foreverypart {{ if {test} {{ trace "${{1}}"; }} }}'
    assert said(script, message=PARTS) == [
        *("multipart/mixed", "multipart/alternative", "text/plain", "text/html", "image/png")
    ]


def test_loops_in_loops_go_over_what_is_inside() -> None:
    script = (
        'foreverypart { if header :mime :matches :subtype "content-type" "*" { set "a" "${1}"; }'
        ' foreverypart { if header :mime :matches :subtype "content-type" "*"'
        ' { trace "${a}>${1}"; } } }'
    )
    assert said(script, message=PARTS) == [
        *("mixed>alternative", "mixed>plain", "mixed>html", "mixed>png"),
        *("alternative>plain", "alternative>html"),
    ]


def test_break() -> None:
    assert said('foreverypart { trace "a"; break; trace "b"; } trace "c";', message=PARTS) == [
        *("a", "c")
    ]
    inner = 'foreverypart :name "o" { trace "a"; foreverypart :name "i" { trace "b"; break%s; } }'
    once, outer = said(inner % "", message=PARTS), said(inner % ' :name "o"', message=PARTS)
    assert once == ["a", "b", "a", "b", "a", "a", "a"]
    assert outer == ["a", "b"]
    assert said(inner % ' :name "i"', message=PARTS) == once


def test_stop_in_a_loop() -> None:
    assert said('foreverypart { trace "a"; stop; } trace "b";', message=PARTS) == ["a"]


def test_loops_have_a_depth() -> None:
    deep = "foreverypart { " * 5 + 'trace "x";' + "}" * 5
    nested = MAIL
    for level in range(6):
        boundary = b"b%d" % level
        nested = (
            b"Content-Type: multipart/mixed; boundary=" + boundary + b"\r\n\r\n--" + boundary
            + b"\r\n" + nested + b"\r\n--" + boundary + b"--\r\n"
        )  # fmt: skip
    assert failure(deep, message=nested) == "too many foreverypart loops in one another"
    assert said("foreverypart { " * 4 + 'trace "x"; stop;' + "}" * 4, message=nested) == ["x"]


# Scripts in scripts

HEAD = f"require {ALL};"


def test_include() -> None:
    others = {"a": HEAD + 'trace "a1"; include :global "b"; trace "a2";'}
    others["global:b"] = HEAD + 'trace "b";'
    assert said('include "a"; trace "m";', included=others) == ["a1", "b", "a2", "m"]


def test_return_and_stop_in_what_is_included() -> None:
    others = {
        "r": HEAD + 'trace "r"; if true { return; } trace "no";',
        "s": HEAD + 'trace "s"; stop;',
    }
    assert said('include "r"; trace "m"; include "s"; trace "no";', included=others) == [
        *("r", "m", "s")
    ]
    assert said('trace "a"; return; trace "b";') == ["a"]


def test_once_and_optional() -> None:
    others = {"a": HEAD + 'trace "a";'}
    twice = 'include "a"; include "a"; include :once "a"; include :optional "no";'
    assert said(twice, included=others) == ["a", "a"]
    assert said('include :once "a"; include :once "a";', included=others) == ["a"]


def test_what_is_missing() -> None:
    assert failure('include "no";') == 'there is no script "no" to include'
    assert failure('include :global "no";') == 'there is no global script "no" to include'


def test_scripts_that_include_themselves() -> None:
    others = {"a": HEAD + 'include "b";', "b": HEAD + 'include "a";'}
    assert failure('include "a";', included=others) == 'the script "a" includes itself'
    once = {"a": HEAD + 'include :once "a"; trace "a";'}
    assert said('include "a";', included=once) == ["a"]


def test_the_first_script_is_not_included_either() -> None:
    program = compile_script((HEAD + 'include "m"; trace "x";').encode(), "m")
    outcome = run_programs([program], included={Inclusion("m"): program})
    assert outcome.failure is not None
    assert outcome.failure.problem.text == 'the script "m" includes itself'
    assert outcome.instructions < 5
    program = compile_script((HEAD + 'include :once "m"; trace "x";').encode(), "m")
    assert notes(run_programs([program], included={Inclusion("m"): program})) == ["x"]


def test_depth_and_count_of_inclusions() -> None:
    chain = {f"s{n}": HEAD + f'include "s{n + 1}";' for n in range(20)}
    chain["s20"] = HEAD
    assert failure('include "s0";', included=chain) == (
        "scripts are included too deeply in one another"
    )
    many = 'include "a";' * 31
    assert failure(many, included={"a": HEAD}) == "too many scripts are included"
    assert said(many.removesuffix('include "a";'), included={"a": HEAD}) == []


def test_no_script_is_too_deep_to_run() -> None:
    blocks, tests = "if true { " * 31, "not " * 31
    others = {
        f"s{n}": HEAD + (blocks + f'if {tests} true {{ stop; }} include "s{n + 1}";' + "}" * 31)
        for n in range(10)
    }
    others["s10"] = HEAD + f'if {tests} false {{ trace "there"; }}'
    used = len(_frames())
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(used + 450)
        told = failure('include "s0";', included=others)
    finally:
        sys.setrecursionlimit(limit)
    assert told == "scripts are included too deeply in one another"


def _frames() -> list[object]:
    frame, found = sys._getframe(), []
    while frame is not None:
        found.append(frame)
        frame = frame.f_back  # type: ignore[assignment]
    return found  # type: ignore[return-value]


def test_variables_are_each_scripts_own() -> None:
    others = {"a": HEAD + 'trace "[${v}]"; set "v" "a"; global "g"; set "g" "${g}!";'}
    script = (
        'set "v" "m"; global "g"; set "g" "x"; include "a"; trace "${v}${g}${global.g}";'
        'set "global.h" "h"; include "b";'
    )
    others["b"] = HEAD + 'trace "${h}|${global.h}|${1}"; global "h"; trace "${h}";'
    assert said(script, included=others) == ["[]", "mx!x!", "|h|", "h"]


def test_matches_are_each_scripts_own() -> None:
    matching = 'if header :matches "subject" "*" {}'
    others = {"a": HEAD + 'trace "[${1}]"; if header :matches "from" "*" {}'}
    assert said(matching + 'include "a"; trace "${1}";', included=others) == ["[]", "Frop!"]


def test_a_loop_in_what_is_included_goes_over_the_part() -> None:
    others = {"a": HEAD + 'foreverypart { trace "x"; }'}
    script = 'foreverypart { include :optional "a"; break; }'
    assert len(said(script, message=PARTS, included=others)) == 4


def test_a_problem_names_the_script_it_is_in() -> None:
    outcome = run_script(f'{HEAD} include "a";', included={"a": HEAD + '\n\nerror "x";'})
    assert outcome.failure is not None
    assert (outcome.failure.script, outcome.failure.problem.line) == ("a", 3)


def test_instructions() -> None:
    script = "".join('if anyof (false, true) { set "a" "b"; }' for _ in range(100))
    outcome = run_script(f"require {ALL}; {script}")
    assert 300 <= outcome.instructions <= 900
    limits = RunLimits(instructions=100)
    assert "too many steps" in failure(script, limits=limits)


def test_tests_are_told_of() -> None:
    script = (
        'require "fileinto"; if allof (header :contains "subject" "op", not true) { keep; }\n'
        'elsif false { stop; } else { redirect "a@b.test"; }'
    )
    outcome = run_script(script, explain=True)
    told = [(step.where.line, step.text) for step in outcome.steps]
    assert told[:5] == [
        (1, 'header :contains "subject" "op": true'),
        (1, "true: true"),
        (1, "not true: false"),
        (1, "allof (header, not): false"),
        (2, "false: false"),
    ]
    assert any(isinstance(action, Redirect) for action in outcome.actions)
    assert len(run_script(script).steps) < len(told)
