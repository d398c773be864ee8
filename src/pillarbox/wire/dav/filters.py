"""Filters and selections of calendar and address-book reports (RFC 4791 §9, RFC 6352 §10)."""

import re
from datetime import UTC, datetime
from typing import Final

from pillarbox.formats.ical.filter import CompFilter, PropFilter, TimeRange
from pillarbox.formats.ical.selection import CalendarData, CompSelection, PropSelection
from pillarbox.formats.text_match import Collation, MatchType, ParamFilter, TextMatch
from pillarbox.formats.vcard import filter as cards
from pillarbox.wire.dav.names import A, C
from pillarbox.wire.dav.xml import Element, XmlError

MAX_FILTERS: Final = 200
"""Filters of one query, on all levels."""
MAX_TEXT_CHARACTERS: Final = 1024
"""Of a text to look for."""
MAX_NAME_CHARACTERS: Final = 255
MAX_SELECTED: Final = 500
"""Names of properties in one selection, on all levels."""

_UTC_TIME = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_GROUPED_NAME = re.compile(r"(?:[A-Za-z0-9_-]+\.)?[A-Za-z0-9_-]+")
_COLLATIONS: Final = {
    "default": Collation.UNICODE_CASEMAP,
    **{collation.value: collation for collation in Collation},
}


class _Count:
    """How many filters or names a request has so far."""

    __slots__ = ("_left", "_what")

    def __init__(self, most: int, what: str) -> None:
        self._left = most
        self._what = what

    def one(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise XmlError(f"The request has too many {self._what}.")


def utc_ms(text: str) -> int:
    """An instant written as `20060104T000000Z`, in ms; a leap second is the one before it."""
    found = _UTC_TIME.fullmatch(text.strip())
    if found is None:
        raise XmlError("A time range is not in UTC date-times such as 20060104T000000Z.")
    year, month, day, hour, minute, second = (int(part) for part in found.groups())
    try:
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        raise XmlError("A time range has a date or time there is none of.") from None
    if second > 60:
        raise XmlError("A time range has a date or time there is none of.")
    apart = moment - _EPOCH
    return (apart.days * 86_400 + apart.seconds) * 1000


def time_range(node: Element, *, both: bool = False) -> TimeRange:
    """The `start` and `end` of an element; with `both` neither may be missing (§9.9)."""
    start, end = node.attributes.get("start"), node.attributes.get("end")
    if (start is None or end is None) and (both or start is end):
        raise XmlError("A time range lacks its start or end.", C + "valid-filter")
    try:
        found = TimeRange(
            None if start is None else utc_ms(start), None if end is None else utc_ms(end)
        )
    except XmlError as error:
        raise XmlError(error.text, C + "valid-filter") from None
    if found.start_ms is not None and found.end_ms is not None and found.start_ms >= found.end_ms:
        raise XmlError("A time range ends before it starts.", C + "valid-filter")
    return found


def calendar_filter(node: Element) -> CompFilter:
    """The CALDAV:filter of a query: a filter for VCALENDAR (§9.7)."""
    comps = node.of(C + "comp-filter")
    if len(comps) != 1:
        raise XmlError("A filter has one comp-filter.", C + "valid-filter")
    found = _comp_filter(comps[0], _Count(MAX_FILTERS, "filters"))
    if found.name != "VCALENDAR":
        raise XmlError("The outermost comp-filter is not for VCALENDAR.", C + "valid-filter")
    return found


def _comp_filter(node: Element, count: _Count) -> CompFilter:
    count.one()
    name = _name(node, _NAME, C)
    if node.has(C + "is-not-defined"):
        if len(node.children) > 1:
            raise XmlError("A filter with is-not-defined has other parts.", C + "valid-filter")
        return CompFilter(name, is_not_defined=True)
    return CompFilter(
        name,
        time_range=_range_of(node),
        props=tuple(_prop_filter(one, count) for one in node.of(C + "prop-filter")),
        comps=tuple(_comp_filter(one, count) for one in node.of(C + "comp-filter")),
    )


def _prop_filter(node: Element, count: _Count) -> PropFilter:
    count.one()
    name = _name(node, _NAME, C)
    if node.has(C + "is-not-defined"):
        return PropFilter(name, is_not_defined=True)
    text = node.first(C + "text-match")
    window = _range_of(node)
    if text is not None and window is not None:
        raise XmlError("A prop-filter has a time range or a text.", C + "valid-filter")
    return PropFilter(
        name,
        time_range=window,
        text_match=None if text is None else _text_match(text, C),
        params=tuple(_param_filter(one, C, count) for one in node.of(C + "param-filter")),
    )


def _param_filter(node: Element, space: str, count: _Count) -> ParamFilter:
    count.one()
    name = _name(node, _NAME, space)
    if node.has(space + "is-not-defined"):
        return ParamFilter(name, is_not_defined=True)
    text = node.first(space + "text-match")
    return ParamFilter(name, text_match=None if text is None else _text_match(text, space))


def _range_of(node: Element) -> TimeRange | None:
    found = node.of(C + "time-range")
    if len(found) > 1:
        raise XmlError("A filter has more than one time range.", C + "valid-filter")
    return time_range(found[0]) if found else None


def _text_match(node: Element, space: str) -> TextMatch:
    """A text-match; calendar queries only know `contains`, and ASCII by default (§9.7.5)."""
    if len(node.text) > MAX_TEXT_CHARACTERS:
        raise XmlError(f"A text to look for is longer than {MAX_TEXT_CHARACTERS} characters.")
    default = "i;ascii-casemap" if space == C else "i;unicode-casemap"
    collation = _COLLATIONS.get(node.attributes.get("collation", default).strip().lower())
    if collation is None:
        raise XmlError("This collation is not known.", space + "supported-collation")
    try:
        match_type = MatchType(node.attributes.get("match-type", "contains"))
    except ValueError:
        raise XmlError("This match-type is not known.", _invalid(space)) from None
    negate = node.attributes.get("negate-condition", "no")
    if negate not in ("yes", "no"):
        raise XmlError("negate-condition is yes or no.", _invalid(space))
    return TextMatch(node.text, collation, match_type, negate == "yes")


def _invalid(space: str) -> str:
    return C + "valid-filter" if space == C else A + "supported-filter"


def _name(node: Element, pattern: re.Pattern[str], space: str) -> str:
    name = node.attributes.get("name", "").strip()
    if len(name) > MAX_NAME_CHARACTERS or pattern.fullmatch(name) is None:
        raise XmlError("A filter's name is missing or none.", _invalid(space))
    return name.upper()


def card_filter(node: Element) -> cards.CardFilter:
    """The CARDDAV:filter of a query; an empty one fits all (RFC 6352 §10.5)."""
    count = _Count(MAX_FILTERS, "filters")
    return cards.CardFilter(
        _any_of(node), tuple(_card_prop(one, count) for one in node.of(A + "prop-filter"))
    )


def _card_prop(node: Element, count: _Count) -> cards.PropFilter:
    count.one()
    name = _name(node, _GROUPED_NAME, A)
    if node.has(A + "is-not-defined"):
        return cards.PropFilter(name, is_not_defined=True)
    texts = node.of(A + "text-match")
    for _ in texts:
        count.one()
    return cards.PropFilter(
        name,
        any_of=_any_of(node),
        text_matches=tuple(_text_match(one, A) for one in texts),
        params=tuple(_param_filter(one, A, count) for one in node.of(A + "param-filter")),
    )


def _any_of(node: Element) -> bool:
    test = node.attributes.get("test", "anyof")
    if test not in ("anyof", "allof"):
        raise XmlError("A filter's test is anyof or allof.", A + "supported-filter")
    return test == "anyof"


def calendar_data(prop: Element | None) -> CalendarData | None:
    """The CALDAV:calendar-data in a DAV:prop; `None` if it is not asked for (§9.6)."""
    node = None if prop is None else prop.first(C + "calendar-data")
    if node is None:
        return None
    content_type = node.attributes.get("content-type", "text/calendar").strip().lower()
    version = node.attributes.get("version", "2.0").strip()
    if content_type != "text/calendar" or version != "2.0":
        raise XmlError(
            "Calendar data is text/calendar of version 2.0.", C + "supported-calendar-data"
        )
    comp = node.first(C + "comp")
    count = _Count(MAX_SELECTED, "selected properties")
    ranges = {name: node.first(C + name) for name in _RANGES}
    windows = {
        name: None if one is None else time_range(one, both=True) for name, one in ranges.items()
    }
    if windows["expand"] is not None and windows["limit-recurrence-set"] is not None:
        raise XmlError("Recurrences can be expanded or limited, not both.")
    return CalendarData(
        selection=None if comp is None else _selection(comp, count),
        expand=windows["expand"],
        limit_recurrence=windows["limit-recurrence-set"],
        limit_free_busy=windows["limit-freebusy-set"],
    )


_RANGES = ("expand", "limit-recurrence-set", "limit-freebusy-set")


def _selection(node: Element, count: _Count) -> CompSelection:
    """A CALDAV:comp; without prop or allprop no properties are asked for (§9.6.1).

    One without anything is the whole component, as the answer in §7.8.1 has it.
    """
    count.one()
    name = _selected_name(node)
    if not node.children:
        return CompSelection(name)
    props = None
    if not node.has(C + "allprop"):
        props = tuple(_prop_selection(one, count) for one in node.of(C + "prop"))
    comps = None
    if not node.has(C + "allcomp"):
        comps = tuple(_selection(one, count) for one in node.of(C + "comp"))
    return CompSelection(name, props, comps)


def _prop_selection(node: Element, count: _Count) -> PropSelection:
    count.one()
    novalue = node.attributes.get("novalue", "no")
    if novalue not in ("yes", "no"):
        raise XmlError("novalue is yes or no.")
    return PropSelection(_selected_name(node), novalue == "yes")


def _selected_name(node: Element) -> str:
    name = node.attributes.get("name", "").strip()
    if len(name) > MAX_NAME_CHARACTERS or _GROUPED_NAME.fullmatch(name) is None:
        raise XmlError("A selected component or property has no name or none there can be.")
    return name.upper()


def address_data(prop: Element | None) -> cards.AddressData | None:
    """The CARDDAV:address-data in a DAV:prop; `None` if it is not asked for (RFC 6352 §10.4)."""
    node = None if prop is None else prop.first(A + "address-data")
    if node is None:
        return None
    content_type = node.attributes.get("content-type", "text/vcard").strip().lower()
    version = node.attributes.get("version")
    version = None if version is None else version.strip()
    if content_type not in ("text/vcard", "text/x-vcard", "text/directory") or (
        version not in (None, "3.0", "4.0")
    ):
        raise XmlError(
            "Address data is text/vcard of version 3.0 or 4.0.",
            A + "supported-address-data-conversion",
        )
    names = node.of(A + "prop")
    if node.has(A + "allprop") or not names:
        return cards.AddressData(version=version)
    count = _Count(MAX_SELECTED, "selected properties")
    return cards.AddressData(
        version=version, props=tuple(_prop_selection(one, count).name for one in names)
    )
