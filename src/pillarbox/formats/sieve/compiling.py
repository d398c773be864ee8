"""From the text of a script to a program: lexer, parser and checker in one."""

from collections.abc import Collection

from pillarbox.formats.sieve.errors import Problem, ScriptError
from pillarbox.formats.sieve.extensions import EXTENSIONS
from pillarbox.formats.sieve.limits import ScriptLimits
from pillarbox.formats.sieve.program import Program

LIMITS = ScriptLimits()


def compile_script(
    content: bytes,
    name: str = "",
    limits: ScriptLimits = LIMITS,
    withheld: Collection[str] = (),
    *,
    explain: bool = False,
) -> Program:
    """Compile a script; raises `ScriptError` that names everything that is wrong with it.

    `withheld` are extensions it may not require. With `explain` its runs note every test.
    """
    # The words of the language are many modules, and few servers have a script from the start.
    from pillarbox.formats.sieve.checking import Checker
    from pillarbox.formats.sieve.parser import parse_all

    script, problems = parse_all(content, limits)
    checker = Checker(limits, EXTENSIONS.difference(withheld), explain)
    # Without what a faulty require should have named, everything else would look wrong.
    if not any(one.faulty and one.name == "require" for one in script.commands):
        step = checker.script(script)
        if not problems and not checker.problems:
            return Program(
                name,
                step,
                checker.extensions,
                tuple(checker.questions),
                tuple(checker.inclusions),
            )
    every = sorted({*problems, *checker.problems}, key=_place)
    raise ScriptError(*every[: limits.problems])


def _place(problem: Problem) -> tuple[int, int, str]:
    return problem.line, problem.column, problem.text
