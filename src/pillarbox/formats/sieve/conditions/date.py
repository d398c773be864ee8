"""The tests `date` and `currentdate` (RFC 5260)."""

from collections.abc import Callable
from datetime import datetime, tzinfo

from pillarbox.formats.mime.date import parse_date
from pillarbox.formats.sieve.conditions.arguments import texts_at
from pillarbox.formats.sieve.conditions.matching import MATCH_TAGS, matching
from pillarbox.formats.sieve.conditions.mime import INDEX_TAGS, picker
from pillarbox.formats.sieve.dates import DATE_PARTS, in_zone, zone_of
from pillarbox.formats.sieve.errors import ScriptError
from pillarbox.formats.sieve.grammar import Call, Check, Kind, Tag, Texts, Word
from pillarbox.formats.sieve.run import Run

_ZONE_TAG = Tag("zone", Kind.STRING, "zone")


def _zone(call: Call) -> Callable[[Run], tzinfo | None]:
    """The zone the parts are told in; `None` for the date's own."""
    given = call.texts("zone")
    line = call.line
    if call.has("originalzone"):
        return lambda run: None
    if given is None:
        return lambda run: run.surroundings.now.tzinfo
    texts = given
    if texts.constant is not None:
        try:
            constant = zone_of(texts.constant[0])
        except ValueError as error:
            raise ScriptError(call.problem(str(error), "zone")) from None
        return lambda run: constant

    def made(run: Run) -> tzinfo:
        try:
            return zone_of(texts(run)[0])
        except ValueError as error:
            raise run.error(line, str(error)) from None

    return made


def _part(call: Call, at: int) -> Callable[[Run, datetime], str]:
    texts = texts_at(call, at)
    line = call.line
    if texts.constant is not None:
        found = DATE_PARTS.get(texts.constant[0].lower())
        if found is None:
            raise ScriptError(call.problem(_no_part(texts.constant[0]), at))
        constant = found
        return lambda run, date: constant(date)

    def made(run: Run, date: datetime) -> str:
        name = texts(run)[0]
        part = DATE_PARTS.get(name.lower())
        if part is None:
            raise run.error(line, _no_part(name))
        return part(date)

    return made


def _no_part(name: str) -> str:
    return f'"{name[:20]}" is not a part of a date; there are {", ".join(DATE_PARTS)}'


def _date(call: Call) -> Check:
    names: Texts = texts_at(call, 0)
    part = _part(call, 1)
    match = matching(call, texts_at(call, 2))
    zone_in = _zone(call)
    pick = picker(call)
    line = call.line

    def check(run: Run) -> bool:
        raw = run.message.header.raw(names(run)[0].lower())
        # The first field only, where there are several (RFC 5260 §4).
        picked = raw[:1] if pick is None else pick(raw)
        zone = zone_in(run)
        run.charge(line, len(picked))
        values: list[str] = []
        for value in picked:
            read = parse_date(value)
            at = None if read is None else in_zone(read, zone)
            if at is not None:
                values.append(part(run, at))
        return match.test(run, values)

    return check


def _currentdate(call: Call) -> Check:
    part = _part(call, 0)
    match = matching(call, texts_at(call, 1))
    zone_in = _zone(call)

    def check(run: Run) -> bool:
        at = in_zone(run.surroundings.now, zone_in(run))
        return match.test(run, () if at is None else (part(run, at),))

    return check


WORDS: tuple[Word[Check], ...] = (
    Word(
        "date",
        _date,
        "date",
        (Kind.STRING, Kind.STRING, Kind.STRINGS),
        tags=(*MATCH_TAGS, *INDEX_TAGS, _ZONE_TAG, Tag("originalzone", group="zone")),
    ),
    Word(
        "currentdate",
        _currentdate,
        "date",
        (Kind.STRING, Kind.STRINGS),
        tags=(*MATCH_TAGS, _ZONE_TAG),
    ),
)
