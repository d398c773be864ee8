"""REPORT (RFC 3253 §3.6): which report is asked for, and whether the resource has it."""

from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import Any, Final

from starlette.responses import Response

from pillarbox.protocols.dav.call import Call
from pillarbox.protocols.dav.errors import forbidden
from pillarbox.protocols.dav.report.calendars import (
    calendar_multiget,
    calendar_query,
    free_busy_query,
)
from pillarbox.protocols.dav.report.contacts import addressbook_multiget, addressbook_query
from pillarbox.protocols.dav.report.expand import expand_property
from pillarbox.protocols.dav.report.principals import (
    acl_principal_prop_set,
    calendarserver_principal_search,
    principal_match,
    principal_property_search,
    principal_search_property_set,
)
from pillarbox.protocols.dav.report.sync import sync_collection
from pillarbox.protocols.dav.report_names import reports_of
from pillarbox.protocols.dav.resources import kind_at
from pillarbox.wire.dav.names import CS, A, C, D
from pillarbox.wire.dav.principal_reports import (
    AclPrincipalPropSet,
    CalendarServerPrincipalSearch,
    PrincipalMatch,
    PrincipalPropertySearch,
    PrincipalSearchPropertySet,
)
from pillarbox.wire.dav.reports import (
    AddressbookMultiget,
    AddressbookQuery,
    CalendarMultiget,
    CalendarQuery,
    ExpandProperty,
    FreeBusyQuery,
    Report,
    SyncCollection,
    parse_report,
)

Handler = Callable[[Call, Any], Awaitable[Response]]

_REPORTS: Final = MappingProxyType[type[Report], tuple[str, Handler]](
    {
        SyncCollection: (D + "sync-collection", sync_collection),
        CalendarQuery: (C + "calendar-query", calendar_query),
        CalendarMultiget: (C + "calendar-multiget", calendar_multiget),
        FreeBusyQuery: (C + "free-busy-query", free_busy_query),
        AddressbookQuery: (A + "addressbook-query", addressbook_query),
        AddressbookMultiget: (A + "addressbook-multiget", addressbook_multiget),
        ExpandProperty: (D + "expand-property", expand_property),
        PrincipalPropertySearch: (D + "principal-property-search", principal_property_search),
        PrincipalSearchPropertySet: (
            D + "principal-search-property-set",
            principal_search_property_set,
        ),
        AclPrincipalPropSet: (D + "acl-principal-prop-set", acl_principal_prop_set),
        PrincipalMatch: (D + "principal-match", principal_match),
        CalendarServerPrincipalSearch: (
            CS + "calendarserver-principal-search",
            calendarserver_principal_search,
        ),
    }
)


async def report(call: Call) -> Response:
    """Answer a REPORT."""
    wanted = await call.parsed(parse_report)
    name, answer = _REPORTS[type(wanted)]
    if name not in reports_of(kind_at(call.path)):
        raise forbidden(D + "supported-report", text="This resource does not have this report")
    return await answer(call, wanted)
