"""Properties of CalDAV (RFC 4791 §5.2, RFC 6638 §2, RFC 7809 §5, RFC 7953 §6)."""

from typing import Final

from msgspec.structs import replace

from pillarbox.base.errors import GrammarError
from pillarbox.domain.collections import homes
from pillarbox.domain.collections.model import (
    CollectionKind,
    ComponentKind,
    Item,
    Properties,
)
from pillarbox.domain.sharing.principals import PrincipalKind
from pillarbox.formats.ical.component import Component, parse_calendar
from pillarbox.formats.ical.zones import vtimezone, zone_names
from pillarbox.formats.itip.model import MAX_ATTENDEES
from pillarbox.protocols.dav.errors import forbidden
from pillarbox.protocols.dav.paths import (
    INBOX,
    OUTBOX,
    Area,
    Path,
    calendar_home,
    principal_path,
)
from pillarbox.protocols.dav.props.table import Getter, ItemProp, Prop, Setter
from pillarbox.protocols.dav.resources import CALENDARS, Kind, Resource
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.markup import element, href_value, hrefs_value, text_value
from pillarbox.wire.dav.names import C, local_of
from pillarbox.wire.dav.xml import Element

MAX_PROPERTY_CHARACTERS: Final = 64 * 1024
"""Of a property that is a calendar object; it is read in the transaction that changes it."""
_KEEPERS: Final = Kind.CALENDAR | Kind.CALENDAR_HOME | Kind.INBOX
_SCHEDULING: Final = Kind.PRINCIPAL
_COMPONENTS: Final = (
    ComponentKind.VEVENT,
    ComponentKind.VTODO,
    ComponentKind.VJOURNAL,
    ComponentKind.VFREEBUSY,
    ComponentKind.VAVAILABILITY,
)
CHOICES: Final = (
    ComponentKind.VEVENT | ComponentKind.VTODO | ComponentKind.VJOURNAL | ComponentKind.VFREEBUSY
)
"""What a new calendar may take."""
_COLLATIONS: Final = ("i;ascii-casemap", "i;octet", "i;unicode-casemap")
_USER_TYPES: Final = {
    PrincipalKind.USER: "INDIVIDUAL",
    PrincipalKind.GROUP: "GROUP",
    PrincipalKind.RESOURCE: "RESOURCE",
    PrincipalKind.ROOM: "ROOM",
}


def properties_of(view: View, resource: Resource) -> Properties | None:
    """What is set for a collection, or for a home: that is kept with its inbox."""
    if resource.kind is Kind.CALENDAR_HOME:
        if resource.owner is None or not view.is_own(resource.owner):
            return None
        inbox = view.inbox(resource.owner)
        return None if inbox is None else inbox.properties
    return None if resource.access is None else resource.access.properties


def text_of(value: Element | None) -> str | None:
    """The text of a property that is set, `None` where it is removed."""
    return None if value is None else value.text.strip()


def _home(view: View, resource: Resource) -> str | None:
    if resource.owner is None:
        return None
    return href_value(calendar_home(resource.owner.address))


def _addresses(view: View, resource: Resource) -> str | None:
    """The calendar user addresses of a principal."""
    if resource.owner is None:
        return None
    address, *others = map(text_value, view.addresses_of(resource.owner))
    preferred = f'<D:href preferred="1">mailto:{address}</D:href>'
    rest = "".join(f"<D:href>mailto:{one}</D:href>" for one in others)
    return preferred + rest + href_value(principal_path(resource.owner.address))


def _user_type(view: View, resource: Resource) -> str | None:
    return None if resource.owner is None else _USER_TYPES[resource.owner.kind]


def _inbox_url(view: View, resource: Resource) -> str | None:
    if resource.owner is None:
        return None
    return href_value(Path(Area.CALENDARS, resource.owner.address, INBOX).written())


def _outbox_url(view: View, resource: Resource) -> str | None:
    if resource.owner is None:
        return None
    return href_value(Path(Area.CALENDARS, resource.owner.address, OUTBOX).written())


def _default_calendar(view: View, resource: Resource) -> str | None:
    if resource.owner is None or not view.is_own(resource.owner):
        return None
    account = resource.owner.account_id
    kinds = (CollectionKind.CALENDAR,)
    for access in homes.list_of(view.tx, view.keys, view.actor, account, kinds):
        if access.mount is None and access.collection.is_default:
            path = Path(Area.CALENDARS, resource.owner.address, access.name)
            return href_value(path.written())
    return None


def _description(view: View, resource: Resource) -> str | None:
    properties = properties_of(view, resource)
    if properties is None or properties.description is None:
        return None
    return text_value(properties.description)


def _set_description(properties: Properties, value: Element | None) -> Properties:
    return replace(properties, description=text_of(value))


def components_value(components: ComponentKind) -> str:
    """A CALDAV:comp for each component."""
    return "".join(
        element(C + "comp", "", [("name", one.name or "")])
        for one in _COMPONENTS
        if one in components
    )


def _components(view: View, resource: Resource) -> str | None:
    if resource.kind is Kind.OUTBOX:
        return components_value(CHOICES)
    return components_value(resource.collection.components)


def read_components(value: Element) -> ComponentKind:
    """A CALDAV:supported-calendar-component-set of a new calendar."""
    found = ComponentKind(0)
    for one in value.of(C + "comp"):
        name = one.attributes.get("name", "").upper()
        kind = ComponentKind.__members__.get(name)
        if kind is None or kind not in CHOICES:
            raise forbidden(
                C + "supported-calendar-component",
                text=f"Calendars have no {name or 'nameless'} components here",
            )
        found |= kind
    return found or ComponentKind.VEVENT | ComponentKind.VTODO


def _component_sets(view: View, resource: Resource) -> str | None:
    """Every single kind, and all of them (CALDAV:supported-calendar-component-sets)."""
    single = [
        ComponentKind.VEVENT,
        ComponentKind.VTODO,
        ComponentKind.VJOURNAL,
        ComponentKind.VEVENT | ComponentKind.VTODO,
        ComponentKind.VEVENT | ComponentKind.VTODO | ComponentKind.VJOURNAL,
    ]
    return "".join(
        element(C + "supported-calendar-component-set", components_value(one)) for one in single
    )


def _data(view: View, resource: Resource) -> str | None:
    return '<C:calendar-data content-type="text/calendar" version="2.0"/>'


def _collations(view: View, resource: Resource) -> str | None:
    return "".join(element(C + "supported-collation", one) for one in _COLLATIONS)


def _fixed(value: str) -> Getter:
    return lambda view, resource: value


def _max_size(view: View, resource: Resource) -> str | None:
    return str(view.options.item_bytes)


def _parsed(text: str) -> Component:
    if len(text) > MAX_PROPERTY_CHARACTERS:
        raise forbidden(C + "valid-calendar-data", text="That is too large for a property")
    try:
        return parse_calendar(text.strip().encode() + b"\r\n")
    except GrammarError as error:
        raise forbidden(C + "valid-calendar-data", text=error.text) from None


def _timezone(view: View, resource: Resource) -> str | None:
    properties = properties_of(view, resource)
    if properties is None:
        return None
    if properties.timezone is not None:
        return text_value(properties.timezone)
    if properties.timezone_id is not None:
        zone = vtimezone(properties.timezone_id)
        return None if zone is None else text_value(_calendar_of(zone))
    return None


def _calendar_of(zone: Component) -> str:
    inside = zone.written().decode()
    begin = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//pillarbox//calendar//EN\r\n"
    return f"{begin}{inside}END:VCALENDAR\r\n"


def _set_timezone(properties: Properties, value: Element | None) -> Properties:
    if value is None or not value.text.strip():
        return replace(properties, timezone=None, timezone_id=None)
    calendar = _parsed(value.text)
    zones = calendar.of("VTIMEZONE")
    if len(zones) != 1 or len(calendar.parts) != 1 or not zones[0].value("TZID"):
        raise forbidden(
            C + "valid-calendar-data", text="A time zone is one VTIMEZONE in a VCALENDAR"
        )
    name = zones[0].value("TZID") or ""
    known = name if name in zone_names() else None
    return replace(properties, timezone=value.text.strip() + "\r\n", timezone_id=known)


def _timezone_id(view: View, resource: Resource) -> str | None:
    properties = properties_of(view, resource)
    if properties is None or properties.timezone_id is None:
        return None
    return text_value(properties.timezone_id)


def _set_timezone_id(properties: Properties, value: Element | None) -> Properties:
    name = text_of(value)
    if not name:
        return replace(properties, timezone=None, timezone_id=None)
    if name not in zone_names():
        raise forbidden(C + "valid-timezone", text=f"There is no time zone {name[:100]}")
    return replace(properties, timezone=None, timezone_id=name)


def _transparency(view: View, resource: Resource) -> str | None:
    transparent = resource.access is not None and resource.access.properties.is_transparent
    return element(C + ("transparent" if transparent else "opaque"))


def _set_transparency(properties: Properties, value: Element | None) -> Properties:
    transparent = value is not None and value.has(C + "transparent")
    return replace(properties, is_transparent=transparent)


def _set_counted(properties: Properties, value: Element | None) -> Properties:
    """Apple's clients say of a new calendar with YES or NO whether it counts in free-busy."""
    counts = value is None or not any(local_of(child.name) == "NO" for child in value)
    return replace(properties, is_transparent=not counts)


def _alarm(name: str) -> tuple[Getter, Setter]:
    def get(view: View, resource: Resource) -> str | None:
        properties = properties_of(view, resource)
        found = None if properties is None else properties.alarms.get(name)
        return None if found is None else text_value(found)

    def put(properties: Properties, value: Element | None) -> Properties:
        alarms = {key: text for key, text in properties.alarms.items() if key != name}
        if value is not None:
            text = value.text.strip()
            if text:
                _check_alarms(text)
            alarms[name] = text
        return replace(properties, alarms=alarms)

    return get, put


def _check_alarms(text: str) -> None:
    calendar = _parsed(f"BEGIN:VCALENDAR\r\n{text}\r\nEND:VCALENDAR")
    if not calendar.parts or any(one.name != "VALARM" for one in calendar.parts):
        raise forbidden(C + "valid-calendar-data", text="Default alarms are VALARM components")


def _availability(view: View, resource: Resource) -> str | None:
    properties = properties_of(view, resource)
    found = None if properties is None else properties.availability
    return None if found is None else text_value(found)


def _set_availability(properties: Properties, value: Element | None) -> Properties:
    text = text_of(value)
    if not text:
        return replace(properties, availability=None)
    calendar = _parsed(text)
    if not calendar.of("VAVAILABILITY"):
        raise forbidden(C + "valid-calendar-data", text="There is no VAVAILABILITY")
    return replace(properties, availability=text + "\r\n")


def _free_busy_set(view: View, resource: Resource) -> str | None:
    """The calendars that count in free-busy, as older clients ask for them."""
    if resource.owner is None or not view.is_own(resource.owner):
        return None
    kinds = (CollectionKind.CALENDAR,)
    found = homes.list_of(view.tx, view.keys, view.actor, resource.owner.account_id, kinds)
    return hrefs_value(
        Path(Area.CALENDARS, resource.owner.address, access.name).written()
        for access in found
        if access.mount is None and not access.properties.is_transparent
    )


def _schedule_tag(item: Item) -> str | None:
    return None if item.schedule_tag is None else f'"{item.schedule_tag}"'


_ALARMS = (
    "default-alarm-vevent-datetime",
    "default-alarm-vevent-date",
    "default-alarm-vtodo-datetime",
    "default-alarm-vtodo-date",
)

PROPS: Final = (
    Prop(C + "calendar-home-set", Kind.PRINCIPAL, _home),
    Prop(C + "calendar-user-address-set", _SCHEDULING, _addresses),
    Prop(C + "calendar-user-type", _SCHEDULING, _user_type),
    Prop(C + "schedule-inbox-URL", _SCHEDULING, _inbox_url),
    Prop(C + "schedule-outbox-URL", _SCHEDULING, _outbox_url),
    Prop(
        C + "schedule-default-calendar-URL",
        Kind.INBOX | Kind.PRINCIPAL,
        _default_calendar,
    ),
    Prop(
        C + "calendar-description",
        Kind.CALENDAR,
        _description,
        set=_set_description,
        settable=Kind.CALENDAR,
    ),
    Prop(C + "supported-calendar-component-set", CALENDARS | Kind.OUTBOX, _components),
    Prop(C + "supported-calendar-component-sets", Kind.CALENDAR_HOME, _component_sets),
    Prop(C + "supported-calendar-data", CALENDARS | Kind.OUTBOX, _data),
    Prop(
        C + "supported-collation-set",
        CALENDARS | Kind.EVENT | Kind.CALENDAR_HOME,
        _collations,
    ),
    Prop(C + "max-resource-size", CALENDARS | Kind.OUTBOX | Kind.CALENDAR_HOME, _max_size),
    Prop(C + "min-date-time", CALENDARS | Kind.OUTBOX, _fixed("00010101T000000Z")),
    Prop(C + "max-date-time", CALENDARS | Kind.OUTBOX, _fixed("99991231T235959Z")),
    Prop(C + "max-attendees-per-instance", CALENDARS | Kind.OUTBOX, _fixed(str(MAX_ATTENDEES))),
    Prop(
        C + "calendar-timezone",
        _KEEPERS,
        _timezone,
        set=_set_timezone,
        settable=_KEEPERS,
    ),
    Prop(
        C + "calendar-timezone-id",
        _KEEPERS,
        _timezone_id,
        set=_set_timezone_id,
        settable=_KEEPERS,
    ),
    Prop(
        C + "schedule-calendar-transp",
        Kind.CALENDAR,
        _transparency,
        set=_set_transparency,
        settable=Kind.CALENDAR,
    ),
    Prop(
        C + "calendar-availability",
        Kind.INBOX | Kind.CALENDAR_HOME,
        _availability,
        set=_set_availability,
        settable=Kind.INBOX | Kind.CALENDAR_HOME,
    ),
    Prop(
        C + "calendar-free-busy-set",
        Kind.INBOX,
        _free_busy_set,
        set=_set_counted,
        settable=Kind.CALENDAR,
    ),
    *(
        Prop(C + name, _KEEPERS, _alarm(name)[0], set=_alarm(name)[1], settable=_KEEPERS)
        for name in _ALARMS
    ),
)

ITEM_PROPS: Final = (ItemProp(C + "schedule-tag", Kind.EVENT | Kind.MESSAGE, _schedule_tag),)

get_availability, set_availability = _availability, _set_availability
