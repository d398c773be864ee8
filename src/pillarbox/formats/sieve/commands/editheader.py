"""addheader and deleteheader: edits of the message's own header (RFC 5293)."""

from collections.abc import Callable

from pillarbox.base.errors import GrammarError
from pillarbox.formats.sieve.commands.performing import quoted, read_by
from pillarbox.formats.sieve.conditions.matching import MATCH_TAGS, matcher
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.grammar import Call, Kind, Step, Tag, Word
from pillarbox.formats.sieve.message_edit import is_field_name
from pillarbox.formats.sieve.run import Run

MAX_NAME_CHARACTERS = 76
MAX_VALUE_CHARACTERS = 8_000
_HEADER_BITS = 5
# By these a loop is known, and who wrote by hand and who did not (RFC 5293 §6).
_LASTING = frozenset({"received", "auto-submitted", "return-path", "delivered-to"})
# These only the server writes.
_TRACE = frozenset({"received", "return-path", "delivered-to"})


def count_edit(run: Run, call: Call) -> None:
    """Count an edit of the message; raises `RunError` where there are too many."""
    run.edits += 1
    if run.edits > run.limits.header_edits:
        raise run.error(
            call.line, f"a message is edited at most {run.limits.header_edits} times", call.column
        )


def _name(text: str) -> str:
    if not is_field_name(text) or len(text) > MAX_NAME_CHARACTERS:
        raise GrammarError("that is no name of a header field")
    return text


def _value(text: str) -> str:
    if "\0" in text:
        raise GrammarError("the value of a header field can't hold NUL")
    if len(text) > MAX_VALUE_CHARACTERS:
        raise GrammarError(
            f"the value of a header field has at most {MAX_VALUE_CHARACTERS} characters"
        )
    return text


def _addheader(call: Call) -> Step:
    """`addheader [:last] name value`."""
    name = read_by(call, 0, _name)
    value = read_by(call, 1, _value)
    last = call.has("last")

    def step(run: Run) -> None:
        field, text = name(run), value(run)
        if field.lower() in _TRACE:
            run.note(call.line, f"addheader: {field} is left to the server")
            return
        count_edit(run, call)
        charge_header(run, call)
        run.message.add_field(field, text, last=last)
        if run.forwarded is not None:
            run.forwarded.add_field(field, text, last=last)
            run.forwarded_edited = True
        run.note(call.line, f"addheader {quoted(field)} {quoted(text)}")

    return step


def _deleteheader(call: Call) -> Step:
    """`deleteheader [:index n [:last]] [COMPARATOR] [MATCH-TYPE] name [value-patterns]`."""
    # With two arguments the name is the first; with one it stands where the patterns would.
    at = 1 if call.arguments[0] is None else 0
    names = call.texts(at)
    if names is None or names.is_list:
        raise ScriptError(call.problem("deleteheader takes one name of a header field", at))
    name = read_by(call, at, _name)
    keys = None if at else call.texts(1)
    matches = None if keys is None else matcher(call, keys)
    index = call.number("index")
    last = call.has("last")
    if last and index is None:
        raise ScriptError(call.problem(":last needs :index", "last"))
    if index == 0:
        raise ScriptError(call.problem("header fields are counted from 1", "index"))

    def step(run: Run) -> None:
        field = name(run)
        if field.lower() in _LASTING:
            run.note(call.line, f"deleteheader: {field} has to stay")
            return
        count_edit(run, call)
        charge_header(run, call)
        wanted = None if matches is None else _wanted(run, matches)
        deleted = run.message.delete_fields(field, wanted, index or 0, last=last)
        if run.forwarded is not None:
            run.forwarded.delete_fields(field, wanted, index or 0, last=last)
            run.forwarded_edited = True
        run.note(call.line, f"deleteheader {quoted(field)}: {deleted} deleted")

    return step


def _wanted(run: Run, matches: Callable[[Run, tuple[str, ...]], bool]) -> Callable[[str], bool]:
    return lambda value: matches(run, (value,))


def charge_header(run: Run, call: Call) -> None:
    """A header that is edited is read anew."""
    run.charge(call.line, 1 + (len(run.message.header.block) >> _HEADER_BITS))


WORDS: tuple[Word[Step], ...] = (
    Word(
        "addheader",
        _addheader,
        extension="editheader",
        positional=(Kind.STRING, Kind.STRING),
        tags=(Tag("last"),),
    ),
    Word(
        "deleteheader",
        _deleteheader,
        extension="editheader",
        positional=(Kind.STRINGS, Kind.STRINGS),
        optional=1,
        tags=(Tag("index", Kind.NUMBER), Tag("last"), *MATCH_TAGS),
    ),
)
