"""set: the value of a variable (RFC 5229 §4)."""

from pillarbox.formats.sieve.commands.performing import charge_text, one, quoted
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.grammar import Call, Kind, Step, Word
from pillarbox.formats.sieve.modifiers import MODIFIER_TAGS, Modifier, modifiers
from pillarbox.formats.sieve.run import Run

_KIB = 10


def variable_key(call: Call, at: int) -> str:
    """The key of the variable that an argument names; raises `ScriptError` with its place."""
    texts = call.texts(at)
    if texts is None or texts.constant is None:
        raise ScriptError(call.problem("the name of a variable can't be put together", at))
    try:
        return call.scope.variable(texts.constant[0])
    except ValueError as error:
        raise ScriptError(call.problem(str(error), at)) from None


def modified(run: Run, call: Call, changes: tuple[Modifier, ...], value: str) -> str:
    """The value after all its modifiers."""
    for change in changes:
        charge_text(run, call.line, value)
        value = change(value)
    return value


def store(run: Run, call: Call, key: str, value: str) -> None:
    """Give a variable a value, which is cut at `RunLimits.variable_characters`.

    Raises `RunError` where there are too many variables.
    """
    variables = run.variables
    if key not in variables and len(variables) >= run.limits.variables:
        raise run.error(
            call.line, f"there can be at most {run.limits.variables} variables", call.column
        )
    run.charge(call.line, len(value) >> _KIB)
    variables[key] = value[: run.limits.variable_characters]


def _set(call: Call) -> Step:
    """`set [MODIFIER] name value`."""
    key = variable_key(call, 0)
    changes = modifiers(call)
    texts = call.texts(1)
    if texts is None:
        raise ScriptError(call.problem("set needs a value"))

    def step(run: Run) -> None:
        value = one(texts, run)
        value = modified(run, call, changes, value)
        store(run, call, key, value)
        run.note(call.line, lambda: f"set {quoted(key)} {quoted(value)}")

    return step


WORDS: tuple[Word[Step], ...] = (
    Word(
        "set",
        _set,
        extension="variables",
        positional=(Kind.STRING, Kind.STRING),
        tags=MODIFIER_TAGS,
        constant=frozenset({0}),
    ),
)
