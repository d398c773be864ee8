"""notify: somebody is told of the message (RFC 5435, RFC 5436, RFC 8580); and as it once was.

The old `notify` and `denotify` have other arguments than the new one and can't be used beside it;
what is required tells which is meant.
"""

import re
from collections.abc import Callable, Sequence

from pillarbox.base.errors import GrammarError
from pillarbox.formats.sieve.actions import Notify
from pillarbox.formats.sieve.addresses import outgoing_address, sender
from pillarbox.formats.sieve.commands.filing import FCC_TAGS, fcc_reader
from pillarbox.formats.sieve.commands.performing import one, perform, quoted, read_by, several
from pillarbox.formats.sieve.conditions.matching import MATCH_TAGS, MATCH_TYPES, matcher
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.grammar import Call, Kind, Step, Tag, Word
from pillarbox.formats.sieve.mailto import (
    MAX_RECIPIENTS,
    mailto_uri,
    parse_mailto,
)
from pillarbox.formats.sieve.run import Run

MAX_OPTIONS = 20
MAX_OPTION_CHARACTERS = 1_000
_NEW = "enotify"
_OLD = "notify"
_OPTION = re.compile(r"([a-z0-9][a-z0-9._-]*)=([^\x00-\x08\x0a-\x1f\x7f]*)\Z", re.IGNORECASE)
_IMPORTANCE = {"1": 1, "2": 2, "3": 3}
_OLD_IMPORTANCE = {"high": 1, "normal": 2, "low": 3}
_IMPORTANCE_TAGS = tuple(Tag(name, group="importance") for name in _OLD_IMPORTANCE)


def _notify(call: Call) -> Step:
    extensions = call.scope.extensions
    if {_NEW, _OLD} <= extensions:
        raise ScriptError(call.problem(f"notify is ambiguous: require {_NEW} or {_OLD}, not both"))
    return _new_notify(call) if _NEW in extensions else _old_notify(call)


def _method(uri: str) -> str:
    scheme = uri.partition(":")[0]
    if scheme.lower() != "mailto":
        raise GrammarError("people are told by mail only: the method begins with mailto:")
    parse_mailto(uri)
    return uri


def _importance(text: str) -> int:
    found = _IMPORTANCE.get(text)
    if found is None:
        raise GrammarError('the importance is "1" (high), "2" or "3" (low)')
    return found


def _options(call: Call) -> Callable[[Run], tuple[tuple[str, str], ...]]:
    """Names and values of `:options`; the first one of a name counts (RFC 5435 §3.5)."""
    texts = call.texts("options")
    if texts is None:
        return lambda run: ()
    line, column = call.places.get("options", (call.line, call.column))
    if texts.constant is not None:
        try:
            known = _read_options(texts.constant)
        except GrammarError as error:
            raise ScriptError(call.problem(str(error.args[0]), "options")) from None
        return lambda run: known

    def read(run: Run) -> tuple[tuple[str, str], ...]:
        try:
            return _read_options(several(texts, run, line))
        except GrammarError as error:
            raise run.error(line, str(error.args[0]), column) from None

    return read


def _read_options(values: Sequence[str]) -> tuple[tuple[str, str], ...]:
    if len(values) > MAX_OPTIONS:
        raise GrammarError(f":options takes at most {MAX_OPTIONS} options")
    found: dict[str, str] = {}
    for value in values:
        match = _OPTION.match(value) if len(value) <= MAX_OPTION_CHARACTERS else None
        if match is None:
            raise GrammarError(f"{quoted(value)} is not an option, which is written name=value")
        found.setdefault(match[1].lower(), match[2])
    return tuple(found.items())


def _new_notify(call: Call) -> Step:
    """`notify [:from s] [:importance s] [:options list] [:message s] method` (RFC 5435 §3)."""
    for name in ("method", "id", *_OLD_IMPORTANCE):
        if call.has(name):
            raise ScriptError(call.problem(f"notify of {_NEW} has no :{name}", name))
    if call.arguments[0] is None:
        raise ScriptError(call.problem('notify lacks the method, such as "mailto:me@example.org"'))
    method = read_by(call, 0, _method)
    from_ = read_by(call, "from", sender) if call.has("from") else None
    importance = read_by(call, "importance", _importance) if call.has("importance") else None
    options = _options(call)
    message = call.texts("message")
    fcc = fcc_reader(call)

    def step(run: Run) -> None:
        action = Notify(
            method(run),
            "" if message is None else one(message, run),
            "" if from_ is None else from_(run),
            2 if importance is None else importance(run),
            options(run),
            fcc(run) if fcc else None,
            where=run.where(call.line),
        )
        perform(run, call, action)
        run.note(call.line, f"notify {quoted(action.method)}")

    return step


# What RFC 5435 replaced


def _old_notify(call: Call) -> Step:
    """`notify [:method s] [:id s] [:options list] [:message s] [:low | :normal | :high]`.

    The only method is "mailto", and its options are the addresses. Whoever was told once is not
    told again.
    """
    for name in ("from", "importance", "fcc", "flags", "create", "specialuse", "mailboxid"):
        if call.has(name):
            raise ScriptError(call.problem(f"notify of {_OLD} has no :{name}", name))
    if call.arguments[0] is not None:
        raise ScriptError(call.problem(f"notify of {_OLD} takes addresses by :options", 0))
    if call.has("method"):
        read_by(call, "method", _old_method)
    addresses = _old_addresses(call)
    identity = call.texts("id")
    message = call.texts("message")
    importance = _old_importance(call) or 2

    def step(run: Run) -> None:
        told = {done for action in run.actions if isinstance(action, Notify) for done in action.to}
        to = tuple(address for address in addresses(run) if address not in told)
        if not to:
            run.note(call.line, "notify: nobody is left to be told")
            return
        action = Notify(
            mailto_uri(to),
            "" if message is None else one(message, run),
            importance=importance,
            id="" if identity is None else one(identity, run),
            to=to,
            where=run.where(call.line),
        )
        perform(run, call, action)
        run.note(call.line, f"notify {quoted(', '.join(to))}")

    return step


def _old_method(text: str) -> str:
    if text.lower() != "mailto":
        raise GrammarError('people are told by mail only: the method is "mailto"')
    return text


def _old_importance(call: Call) -> int | None:
    return next((_OLD_IMPORTANCE[name] for name in _OLD_IMPORTANCE if call.has(name)), None)


def _old_addresses(call: Call) -> Callable[[Run], tuple[str, ...]]:
    texts = call.texts("options")
    if texts is None:
        raise ScriptError(call.problem("notify needs :options with the addresses to tell"))
    line, column = call.places.get("options", (call.line, call.column))
    if texts.constant is not None:
        try:
            known = _read_addresses(texts.constant)
        except GrammarError as error:
            raise ScriptError(call.problem(str(error.args[0]), "options")) from None
        return lambda run: known

    def read(run: Run) -> tuple[str, ...]:
        try:
            return _read_addresses(several(texts, run, line))
        except GrammarError as error:
            raise run.error(line, str(error.args[0]), column) from None

    return read


def _read_addresses(values: Sequence[str]) -> tuple[str, ...]:
    if not 0 < len(values) <= MAX_RECIPIENTS:
        raise GrammarError(f"notify takes 1 to {MAX_RECIPIENTS} addresses")
    found: dict[str, None] = {}
    for value in values:
        try:
            found[str(outgoing_address(value)[0])] = None
        except GrammarError:
            raise GrammarError(f"{quoted(value)} is not an address") from None
    return tuple(found)


def _denotify(call: Call) -> Step:
    """`denotify [MATCH-TYPE id] [:low | :normal | :high]`: take back notifications not yet sent."""
    if {_NEW, _OLD} <= call.scope.extensions:
        raise ScriptError(call.problem(f"denotify can't be used where {_NEW} is required"))
    keys = call.texts(0)
    matches = None if keys is None else matcher(call, keys)
    importance = _old_importance(call)
    if keys is None and any(map(call.has, MATCH_TYPES)):
        raise ScriptError(call.problem("denotify lacks the id to match"))

    def step(run: Run) -> None:
        kept = []
        for action in run.actions:
            if (
                isinstance(action, Notify)
                and (importance is None or action.importance == importance)
                and (matches is None or matches(run, (action.id,)))
            ):
                continue
            kept.append(action)
        run.note(call.line, f"denotify: {len(run.actions) - len(kept)} taken back")
        run.actions[:] = kept

    return step


WORDS: tuple[Word[Step], ...] = (
    Word(
        "notify",
        _notify,
        extension=f"{_NEW} {_OLD}",
        positional=(Kind.STRING,),
        optional=1,
        tags=(
            Tag("from", Kind.STRING),
            Tag("importance", Kind.STRING),
            Tag("options", Kind.STRINGS),
            Tag("message", Kind.STRING),
            Tag("method", Kind.STRING),
            Tag("id", Kind.STRING),
            *_IMPORTANCE_TAGS,
            *FCC_TAGS,
        ),
    ),
    Word(
        "denotify",
        _denotify,
        extension=_OLD,
        positional=(Kind.STRING,),
        optional=1,
        tags=(*MATCH_TAGS, *_IMPORTANCE_TAGS),
    ),
)
