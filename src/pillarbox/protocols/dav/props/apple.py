"""Colour and order of calendars, as Apple's programs named them and all others do."""

import re
from typing import Final

from msgspec.structs import replace

from pillarbox.domain.collections.model import Properties
from pillarbox.protocols.dav.errors import conflict
from pillarbox.protocols.dav.props.table import Prop
from pillarbox.protocols.dav.resources import Kind, Resource
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.markup import text_value
from pillarbox.wire.dav.names import ICAL
from pillarbox.wire.dav.xml import Element

MAX_COLOR_CHARACTERS: Final = 64
_PAINTED: Final = Kind.CALENDAR | Kind.ADDRESS_BOOK
_ORDER = re.compile(r"[+-]?[0-9]{1,9}")


def _color(view: View, resource: Resource) -> str | None:
    if resource.access is None or resource.access.properties.color is None:
        return None
    return text_value(resource.access.properties.color)


def _set_color(properties: Properties, value: Element | None) -> Properties:
    color = None if value is None else value.text.strip() or None
    if color is not None and len(color) > MAX_COLOR_CHARACTERS:
        raise conflict(text="A colour is written as #RRGGBB")
    return replace(properties, color=color)


def _order(view: View, resource: Resource) -> str | None:
    if resource.access is None or resource.access.properties.order is None:
        return None
    return str(resource.access.properties.order)


def _set_order(properties: Properties, value: Element | None) -> Properties:
    text = "" if value is None else value.text.strip()
    if text and _ORDER.fullmatch(text) is None:
        raise conflict(text="The order of a calendar is a number")
    return replace(properties, order=int(text) if text else None)


PROPS: Final = (
    Prop(ICAL + "calendar-color", _PAINTED, _color, set=_set_color, settable=_PAINTED),
    Prop(ICAL + "calendar-order", _PAINTED, _order, set=_set_order, settable=_PAINTED),
)
