"""From the text of a script to a program: lexer, parser and checker in one."""

from collections.abc import Collection

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
    raise NotImplementedError
