"""What the reports on collections have in common: rows of objects, told page by page."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from pillarbox.base.errors import Denied, GrammarError, NotFound
from pillarbox.domain.collections.model import Right
from pillarbox.formats.ical.selection import CalendarData
from pillarbox.formats.vcard.filter import AddressData
from pillarbox.pipeline.collections.queries import Told, TooMuchAsked, Work
from pillarbox.protocols.dav.call import Call
from pillarbox.protocols.dav.errors import DavError, forbidden
from pillarbox.protocols.dav.paths import PREFIXES, Path, Place, read_path
from pillarbox.protocols.dav.resources import FOREIGN, Kind, find
from pillarbox.protocols.dav.telling import Answer, ItemForm, form_of
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.hrefs import href_path, quoted
from pillarbox.wire.dav.names import A, C, D
from pillarbox.wire.dav.properties import Propfind

ROWS_ON_LOOP = 20
"""Of more rows an answer is made in a thread."""
NAMED_AT_ONCE = 200
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_@~-][A-Za-z0-9._@~-]{0,199}")
"""What names of objects mostly are; they mean themselves in an href."""
TOO_MANY = D + "number-of-matches-within-limits"


@dataclass(frozen=True, slots=True)
class Table:
    """A collection and how its objects are told; `base` is what their paths begin with."""

    kind: Kind
    form: ItemForm
    base: str


async def table_of(call: Call, wanted: Propfind) -> Table:
    """How the objects of the request's collection are told; `Denied` for who may not read them."""
    return await call.lookup(_table, call.path, wanted)


def _table(view: View, path: Path, wanted: Propfind) -> Table:
    collection = find(view, path)
    if Right.READ not in collection.rights:
        raise Denied(FOREIGN)
    return Table(collection.kind, form_of(view, collection, wanted), path.written(view.root))


async def require_itself(call: Call, hrefs: tuple[str, ...]) -> None:
    """Refuse a multiget of an object that names anything but the object (RFC 4791 §7.9)."""
    if not call.path.href:
        return
    await call.resource()
    names, strange = item_names(call.path.parent, hrefs)
    if strange or names != [call.path.href]:
        raise DavError(HTTPStatus.BAD_REQUEST, text="A multiget of an object names it alone")


def check_data(data: CalendarData | AddressData | None) -> None:
    """Refuse formats that objects can't be told in."""
    if isinstance(data, CalendarData):
        if data.content_type != "text/calendar" or data.version != "2.0":
            raise forbidden(C + "supported-calendar-data", text="Only iCalendar 2.0 is told")
    elif isinstance(data, AddressData) and (
        data.content_type != "text/vcard" or data.version not in (None, "3.0", "4.0")
    ):
        raise forbidden(
            A + "supported-address-data-conversion", text="Cards are told as vCard 3.0 or 4.0"
        )


async def told_rows(answer: Answer, table: Table, rows: Iterable[Told]) -> bytes:
    """Tell of objects; what has been said so far."""
    rows = list(rows)
    if len(rows) <= ROWS_ON_LOOP and sum(len(row.data or b"") for row in rows) < 1 << 16:
        return _rows(answer, table, rows)
    return await asyncio.to_thread(_rows, answer, table, rows)


def _rows(answer: Answer, table: Table, rows: list[Told]) -> bytes:
    answer.rows(table.base, table.form, ((row.item, row.data) for row in rows))
    return answer.taken()


async def matched(
    call: Call, table: Table, pages: AsyncIterator[list[Told]], most: int
) -> AsyncIterator[bytes]:
    """The answer to a query; with more than `most` that fit it says so (RFC 6352 §8.6.2).

    So it does where there is more work than one request may make.
    """
    answer = Answer.begun(call.root, call.preferences.minimal)
    left = most
    whole = True
    try:
        async for page in pages:
            told = page[:left]
            for at in range(0, len(told), table.form.at_once):
                yield await told_rows(answer, table, told[at : at + table.form.at_once])
            if len(page) > left:
                whole = False
                break
            left -= len(page)
    except TooMuchAsked:
        whole = False
    if not whole:
        answer.body.status(
            call.path.written(call.root), HTTPStatus.INSUFFICIENT_STORAGE, (TOO_MANY,)
        )
    yield answer.body.build()


async def named(
    call: Call,
    table: Table,
    hrefs: tuple[str, ...],
    data: CalendarData | AddressData | None,
) -> AsyncIterator[bytes]:
    """The answer to a multiget: each object named, or that there is none."""
    if len(hrefs) > call.services.options.hrefs:
        raise DavError(HTTPStatus.FORBIDDEN, TOO_MANY, text="That are too many hrefs")
    place = await call.place()
    with_timezones = call.with_timezones()
    answer = Answer.begun(call.root, call.preferences.minimal)
    work = Work()
    for at in range(0, len(hrefs), NAMED_AT_ONCE):
        names, strange = item_names(call.path, hrefs[at : at + NAMED_AT_ONCE])
        while names or strange:
            found, count = await call.services.queries.named(
                call.actor, place, names, data, with_timezones, work
            )
            yield await told_named(answer, table, names[:count], strange, found)
            names, strange = names[count:], []
    yield answer.body.build()


async def told_named(
    answer: Answer,
    table: Table,
    names: Iterable[str],
    strange: Iterable[str],
    found: Mapping[str, Told],
) -> bytes:
    """Tell of objects that were named, of those there are not, and of what names none."""
    for href in strange:
        answer.body.status(href, HTTPStatus.NOT_FOUND)
    rows: list[Told] = []
    for name in names:
        if name in found:
            rows.append(found[name])
        else:
            answer.body.status(table.base + name, HTTPStatus.NOT_FOUND)
    return await told_rows(answer, table, rows)


def item_names(collection: Path, hrefs: Iterable[str]) -> tuple[list[str], list[str]]:
    """The names of objects of the collection, and hrefs that name none of them."""
    names: dict[str, None] = {}
    strange: list[str] = []
    written = [quoted(collection.written(prefix)) for prefix in PREFIXES]
    usual = (*written, *(one.replace("@", "%40") for one in written))
    for href in hrefs:
        base = next((one for one in usual if href.startswith(one)), None)
        if base is not None and _PLAIN_NAME.fullmatch(href, len(base)):
            names[href[len(base) :]] = None
            continue
        try:
            path = href_path(href)
        except GrammarError:
            strange.append(href[:1024])
            continue
        try:
            found = read_path(path)
        except NotFound:
            strange.append(path)
            continue
        if found.place is Place.ITEM and found.parent == collection:
            names[found.href] = None
        else:
            strange.append(path)
    return list(names), strange
