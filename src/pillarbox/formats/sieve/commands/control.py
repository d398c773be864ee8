"""Commands that say which others run (RFC 5228 §3, RFC 5463 §5, RFC 5703 §3, RFC 6609 §3).

The checker puts `if`, `elsif` and `else` together with `branching`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.grammar import Call, Check, Kind, Step, Tag, Tests, Word
from pillarbox.formats.sieve.inclusion import Inclusion
from pillarbox.formats.sieve.run import Included, Returned, Run, Stopped
from pillarbox.formats.sieve.texts import GLOBAL


@dataclass(frozen=True, slots=True)
class Branch:
    """An `if`, `elsif` or (without a test) `else`."""

    line: int
    check: Check | None
    block: Step


def branching(branches: Sequence[Branch]) -> Step:
    """Run the block of the first branch whose test is true."""
    if len(branches) == 1 and branches[0].check is not None:
        return _single(branches[0].line, branches[0].check, branches[0].block)
    tested = tuple((one.line, one.check, one.block) for one in branches)

    def step(run: Run) -> None:
        for line, check, block in tested:
            run.charge(line)
            if check is None or check(run):
                block(run)
                return

    return step


def _single(line: int, check: Check, block: Step) -> Step:
    def step(run: Run) -> None:
        run.charge(line)
        if check(run):
            block(run)

    return step


def block_of(steps: Sequence[Step], line: int) -> Step:
    """One command after another."""
    commands, count = tuple(steps), len(steps)

    def block(run: Run) -> None:
        run.charge(line, count)
        for command in commands:
            command(run)

    return block


def _block(call: Call) -> Step:
    return call.block or block_of((), call.line)


def _if(call: Call) -> Step:
    return _single(call.line, call.checks[0], _block(call))


def _nothing(call: Call) -> Step:
    return block_of((), call.line)


def _stop(call: Call) -> Step:
    def step(run: Run) -> None:
        raise Stopped

    return step


def _return(call: Call) -> Step:
    def step(run: Run) -> None:
        raise Returned

    return step


def _error(call: Call) -> Step:
    texts, line, column = call.texts(0), call.line, call.column

    def step(run: Run) -> None:
        (text,) = texts(run) if texts else ("",)
        raise run.error(line, text, column)

    return step


def _constant(call: Call, at: int | str) -> str:
    texts = call.texts(at)
    return texts.constant[0] if texts is not None and texts.constant else ""


# Loops over MIME parts


class _Break(Exception):
    """The loop of this level, counted from 1 for the outermost, ends."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self.level = level


def _foreverypart(call: Call) -> Step:
    line, block = call.line, _block(call)
    level = len(call.scope.loops)

    def step(run: Run) -> None:
        if run.loops >= run.limits.loop_depth:
            raise run.error(line, "too many foreverypart loops in one another")
        run.scan(line)
        outer = run.part
        run.loops += 1
        try:
            for part in run.message.parts(outer):
                run.charge(line)
                run.part = part
                block(run)
        except _Break as broken:
            if broken.level != level:
                raise
        finally:
            run.loops -= 1
            run.part = outer

    return step


def _break(call: Call) -> Step:
    loops, name = list(call.scope.loops), _constant(call, "name")
    if not loops:
        raise ScriptError(call.problem("'break' stands outside of a foreverypart loop"))
    if call.has("name") and (not name or name not in loops):
        text = f'no foreverypart loop around this has the name "{name[:60]}"'
        raise ScriptError(call.problem(text, "name"))
    level = len(loops)
    if call.has("name"):
        level -= loops[::-1].index(name)

    def step(run: Run) -> None:
        raise _Break(level)

    return step


# Scripts in scripts

_NAME_MAX = 128
# RFC 5804 §1.6
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _include(call: Call) -> Step:
    inclusion = Inclusion(_constant(call, 0), not call.has("global"))
    if not inclusion.name:
        raise ScriptError(call.problem("the name of a script is missing", 0))
    if len(inclusion.name) > _NAME_MAX or _UNFIT.search(inclusion.name):
        raise ScriptError(call.problem("no script can have this name", 0))
    call.scope.include(inclusion)
    line, blocks = call.line, call.scope.depth
    once, optional = call.has("once"), call.has("optional")

    def step(run: Run) -> None:
        program = run.included.get(inclusion)
        is_main = program is not None and program is run.program
        if once and (is_main or inclusion in run.inclusions_seen):
            return
        if program is None:
            if not optional:
                kind = "" if inclusion.personal else "global "
                raise run.error(line, f'there is no {kind}script "{inclusion.name}" to include')
            return
        if is_main or inclusion in run.including:
            raise run.error(line, f'the script "{inclusion.name}" includes itself')
        _enter(run, line, inclusion)
        run.depth += blocks
        try:
            _run_included(run, line, program)
        finally:
            run.depth -= blocks
            run.including = run.including[:-1]

    return step


def _enter(run: Run, line: int, inclusion: Inclusion) -> None:
    if len(run.including) >= run.limits.include_depth or run.depth > run.limits.block_depth:
        raise run.error(line, "scripts are included too deeply in one another")
    run.inclusions += 1
    if run.inclusions > run.limits.includes:
        raise run.error(line, "too many scripts are included")
    run.inclusions_seen.add(inclusion)
    run.including = (*run.including, inclusion)


def _run_included(run: Run, line: int, program: Included) -> None:
    # Variables are a script's own but for the global ones (RFC 6609 §3.4), and so are the values of
    # its last match. A foreverypart loop in it goes on from the part that the run is at.
    run.charge(line)
    variables, matched, script, part = run.variables, run.matched, run.script, run.part
    run.variables = {key: value for key, value in variables.items() if key.startswith(GLOBAL)}
    run.matched, run.script = (), program.name
    try:
        program.step(run)
    except Returned:
        pass
    for key, value in run.variables.items():
        if key.startswith(GLOBAL):
            variables[key] = value
    run.variables, run.matched, run.script, run.part = variables, matched, script, part


def _global(call: Call) -> Step:
    names = call.texts(0)
    for name in (names.constant or ()) if names else ():
        try:
            call.scope.declare_global(name)
        except ValueError as error:
            raise ScriptError(call.problem(str(error), 0)) from None
    return _nothing(call)


_NAME = Tag("name", Kind.STRING, extension="foreverypart", constant=True)
_INCLUDE_TAGS = (
    Tag("personal", group="location"),
    Tag("global", group="location"),
    Tag("once"),
    Tag("optional"),
)
_FIRST = frozenset({0})

WORDS: tuple[Word[Step], ...] = (
    # What `require` does is the checker's.
    Word("require", _nothing, positional=(Kind.STRINGS,)),
    Word("if", _if, tests=Tests.ONE, has_block=True),
    Word("elsif", _if, tests=Tests.ONE, has_block=True),
    Word("else", _nothing, has_block=True),
    Word("stop", _stop),
    Word("error", _error, "ihave", (Kind.STRING,)),
    Word("foreverypart", _foreverypart, "foreverypart", tags=(_NAME,), has_block=True),
    Word("break", _break, "foreverypart", tags=(_NAME,)),
    Word("include", _include, "include", (Kind.STRING,), tags=_INCLUDE_TAGS, constant=_FIRST),
    Word("return", _return, "include"),
    Word("global", _global, "include", (Kind.STRINGS,), constant=_FIRST),
)
