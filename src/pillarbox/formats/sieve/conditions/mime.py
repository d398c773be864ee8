"""Which headers a test looks at, and what of them (RFC 5260 §6, RFC 5703 §4)."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from pillarbox.formats.mime.content import Params, parameter, parse_content_type, parse_disposition
from pillarbox.formats.mime.words import decode_words
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.grammar import Call, Kind, Tag
from pillarbox.formats.sieve.message import MessageHeader, MimePart
from pillarbox.formats.sieve.run import Run

INDEX_TAGS = (
    Tag("index", Kind.NUMBER, extension="index"),
    Tag("last", extension="index"),
)
PART_TAGS = (
    Tag("mime", extension="mime"),
    Tag("anychild", extension="mime"),
)
MIME_TAGS = (
    *PART_TAGS,
    Tag("type", group="mime-option", extension="mime"),
    Tag("subtype", group="mime-option", extension="mime"),
    Tag("contenttype", group="mime-option", extension="mime"),
    Tag("param", Kind.STRINGS, "mime-option", "mime"),
)

_OPTIONS = ("type", "subtype", "contenttype", "param")
_INDEX_MAX = 1_000_000
_PARSED_BITS = 3
"""Parsing a value of so many bits of length costs one instruction."""
_Item = TypeVar("_Item")

Headers = Callable[[Run], Sequence[MessageHeader]]
Extract = Callable[[Run, str, bytes], Sequence[str]]
"""Takes a field's lower-case name and value, gives what is compared."""


def headers(call: Call) -> Headers | None:
    """The headers that a test looks at; `None` if that is the message's own, always.

    Inside a foreverypart loop `:mime` means the part of the loop, and `:anychild` those below it
    too. Raises `ScriptError`.
    """
    if not call.has("mime"):
        for tag in ("anychild", *_OPTIONS):
            if call.has(tag):
                raise ScriptError(call.problem(f":{tag} needs :mime beside it", tag))
        return None
    line = call.line
    if call.has("anychild"):

        def all_below(run: Run) -> Sequence[MessageHeader]:
            run.scan(line)
            part, message = _part(run), run.message
            parts = message.parts(part)
            run.charge(line, len(parts))
            found = [message.header_of(inner) for inner in parts if not inner.is_root]
            return [message.header_of(part), *found]

        return all_below
    return lambda run: (run.message.header_of(_part(run)),)


def _part(run: Run) -> MimePart | None:
    return run.part


def picker(call: Call) -> Callable[[Sequence[_Item]], Sequence[_Item]] | None:
    """Takes the field that `:index` and `:last` mean out of those in question; `None` without.

    Raises `ScriptError`.
    """
    index = call.number("index")
    if index is None:
        if call.has("last"):
            raise ScriptError(call.problem(":last needs :index beside it", "last"))
        return None
    if index < 1:
        raise ScriptError(call.problem("the first field has the :index 1", "index"))
    at = min(index, _INDEX_MAX)
    if call.has("last"):
        return lambda items: items[-at : len(items) - at + 1] if at <= len(items) else ()
    return lambda items: items[at - 1 : at]


def option(call: Call) -> Extract | None:
    """What `:type`, `:subtype`, `:contenttype` or `:param` take out of a value, `None` without."""
    params = call.texts("param")
    if params is not None:
        names = params

        def some_parameters(run: Run, name: str, raw: bytes) -> Sequence[str]:
            run.charge(call.line, 1 + (len(raw) >> _PARSED_BITS))
            given = _structured(name, raw)[1]
            wanted = [one.lower() for one in names(run)]
            run.charge(call.line, len(wanted))
            found = [parameter(given, one) for one in wanted]
            return [value for value in found if value is not None]

        return some_parameters
    kind = next((name for name in _OPTIONS if call.has(name)), None)
    if kind is None:
        return None

    def the_type(run: Run, name: str, raw: bytes) -> Sequence[str]:
        run.charge(call.line, 1 + (len(raw) >> _PARSED_BITS))
        main, sub = _structured(name, raw)[0]
        if kind == "type":
            return (main,)
        if kind == "subtype":
            return (sub,)
        return (f"{main}/{sub}" if sub else main,)

    return the_type


def _structured(name: str, raw: bytes) -> tuple[tuple[str, str], Params]:
    """Type and subtype (empty if there is none), and the parameters; of any field's value."""
    if name == "content-type":
        found = parse_content_type(raw)
        return (("", ""), ()) if found is None else ((found[0], found[1]), found[2])
    other = parse_disposition(raw)
    if other is not None:
        return (other[0], ""), other[1]
    return (decode_words(raw.partition(b";")[0]).strip().lower(), ""), ()


def lower_names(names: Sequence[str]) -> Iterator[str]:
    """Names of header fields as they are looked up."""
    return (name.lower() for name in names)
