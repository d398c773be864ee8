"""Properties of managed attachments (RFC 8607 §6)."""

from typing import Final

from pillarbox.domain.collections.attachments import MAX_BYTES, MAX_OF_OBJECT
from pillarbox.protocols.dav.props.table import Prop
from pillarbox.protocols.dav.resources import Kind, Resource
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.markup import uri_value
from pillarbox.wire.dav.names import C


def _most_bytes(view: View, resource: Resource) -> str | None:
    return str(MAX_BYTES)


def _most(view: View, resource: Resource) -> str | None:
    return str(MAX_OF_OBJECT)


def _server(view: View, resource: Resource) -> str | None:
    return uri_value("")  # this one


PROPS: Final = (
    Prop(C + "managed-attachments-server-URL", Kind.CALENDAR_HOME, _server),
    Prop(C + "max-attachment-size", Kind.CALENDAR, _most_bytes),
    Prop(C + "max-attachments-per-resource", Kind.CALENDAR, _most),
)
