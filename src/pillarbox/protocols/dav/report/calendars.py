"""Reports on calendars: calendar-query, calendar-multiget, free-busy-query (RFC 4791 §7)."""

from http import HTTPStatus

from starlette.responses import Response

from pillarbox.base.errors import Invalid
from pillarbox.formats.ical.matching import InvalidFilter, check_filter
from pillarbox.pipeline.collections import queries
from pillarbox.protocols.dav.call import Call, multistatus
from pillarbox.protocols.dav.errors import forbidden
from pillarbox.protocols.dav.report.collections import (
    check_data,
    matched,
    named,
    require_itself,
    table_of,
)
from pillarbox.wire.dav.names import C
from pillarbox.wire.dav.reports import CalendarMultiget, CalendarQuery, FreeBusyQuery


async def calendar_query(call: Call, query: CalendarQuery) -> Response:
    """The objects of a calendar that fit a filter; of one object, whether it does."""
    check_data(query.data)
    try:
        check_filter(query.filter)
    except InvalidFilter as error:
        raise forbidden(C + error.rule, text=error.text) from None
    href = call.path.href
    await call.resource()
    call = call.of_collection()
    table = await table_of(call, query.wanted)
    wanted = queries.CalendarQuery(
        query.filter,
        query.data,
        query.timezone or query.timezone_id or "",
        call.with_timezones(),
    )
    place = await call.place()
    asked = call.services.queries
    pages = (
        asked.one(call.actor, place, href, wanted)
        if href
        else asked.calendar(call.actor, place, wanted)
    )
    most = min(query.limit or call.services.options.matches, call.services.options.matches)
    try:
        return await multistatus(matched(call, table, pages, most))
    except Invalid as failure:
        rule = C + ("valid-timezone" if query.timezone_id else "valid-calendar-data")
        raise forbidden(rule, text=failure.public) from None


async def calendar_multiget(call: Call, query: CalendarMultiget) -> Response:
    """Objects of a calendar by name."""
    check_data(query.data)
    await require_itself(call, query.hrefs)
    call = call.of_collection()
    table = await table_of(call, query.wanted)
    return await multistatus(named(call, table, query.hrefs, query.data))


async def free_busy_query(call: Call, query: FreeBusyQuery) -> Response:
    """When the owner of a calendar is busy, for whoever may know that."""
    place = await call.place()
    found = await call.services.free_busy.of_calendar(call.actor, place, query.range)
    return Response(found, HTTPStatus.OK, {"content-type": "text/calendar; charset=utf-8"})
