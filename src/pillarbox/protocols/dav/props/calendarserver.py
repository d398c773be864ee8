"""Properties of Apple's calendar server, which many programs know."""

from typing import Final

from pillarbox.domain.collections.model import Access, Source
from pillarbox.protocols.dav.paths import Area, Path
from pillarbox.protocols.dav.props import caldav
from pillarbox.protocols.dav.props.table import Prop
from pillarbox.protocols.dav.resources import HOMES, STORED, Kind, Resource
from pillarbox.protocols.dav.tokens import ctag
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.markup import element, href_value, text_value
from pillarbox.wire.dav.names import CS


def _ctag(view: View, resource: Resource) -> str | None:
    return ctag(resource.collection)


def _emails(view: View, resource: Resource) -> str | None:
    if resource.owner is None:
        return None
    addresses = dict.fromkeys((resource.owner.address, *resource.owner.addresses))
    return "".join(element(CS + "email-address", text_value(one)) for one in addresses)


def _notifications(view: View, resource: Resource) -> str | None:
    if resource.owner is None or not view.is_own(resource.owner):
        return None
    return href_value(Path(Area.NOTIFICATIONS, resource.owner.address).written())


def _sharing_modes(view: View, resource: Resource) -> str | None:
    access = resource.access
    if access is None or not _is_own(view, access) or access.collection.source is not Source.OWN:
        return None
    return element(CS + "can-be-shared")


def _is_own(view: View, access: Access) -> bool:
    return access.collection.account_id == view.actor.account_id


PROPS: Final = (
    Prop(CS + "getctag", STORED, _ctag),
    Prop(CS + "email-address-set", Kind.PRINCIPAL, _emails),
    Prop(CS + "notification-URL", Kind.PRINCIPAL | HOMES, _notifications),
    Prop(CS + "allowed-sharing-modes", Kind.CALENDAR | Kind.ADDRESS_BOOK, _sharing_modes),
    Prop(
        CS + "calendar-availability",
        Kind.INBOX | Kind.CALENDAR_HOME,
        caldav.get_availability,
        set=caldav.set_availability,
        settable=Kind.INBOX | Kind.CALENDAR_HOME,
    ),
)
