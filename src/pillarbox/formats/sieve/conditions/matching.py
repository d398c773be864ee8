"""Comparing values with keys: match types and comparators (RFC 5228 §2.7, RFC 5231, RFC 6134).

Keys that are constant are folded, and patterns compiled, when the script is. A match is asked
value by value, for each key in turn; the first one that fits sets the match variables.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pillarbox.formats.sieve.comparators import COMPARATORS, DEFAULT, Comparator
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.globs import Glob, Spans, TooMuch
from pillarbox.formats.sieve.grammar import Call, Kind, Tag, Texts
from pillarbox.formats.sieve.questions import ListQuestion
from pillarbox.formats.sieve.regexes import Regex, compile_regex
from pillarbox.formats.sieve.run import Run

MATCH_TAGS = (
    Tag("is", group="match-type"),
    Tag("contains", group="match-type"),
    Tag("matches", group="match-type"),
    Tag("regex", group="match-type", extension="regex"),
    Tag("value", Kind.STRING, "match-type", "relational", constant=True),
    Tag("count", Kind.STRING, "match-type", "relational", constant=True),
    Tag("list", group="match-type", extension="extlists"),
    Tag("comparator", Kind.STRING, constant=True),
)
MATCH_TYPES = tuple(tag.name for tag in MATCH_TAGS if tag.group)

Matches = Callable[[Run, Sequence[str]], bool]

_BUILT_IN = ("i;octet", "i;ascii-casemap")
Relation = Callable[[tuple[int, str], tuple[int, str]], bool]

_RELATIONS: MappingProxyType[str, Relation] = MappingProxyType(
    {
        "eq": operator.eq,
        "ne": operator.ne,
        "gt": operator.gt,
        "ge": operator.ge,
        "lt": operator.lt,
        "le": operator.le,
    }
)
_LENGTH_BITS = 12
"""A comparison of so many bits of length costs one instruction more."""
_FOLDED_BITS = 10
_STEPS = 8
"""Steps within a pattern that cost one instruction."""
_LEAST = 10
"""What an expression comes to beside its instructions."""
_SMALL = 64
_LARGE_BITS = 7
_LISTED = 50
"""Values that one test looks for in external lists."""


@dataclass(frozen=True, slots=True)
class Matching:
    """How one test compares.

    `test` takes values as they are. `folded` takes them as `comparator` folds them, `None` if that
    is not enough. `counts`: only the number of values matters (`:count`).
    """

    comparator: str
    test: Matches
    folded: Matches | None = None
    counts: bool = False


_Maker = Callable[[Run | None, Sequence[str]], Matches]
"""Makes a comparison with these keys; `None` for the run while the script is compiled."""


def matcher(call: Call, keys: Texts) -> Matches:
    """What compares values with keys as the tags of a call say; raises `ScriptError`."""
    return matching(call, keys).test


def matching(call: Call, keys: Texts, *, captures: bool = True, default: str = DEFAULT) -> Matching:
    """The same with what is needed to prepare values.

    `captures`: it may set match variables. `default` is the comparator where none is given.
    """
    comparator = _comparator(call, default)
    kind = next((name for name in MATCH_TYPES if call.has(name)), "is")
    if kind in ("contains", "matches", "regex") and not comparator.substrings:
        text = f'the comparator "{comparator.name}" can\'t be used with :{kind}'
        raise ScriptError(call.problem(text, "comparator"))
    extensions = call.scope.extensions
    captures = captures and ("variables" in extensions or "ihave" in extensions)
    line = call.line
    if kind == "is":
        return _by_folded(keys, comparator, lambda _, keys: _is(line, comparator, keys))
    if kind == "contains":
        return _by_folded(keys, comparator, lambda _, keys: _contains(line, comparator, keys))
    if kind == "value":
        relation = _relation(call, "value")
        return _by_folded(
            keys, comparator, lambda _, keys: _value(line, comparator, keys, relation)
        )
    if kind == "count":
        relation = _relation(call, "count")
        count = _prepared(keys, lambda _, keys: _count(line, comparator, keys, relation))
        return Matching(comparator.name, count, counts=True)
    if kind == "list":
        return Matching(comparator.name, _listed(line, keys))
    if kind == "regex":
        return Matching(comparator.name, _prepared(keys, _regex_maker(call, comparator, captures)))
    if captures:
        return Matching(comparator.name, _prepared(keys, _glob_maker(line, comparator)))
    return _by_folded(keys, comparator, lambda _, keys: _globs(line, comparator, keys))


def _comparator(call: Call, default: str) -> Comparator:
    given = call.texts("comparator")
    name = default if given is None else "".join(given.constant or ())
    found = COMPARATORS.get(name)
    if found is None:
        raise ScriptError(call.problem(f'there is no comparator "{name[:64]}"', "comparator"))
    if name not in _BUILT_IN and f"comparator-{name}" not in call.scope.extensions:
        text = f'the comparator "{name}" needs: require "comparator-{name}";'
        raise ScriptError(call.problem(text, "comparator"))
    return found


def _relation(call: Call, tag: str) -> Relation:
    given = call.texts(tag)
    name = "" if given is None else "".join(given.constant or ())
    found = _RELATIONS.get(name.lower())
    if found is None:
        text = f":{tag} needs one of {', '.join(_RELATIONS)}, not {name[:20]!r}"
        raise ScriptError(call.problem(text, tag))
    return found


def _prepared(keys: Texts, make: _Maker) -> Matches:
    """Makes the comparison once if the keys are constant, else in each run."""
    constant = keys.constant
    if constant is not None:
        return make(None, constant)
    return lambda run, values: make(run, keys(run))(run, values)


def _by_folded(keys: Texts, comparator: Comparator, make: _Maker) -> Matching:
    folded = _prepared(keys, make)
    fold = comparator.fold

    def test(run: Run, values: Sequence[str]) -> bool:
        return folded(run, [fold(value) for value in values])

    return Matching(comparator.name, test, folded)


def cost(values: Sequence[str], keys: int) -> int:
    """The instructions for comparing values with so many keys."""
    return (len(values) + (sum(map(len, values)) >> _LENGTH_BITS)) * keys


def _is(line: int, comparator: Comparator, keys: Sequence[str]) -> Matches:
    wanted = frozenset(map(comparator.fold, keys))

    def test(run: Run, values: Sequence[str]) -> bool:
        run.left -= len(values)
        if run.left < 0:
            run.charge(line, 0)
        return not wanted.isdisjoint(values)

    return test


def _contains(line: int, comparator: Comparator, keys: Sequence[str]) -> Matches:
    wanted = tuple(map(comparator.fold, keys))
    count = len(wanted)
    if count == 1:
        return _contains_one(line, wanted[0])

    def test(run: Run, values: Sequence[str]) -> bool:
        run.left -= cost(values, count)
        if run.left < 0:
            run.charge(line, 0)
        for value in values:
            for key in wanted:
                if key in value:
                    return True
        return False

    return test


def _contains_one(line: int, key: str) -> Matches:
    def test(run: Run, values: Sequence[str]) -> bool:
        run.left -= cost(values, 1)
        if run.left < 0:
            run.charge(line, 0)
        for value in values:  # noqa: SIM110
            if key in value:
                return True
        return False

    return test


def _value(
    line: int,
    comparator: Comparator,
    keys: Sequence[str],
    relation: Relation,
) -> Matches:
    rank = comparator.rank
    ranks = [rank(comparator.fold(key)) for key in keys]

    def test(run: Run, values: Sequence[str]) -> bool:
        run.charge(line, cost(values, len(ranks)))
        return any(relation(rank(value), key) for value in values for key in ranks)

    return test


def _count(
    line: int,
    comparator: Comparator,
    keys: Sequence[str],
    relation: Relation,
) -> Matches:
    inner = _value(line, comparator, keys, relation)

    def test(run: Run, values: Sequence[str]) -> bool:
        return inner(run, (comparator.fold(str(len(values))),))

    return test


def _listed(line: int, keys: Texts) -> Matches:
    def test(run: Run, values: Sequence[str]) -> bool:
        names = keys(run)
        for value in values[:_LISTED]:
            for name in names:
                run.charge(line)
                if run.asked >= run.limits.questions:
                    return False
                if run.answer(ListQuestion(name, value)):
                    run.matched = (value,)
                    return True
        return False

    return test


# Patterns


def _globs(line: int, comparator: Comparator, keys: Sequence[str]) -> Matches:
    """By `:matches` where nobody asks for the match values."""
    globs = [Glob(key, comparator.fold) for key in keys]
    tests = [(glob.quick, glob) for glob in globs]
    count = len(tests)

    def test(run: Run, values: Sequence[str]) -> bool:
        run.left -= cost(values, count)
        if run.left < 0:
            run.charge(line, 0)
        most = run.limits.matched_characters
        for value in values:
            text = value if len(value) <= most else value[:most]
            for quick, glob in tests:
                if quick is None:
                    matches = _spans(run, line, glob, text) is not None
                else:
                    matches = quick(text)
                if matches:
                    return True
        return False

    return test


def _spans(run: Run, line: int, glob: Glob, text: str) -> Spans | None:
    """What a pattern matches, its steps charged."""
    steps = run.left * _STEPS
    try:
        spans, left = glob.spans(text, steps)
    except TooMuch:
        run.charge(line, run.left + 1)
        return None
    run.left -= (steps - left) // _STEPS
    return spans


def _glob_maker(line: int, comparator: Comparator) -> _Maker:
    fold = comparator.fold

    def make(run: Run | None, keys: Sequence[str]) -> Matches:
        if run is not None:
            run.charge(line, sum(map(len, keys)) >> 4)
        globs = [Glob(key, fold) for key in keys]

        def test(run: Run, values: Sequence[str]) -> bool:
            run.charge(line, cost(values, len(globs)))
            most = run.limits.matched_characters
            for value in values:
                value = value if len(value) <= most else value[:most]
                folded = fold(value)
                run.left -= len(folded) >> _FOLDED_BITS
                for glob in globs:
                    quick = glob.quick
                    if quick is not None and not quick(folded):
                        continue
                    spans = _spans(run, line, glob, folded)
                    if spans is not None:
                        kept = spans[: run.limits.match_values - 1]
                        run.matched = (value, *_slices(value, folded, kept, fold))
                        return True
            return False

        return test

    return make


def _slices(value: str, folded: str, spans: Spans, fold: Callable[[str], str]) -> list[str]:
    """The match values as they stand in the value, which may be shorter than its folded form."""
    if len(value) == len(folded):
        return [value[start:end] for start, end in spans]
    places: list[int] = []
    for at, character in enumerate(value):
        places += [at] * len(fold(character))
    places += [len(value)] * (len(folded) + 1 - len(places))
    return [value[places[start] : places[end]] for start, end in spans]


def _regex_maker(call: Call, comparator: Comparator, captures: bool) -> _Maker:
    line = call.line

    def compiled(run: Run | None, keys: Sequence[str]) -> list[Regex]:
        if run is not None:
            run.charge(line, sum(map(len, keys)) + 100 * len(keys))
        made = []
        try:
            for key in keys:
                made.append(compile_regex(key, ignores_case=comparator.ignores_case))
                if run is None:
                    call.scope.hold(_LEAST + made[-1].programsize)
            return made
        except ValueError as error:
            if run is not None:
                raise run.error(line, str(error)) from None
            at = str(len(call.arguments) - 1)
            raise ScriptError(call.problem(str(error), at)) from None

    return lambda run, keys: _regexes(line, compiled(run, keys), captures)


def _weight(size: int) -> int:
    """What each character costs: making a state of the automaton at worst, larger with its size."""
    return max(_SMALL, size, size * size >> _LARGE_BITS)


def _regexes(line: int, expressions: Sequence[Regex], captures: bool) -> Matches:
    sized = [(expression, _weight(expression.programsize)) for expression in expressions]

    def test(run: Run, values: Sequence[str]) -> bool:
        most = run.limits.matched_characters
        for value in values:
            value = value if len(value) <= most else value[:most]
            for expression, weight in sized:
                run.charge(line, 1 + (len(value) * weight >> _LENGTH_BITS))
                found = expression.search(value)
                if found is not None:
                    if captures:
                        groups = found.groups()[: run.limits.match_values - 1]
                        whole = found.group(0) or ""
                        run.matched = (whole, *[group or "" for group in groups])
                    return True
        return False

    return test
