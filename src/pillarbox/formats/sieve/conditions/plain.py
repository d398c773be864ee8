"""The tests `size` (RFC 5228 §5.9), `string` (RFC 5229 §5) and `hasflag` (RFC 5232 §4)."""

from collections.abc import Sequence

from pillarbox.formats.sieve.conditions.arguments import texts_at
from pillarbox.formats.sieve.conditions.matching import MATCH_TAGS, matching
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.grammar import Call, Check, Kind, Tag, Texts, Word
from pillarbox.formats.sieve.run import Run


def _size(call: Call) -> Check:
    number = call.number(0) or 0
    line = call.line
    if call.has("over"):

        def over(run: Run) -> bool:
            run.charge(line)
            return run.message.size_bytes > number

        return over
    if call.has("under"):

        def under(run: Run) -> bool:
            run.charge(line)
            return run.message.size_bytes < number

        return under
    raise ScriptError(call.problem("size needs :over or :under"))


def _string(call: Call) -> Check:
    source, keys = texts_at(call, 0), texts_at(call, 1)
    # Pigeonhole told case apart here for years, and its suite expects that. RFC 5228 §2.7.3 has no
    # such exception.
    match = matching(call, keys, default="i;octet")
    if match.counts:
        # Empty strings don't count (RFC 5229 §5).
        return lambda run: match.test(run, [text for text in source(run) if text])
    return lambda run: match.test(run, source(run))


class _Flags:
    """Keys that are lists of flags: each flag is a key."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        constant = texts.constant
        self.constant = None if constant is None else tuple(_split(constant))
        self.is_list = texts.is_list
        self.written = texts.written

    def __call__(self, run: Run) -> Sequence[str]:
        """The flags, each once."""
        return _split(self._texts(run)) if self.constant is None else self.constant


def _split(texts: Sequence[str]) -> list[str]:
    """The words of lists of flags, each once, whatever their case."""
    return list({word.lower(): word for text in texts for word in text.split()}.values())


def _hasflag(call: Call) -> Check:
    names = call.texts(0)
    numbers = call.has("count") or call.has("value")
    patterns = any(call.has(tag) for tag in ("matches", "regex", "list"))
    keys = texts_at(call, 1)
    match = matching(call, keys if numbers or patterns else _Flags(keys))
    line = call.line
    if names is None:
        return lambda run: match.test(run, _split(run.flags))
    variables = names
    scope = call.scope
    if "variables" not in scope.extensions and "ihave" not in scope.extensions:
        text = 'a list of variables here needs: require "variables";'
        raise ScriptError(call.problem(text, 0))
    known = {name: _key(call, name) for name in variables.constant or ()}

    def check(run: Run) -> bool:
        wanted = variables(run)
        run.charge(line, len(wanted))
        held = [run.variables.get(known.get(name) or name.lower(), "") for name in wanted]
        run.charge(line, sum(map(len, held)) >> 6)
        if match.counts:
            # The counts of the variables are added up (RFC 5232 §4).
            return match.test(run, [flag for value in held for flag in _split((value,))])
        return match.test(run, _split(held))

    return check


def _key(call: Call, name: str) -> str:
    try:
        return call.scope.variable(name)
    except ValueError as error:
        raise ScriptError(call.problem(str(error), 0)) from None


WORDS: tuple[Word[Check], ...] = (
    Word(
        "size",
        _size,
        positional=(Kind.NUMBER,),
        tags=(Tag("over", group="limit"), Tag("under", group="limit")),
    ),
    Word("string", _string, "variables", (Kind.STRINGS, Kind.STRINGS), tags=MATCH_TAGS),
    Word("hasflag", _hasflag, "imap4flags", (Kind.STRINGS, Kind.STRINGS), 1, MATCH_TAGS),
)
