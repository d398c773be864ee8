"""REPORT bodies as values (RFC 3253 §3.6 and what extends it)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from pillarbox.formats.ical.filter import CompFilter, TimeRange
from pillarbox.formats.ical.selection import CalendarData
from pillarbox.formats.vcard.filter import AddressData, CardFilter
from pillarbox.wire.dav.filters import (
    address_data,
    calendar_data,
    calendar_filter,
    card_filter,
    time_range,
)
from pillarbox.wire.dav.names import A, C, D
from pillarbox.wire.dav.principal_reports import (
    AclPrincipalPropSet,
    CalendarServerPrincipalSearch,
    PrincipalMatch,
    PrincipalPropertySearch,
    PrincipalReport,
    PrincipalSearchPropertySet,
    parse_principal_report,
)
from pillarbox.wire.dav.properties import ALLPROP, NO_PROPS, Propfind, asked_of
from pillarbox.wire.dav.xml import Element, XmlError, is_name, parse_body

MAX_HREFS: Final = 10_000
"""Resources of one multiget."""
MAX_EXPAND_DEPTH: Final = 4
"""Levels of properties in one expand-property."""
MAX_EXPANDED: Final = 200


class SyncLevel(Enum):
    """How deep a sync goes; UNSAID is of clients that say it in Depth."""

    ONE = "1"
    INFINITE = "infinite"
    UNSAID = ""


@dataclass(frozen=True, slots=True)
class SyncCollection:
    """DAV:sync-collection (RFC 6578 §3.2); an empty token is for a first sync.

    `calendar_data` and `address_data` are `None` where contents are not asked for.
    """

    token: str
    level: SyncLevel
    limit: int | None
    wanted: Propfind
    calendar_data: CalendarData | None = None
    address_data: AddressData | None = None


@dataclass(frozen=True, slots=True)
class CalendarQuery:
    """CALDAV:calendar-query (RFC 4791 §7.8, RFC 7809 §3.1.4).

    `data` is `None` where contents are not asked for. `timezone` is a whole VCALENDAR.
    """

    wanted: Propfind
    data: CalendarData | None
    filter: CompFilter
    timezone: str | None = None
    timezone_id: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class CalendarMultiget:
    """CALDAV:calendar-multiget (RFC 4791 §7.9); `hrefs` as they came, to be told again so."""

    wanted: Propfind
    data: CalendarData | None
    hrefs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FreeBusyQuery:
    """CALDAV:free-busy-query (RFC 4791 §7.10); the range has both of its bounds."""

    range: TimeRange


@dataclass(frozen=True, slots=True)
class AddressbookQuery:
    """CARDDAV:addressbook-query (RFC 6352 §8.6)."""

    wanted: Propfind
    data: AddressData | None
    filter: CardFilter
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class AddressbookMultiget:
    """CARDDAV:addressbook-multiget (RFC 6352 §8.7); `hrefs` as they came."""

    wanted: Propfind
    data: AddressData | None
    hrefs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExpandedProp:
    """A property to be told, and what is to be told of each resource it points to."""

    name: str
    props: tuple["ExpandedProp", ...] = ()


@dataclass(frozen=True, slots=True)
class ExpandProperty:
    """DAV:expand-property (RFC 3253 §3.8)."""

    props: tuple[ExpandedProp, ...]


Report = (
    SyncCollection
    | CalendarQuery
    | CalendarMultiget
    | FreeBusyQuery
    | AddressbookQuery
    | AddressbookMultiget
    | ExpandProperty
    | PrincipalPropertySearch
    | PrincipalSearchPropertySet
    | AclPrincipalPropSet
    | PrincipalMatch
    | CalendarServerPrincipalSearch
)


def parse_report(body: bytes) -> Report:
    """A REPORT's body; XmlError with DAV:supported-report for one that is not known."""
    root = parse_body(body)
    parse = _REPORTS.get(root.name)
    if parse is not None:
        return parse(root)
    principal: PrincipalReport | None = parse_principal_report(root)
    if principal is None:
        raise XmlError("This report is not known.", D + "supported-report")
    return principal


def _sync_collection(root: Element) -> SyncCollection:
    token = root.value(D + "sync-token")
    if token is None:
        raise XmlError("The sync-token is missing; it is empty for a first sync.")
    said = root.value(D + "sync-level") or ""
    try:
        level = SyncLevel("infinite" if said == "infinity" else said)
    except ValueError:
        raise XmlError("The sync-level is 1 or infinite.") from None
    prop = root.first(D + "prop")
    return SyncCollection(
        token[:1024],
        level,
        limit_of(root, D),
        asked_of(root) or NO_PROPS,
        calendar_data(prop),
        address_data(prop),
    )


def _calendar_query(root: Element) -> CalendarQuery:
    node = root.first(C + "filter")
    if node is None:
        raise XmlError("The query's filter is missing.", C + "valid-filter")
    timezone, timezone_id = root.first(C + "timezone"), root.value(C + "timezone-id")
    if timezone is not None and timezone_id is not None:
        raise XmlError("The query has a timezone or a timezone-id, not both.")
    return CalendarQuery(
        _wanted(root),
        calendar_data(root.first(D + "prop")),
        calendar_filter(node),
        None if timezone is None else timezone.text,
        None if timezone_id is None else timezone_id[:255],
        limit_of(root, C) or limit_of(root, D),
    )


def _calendar_multiget(root: Element) -> CalendarMultiget:
    return CalendarMultiget(_wanted(root), calendar_data(root.first(D + "prop")), _hrefs(root))


def _free_busy_query(root: Element) -> FreeBusyQuery:
    ranges = root.of(C + "time-range")
    if len(ranges) != 1:
        raise XmlError("A free-busy-query has one time range.", C + "valid-filter")
    return FreeBusyQuery(time_range(ranges[0], both=True))


def _addressbook_query(root: Element) -> AddressbookQuery:
    node = root.first(A + "filter")
    return AddressbookQuery(
        _wanted(root),
        address_data(root.first(D + "prop")),
        CardFilter() if node is None else card_filter(node),
        limit_of(root, A) or limit_of(root, D),
    )


def _addressbook_multiget(root: Element) -> AddressbookMultiget:
    return AddressbookMultiget(_wanted(root), address_data(root.first(D + "prop")), _hrefs(root))


def _wanted(root: Element) -> Propfind:
    """What is asked for; without a word on it, everything (RFC 4791 §9.5)."""
    return asked_of(root) or ALLPROP


def limit_of(root: Element, space: str) -> int | None:
    """The `nresults` of a limit in a namespace (RFC 5323 §5.17, RFC 6352 §10.6)."""
    node = root.first(space + "limit")
    if node is None:
        return None
    said = node.value(space + "nresults") or node.value(D + "nresults") or ""
    if not (said.isascii() and said.isdigit() and len(said) <= 9 and int(said) > 0):
        raise XmlError("A limit is a number above 0.")
    return int(said)


def _hrefs(root: Element) -> tuple[str, ...]:
    hrefs = tuple(dict.fromkeys(node.text.strip() for node in root.of(D + "href")))
    if not hrefs:
        raise XmlError("A multiget names at least one href.")
    if len(hrefs) > MAX_HREFS:
        raise XmlError(f"A multiget names more than {MAX_HREFS} hrefs.")
    return hrefs


def _expand_property(root: Element) -> ExpandProperty:
    found = _expanded(root, 1)
    if _count(found) > MAX_EXPANDED:
        raise XmlError(f"More than {MAX_EXPANDED} properties are to be expanded.")
    return ExpandProperty(found)


def _expanded(node: Element, level: int) -> tuple[ExpandedProp, ...]:
    children = node.of(D + "property")
    if children and level > MAX_EXPAND_DEPTH:
        raise XmlError(f"Properties are expanded at most {MAX_EXPAND_DEPTH} levels deep.")
    return tuple(ExpandedProp(_property_name(one), _expanded(one, level + 1)) for one in children)


def _property_name(node: Element) -> str:
    name = node.attributes.get("name", "").strip()
    space = node.attributes.get("namespace", "DAV:").strip()
    if not is_name(space, name):
        raise XmlError("A property to expand has no name, or one that no element can have.")
    return "{" + space + "}" + name if space else name


def _count(props: tuple[ExpandedProp, ...]) -> int:
    return len(props) + sum(_count(one.props) for one in props)


_REPORTS: Mapping[str, Callable[[Element], Report]] = MappingProxyType(
    {
        D + "sync-collection": _sync_collection,
        C + "calendar-query": _calendar_query,
        C + "calendar-multiget": _calendar_multiget,
        C + "free-busy-query": _free_busy_query,
        A + "addressbook-query": _addressbook_query,
        A + "addressbook-multiget": _addressbook_multiget,
        D + "expand-property": _expand_property,
    }
)
