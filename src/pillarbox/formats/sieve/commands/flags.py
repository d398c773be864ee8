"""setflag, addflag, removeflag, and mark and unmark of old scripts (RFC 5232).

`imapflags`, which they were called first, has no lists in variables.
"""

from collections.abc import Callable

from pillarbox.formats.sieve.commands.performing import charge_text, quoted, several
from pillarbox.formats.sieve.commands.variables import store, variable_key
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.flag_lists import flags_of, message_flags, with_flags, without_flags
from pillarbox.formats.sieve.grammar import Call, Kind, Step, Texts, Word
from pillarbox.formats.sieve.run import Run

_OLD = "imapflags"
_NEW = "imap4flags"
_MARK = "\\Flagged"

_Flags = tuple[str, ...]
_CHANGES: dict[str, Callable[[_Flags, _Flags], _Flags]] = {
    "setflag": lambda flags, given: given,
    "addflag": with_flags,
    "removeflag": without_flags,
}


def _change(call: Call) -> Step:
    """`setflag [variable] flags` and the like; without variable the internal list."""
    change = _CHANGES[call.word]
    texts = call.texts(1)
    if texts is None:
        raise ScriptError(call.problem(f"{call.word} needs a list of flags"))
    _check_extensions(call)
    key = None if call.texts(0) is None else _variable(call)
    flags = _given(call, texts)

    def step(run: Run) -> None:
        given = flags(run)
        run.charge(call.line, 1 + len(given) // 8)
        if key is None:
            run.charge(call.line, len(run.flags) // 3)
            run.flags = list(message_flags(change(tuple(run.flags), given)))
        else:
            value = run.variables.get(key, "")
            charge_text(run, call.line, value)
            before = flags_of((value,))
            value = _fitting(change(before, given), run.limits.variable_characters)
            store(run, call, key, value)
        run.note(call.line, lambda: f"{call.word} {quoted(' '.join(given))}")

    return step


def _given(call: Call, texts: Texts) -> Callable[[Run], _Flags]:
    if texts.constant is not None:
        known = flags_of(texts.constant)
        return lambda run: known
    return lambda run: flags_of(several(texts, run, call.line))


def _fitting(flags: _Flags, most: int) -> str:
    """A list of flags as the value of a variable, no flag cut in two."""
    value = " ".join(flags)
    return value if len(value) <= most else value[: most + 1].rpartition(" ")[0]


def _check_extensions(call: Call) -> None:
    if {_OLD, _NEW} <= call.scope.extensions:
        raise ScriptError(
            call.problem(f"{call.word} is ambiguous: require {_NEW} or {_OLD}, not both")
        )


def _variable(call: Call) -> str:
    if _NEW not in call.scope.extensions:
        raise ScriptError(call.problem(f"{_OLD} has no lists in variables: require {_NEW}", 0))
    if "variables" not in call.scope.extensions:
        raise ScriptError(call.problem('lists in variables need: require "variables";', 0))
    return variable_key(call, 0)


def _mark(call: Call) -> Step:
    """`mark` and `unmark`: the same as addflag and removeflag of `\\\\Flagged`."""
    _check_extensions(call)
    change = with_flags if call.word == "mark" else without_flags

    def step(run: Run) -> None:
        run.flags = list(change(run.flags, (_MARK,)))
        run.note(call.line, call.word)

    return step


WORDS: tuple[Word[Step], ...] = (
    *(
        Word(
            name,
            _change,
            extension=f"{_NEW} {_OLD}",
            positional=(Kind.STRING, Kind.STRINGS),
            optional=1,
            constant=frozenset({0}),
        )
        for name in _CHANGES
    ),
    *(Word(name, _mark, extension=_OLD) for name in ("mark", "unmark")),
)
