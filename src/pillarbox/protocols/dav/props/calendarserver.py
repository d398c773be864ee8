"""Properties of Apple's calendar server, which many programs know."""

from typing import Final

from pillarbox.domain.contacts import directory
from pillarbox.protocols.dav.notifications import notifications_tag
from pillarbox.protocols.dav.props import caldav
from pillarbox.protocols.dav.props.table import Prop
from pillarbox.protocols.dav.resources import STORED, Kind, Resource
from pillarbox.protocols.dav.tokens import ctag
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.markup import element, text_value
from pillarbox.wire.dav.names import CS


def _ctag(view: View, resource: Resource) -> str | None:
    if resource.kind is Kind.NOTIFICATIONS:
        return notifications_tag(view)
    if resource.kind is Kind.DIRECTORY:
        return directory.token_of(view.directory())
    return ctag(resource.collection)


def _emails(view: View, resource: Resource) -> str | None:
    if resource.owner is None:
        return None
    return "".join(
        element(CS + "email-address", text_value(one)) for one in view.addresses_of(resource.owner)
    )


PROPS: Final = (
    Prop(CS + "getctag", STORED | Kind.NOTIFICATIONS | Kind.DIRECTORY, _ctag),
    Prop(CS + "email-address-set", Kind.PRINCIPAL, _emails),
    Prop(
        CS + "calendar-availability",
        Kind.INBOX | Kind.CALENDAR_HOME,
        caldav.get_availability,
        set=caldav.set_availability,
        settable=Kind.INBOX | Kind.CALENDAR_HOME,
    ),
)
