"""Properties of CardDAV (RFC 6352 §6.2, §7.1, draft-daboo-carddav-directory-gateway)."""

from typing import Final

from msgspec.structs import replace

from pillarbox.domain.collections.model import Properties
from pillarbox.protocols.dav.paths import DIRECTORY, Area, Path, contacts_home
from pillarbox.protocols.dav.props.table import Prop
from pillarbox.protocols.dav.resources import BOOKS, Kind, Resource
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.markup import element, href_value, text_value
from pillarbox.wire.dav.names import A
from pillarbox.wire.dav.xml import Element

MAX_IMAGE_BYTES: Final = 5 << 20
_COLLATIONS: Final = ("i;ascii-casemap", "i;octet", "i;unicode-casemap")


def _home(view: View, resource: Resource) -> str | None:
    if resource.owner is None:
        return None
    return href_value(contacts_home(resource.owner.address))


def _description(view: View, resource: Resource) -> str | None:
    if resource.kind is Kind.DIRECTORY:
        return "Everybody of this domain"
    properties = None if resource.access is None else resource.access.properties
    if properties is None or properties.description is None:
        return None
    return text_value(properties.description)


def _set_description(properties: Properties, value: Element | None) -> Properties:
    return replace(properties, description=None if value is None else value.text.strip())


def _data(view: View, resource: Resource) -> str | None:
    return "".join(
        element(A + "address-data-type", "", [("content-type", "text/vcard"), ("version", version)])
        for version in ("3.0", "4.0")
    )


def _collations(view: View, resource: Resource) -> str | None:
    return "".join(element(A + "supported-collation", one) for one in _COLLATIONS)


def _max_size(view: View, resource: Resource) -> str | None:
    return str(view.options.item_bytes)


def _max_image(view: View, resource: Resource) -> str | None:
    return str(min(MAX_IMAGE_BYTES, view.options.item_bytes))


def _gateway(view: View, resource: Resource) -> str | None:
    if resource.owner is None or not view.is_own(resource.owner) or not view.has_directory():
        return None
    return href_value(Path(Area.CONTACTS, resource.owner.address, DIRECTORY).written())


PROPS: Final = (
    Prop(A + "addressbook-home-set", Kind.PRINCIPAL, _home),
    Prop(A + "directory-gateway", Kind.PRINCIPAL | Kind.CONTACTS_HOME, _gateway),
    Prop(
        A + "addressbook-description",
        BOOKS,
        _description,
        set=_set_description,
        settable=Kind.ADDRESS_BOOK,
    ),
    Prop(A + "supported-address-data", BOOKS, _data),
    Prop(A + "supported-collation-set", BOOKS, _collations),
    Prop(A + "max-resource-size", BOOKS, _max_size),
    Prop(A + "max-image-size", BOOKS, _max_image),
)
