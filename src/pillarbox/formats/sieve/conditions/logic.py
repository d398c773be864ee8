"""Tests about tests: not, allof, anyof, true, false, and ihave (RFC 5228 §5, RFC 5463 §4)."""

from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.grammar import Call, Check, Kind, Tests, Word
from pillarbox.formats.sieve.run import Run


def _yes(run: Run) -> bool:
    return True


def _no(run: Run) -> bool:
    return False


def _not(call: Call) -> Check:
    (inner,) = call.checks

    def check(run: Run) -> bool:
        return not inner(run)

    return check


def _allof(call: Call) -> Check:
    checks, line, count = call.checks, call.line, len(call.checks)

    def check(run: Run) -> bool:
        run.charge(line, count)
        for one in checks:  # noqa: SIM110 - a generator costs more than the tests
            if not one(run):
                return False
        return True

    return check


def _anyof(call: Call) -> Check:
    checks, line, count = call.checks, call.line, len(call.checks)

    def check(run: Run) -> bool:
        run.charge(line, count)
        for one in checks:  # noqa: SIM110
            if one(run):
                return True
        return False

    return check


def _ihave(call: Call) -> Check:
    names = call.texts(0)
    try:
        found = call.scope.enable((names.constant or ()) if names else ())
    except ValueError as error:
        raise ScriptError(call.problem(str(error), 0)) from None
    return _yes if found else _no


WORDS: tuple[Word[Check], ...] = (
    Word("true", lambda call: _yes),
    Word("false", lambda call: _no),
    Word("not", _not, tests=Tests.ONE),
    Word("allof", _allof, tests=Tests.LIST),
    Word("anyof", _anyof, tests=Tests.LIST),
    Word("ihave", _ihave, "ihave", (Kind.STRINGS,), constant=frozenset({0})),
)
