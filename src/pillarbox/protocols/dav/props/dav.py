"""Properties of the namespace `DAV:` (RFC 4918 §15, RFC 3744 §4, RFC 6578 §4, RFC 5995 §3.2)."""

from datetime import UTC, datetime
from email.utils import formatdate
from typing import Final

from msgspec.structs import replace

from pillarbox.domain.collections import shares
from pillarbox.domain.collections.model import Collection, Item, Properties, Right
from pillarbox.domain.owners import quota
from pillarbox.domain.sharing import principals
from pillarbox.domain.sharing.principals import PrincipalKind
from pillarbox.protocols.dav import privileges
from pillarbox.protocols.dav.paths import (
    Area,
    Path,
    principal_path,
)
from pillarbox.protocols.dav.props.table import ItemProp, Prop
from pillarbox.protocols.dav.report_names import reports_of
from pillarbox.protocols.dav.resources import (
    BOOKS,
    CALENDARS,
    EVERYTHING,
    FOLDERS,
    HOMES,
    ITEMS,
    STORED,
    Kind,
    Resource,
)
from pillarbox.protocols.dav.tokens import directory_token, sync_token
from pillarbox.protocols.dav.view import View
from pillarbox.wire.dav.acl import Ace, acl_restrictions_value, acl_value
from pillarbox.wire.dav.acl import PrincipalKind as AceKind
from pillarbox.wire.dav.markup import element, href_value, hrefs_value, text_value
from pillarbox.wire.dav.names import CS, A, C, D
from pillarbox.wire.dav.xml import Element

_COLLECTION = element(D + "collection")
_TYPES: Final = {
    Kind.PRINCIPAL: element(D + "principal"),
    Kind.CALENDAR: element(C + "calendar"),
    Kind.INBOX: element(C + "schedule-inbox"),
    Kind.OUTBOX: element(C + "schedule-outbox"),
    Kind.ADDRESS_BOOK: element(A + "addressbook"),
    Kind.DIRECTORY: element(A + "addressbook") + element(A + "directory"),
    Kind.NOTIFICATIONS: element(CS + "notification"),
}
_COMPONENTS = {1: "vevent", 2: "vtodo", 4: "vjournal", 8: "vfreebusy", 16: "vavailability"}
_FOLDER_NAMES = {
    Area.PRINCIPALS: "Principals",
    Area.CALENDARS: "Calendars",
    Area.CONTACTS: "Contacts",
    Area.NOTIFICATIONS: "Notifications",
}
_PLAIN_NAMES = {
    Kind.ROOT: "pillarbox",
    Kind.CALENDAR_HOME: "Calendars",
    Kind.CONTACTS_HOME: "Address books",
    Kind.NOTIFICATIONS: "Notifications",
    Kind.INBOX: "Inbox",
    Kind.OUTBOX: "Outbox",
    Kind.DIRECTORY: "Directory",
}


def resource_type(view: View, resource: Resource) -> str | None:
    """DAV:resourcetype."""
    if resource.kind & ITEMS:
        return ""
    types = _COLLECTION + _TYPES.get(resource.kind, "")
    if resource.access is not None and resource.kind is not Kind.INBOX:
        access = resource.access
        if access.mount is not None:
            types += element(CS + "shared")
        elif view.is_own(resource.owner) and shares.shares_of(view.tx, access):
            types += element(CS + "shared-owner")
    return types


def display_name(view: View, resource: Resource) -> str | None:
    """DAV:displayname."""
    if resource.access is not None and resource.access.properties.display_name is not None:
        return text_value(resource.access.properties.display_name)
    if resource.kind is Kind.PRINCIPAL and resource.owner is not None:
        return text_value(resource.owner.name or resource.owner.address)
    if resource.kind is Kind.FOLDER and resource.path.area is not None:
        return _FOLDER_NAMES[resource.path.area]
    if resource.kind in _PLAIN_NAMES:
        return _PLAIN_NAMES[resource.kind]
    return None if resource.access is None else text_value(resource.access.name)


def _set_display_name(properties: Properties, value: Element | None) -> Properties:
    return replace(properties, display_name=None if value is None else value.text.strip())


def content_type(item: Item) -> str | None:
    """DAV:getcontenttype of an object."""
    if not item.facts.component:
        return "application/xml; charset=utf-8"  # of a notification
    component = _COMPONENTS.get(int(item.facts.component))
    if component is None:
        return "text/vcard; charset=utf-8"
    return f"text/calendar; charset=utf-8; component={component}"


def _folder_type(view: View, resource: Resource) -> str | None:
    if resource.kind & CALENDARS:
        return "text/calendar; charset=utf-8"
    return "text/vcard; charset=utf-8" if resource.kind & BOOKS else None


def etag(item: Item) -> str | None:
    """DAV:getetag."""
    return f'"{item.etag}"'


def _length(item: Item) -> str | None:
    return str(item.size_bytes)


def http_date(at_ms: int) -> str:
    """A time as HTTP has it."""
    return formatdate(at_ms / 1000, usegmt=True)


def _modified(item: Item) -> str | None:
    return http_date(item.changed_ms)


def iso_date(at_ms: int) -> str:
    """A time as DAV:creationdate has it."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _item_created(item: Item) -> str | None:
    return iso_date(item.created_ms)


def _created(view: View, resource: Resource) -> str | None:
    return iso_date(resource.collection.created_ms)


def collection_tag(collection: Collection) -> str:
    """The entity tag of a collection, without quotes."""
    return f"{collection.id:x}-{collection.modseq:x}"


def _collection_etag(view: View, resource: Resource) -> str | None:
    return f'"{collection_tag(resource.collection)}"'


def _user(view: View, resource: Resource) -> str | None:
    return href_value(principal_path(view.actor.address))


def _owner(view: View, resource: Resource) -> str | None:
    if resource.access is not None:
        owner = view.principal_of(resource.access.collection.account_id)
    else:
        owner = resource.owner
    return None if owner is None else href_value(principal_path(owner.address))


def _principal_url(view: View, resource: Resource) -> str | None:
    return href_value(resource.path.written())


def _alternate(view: View, resource: Resource) -> str | None:
    if resource.owner is None:
        return ""
    return "".join(element(D + "href", f"mailto:{text_value(resource.owner.address)}"))


def _privileges(view: View, resource: Resource) -> str | None:
    is_mount = resource.access is not None and resource.access.mount is not None
    return privileges.privileges_value(resource.kind, resource.rights, is_mount)


def _supported_privileges(view: View, resource: Resource) -> str | None:
    return privileges.supported(resource.kind)


def aces_of(view: View, resource: Resource) -> list[Ace]:
    """The entries of a resource's access control list: its owner's, and one for each share."""
    owner = resource.owner
    if resource.access is not None:
        owner = view.principal_of(resource.access.collection.account_id)
    if owner is None:
        return [Ace(AceKind.AUTHENTICATED, (D + "read",), protected=True)]
    mine = Ace(AceKind.HREF, (D + "all",), principal_path(owner.address), protected=True)
    if resource.kind is Kind.PRINCIPAL:
        return [mine, Ace(AceKind.AUTHENTICATED, (D + "read",), protected=True)]
    if resource.kind is Kind.INBOX:
        deliver = (C + "schedule-deliver",)
        return [mine, Ace(AceKind.AUTHENTICATED, deliver, protected=True)]
    if resource.access is None or Right.ADMIN not in resource.rights:
        return [mine]
    inherited = resource.path.parent.written() if resource.kind & ITEMS else None
    found = [mine]
    for share in shares.shares_of(view.tx, resource.access):
        told = privileges.told_of_share(share.rights)
        if not told:
            continue
        if share.account_id:
            path = principal_path(share.address)
            found.append(Ace(AceKind.HREF, told, path, inherited=inherited))
        else:
            found.append(Ace(AceKind.AUTHENTICATED, told, inherited=inherited))
    return found


def _acl(view: View, resource: Resource) -> str | None:
    return acl_value(aces_of(view, resource))


def _acl_restrictions(view: View, resource: Resource) -> str | None:
    return acl_restrictions_value((D + "grant-only", D + "no-invert"))


def _principal_folder(view: View, resource: Resource) -> str | None:
    return href_value(Path(Area.PRINCIPALS).written())


def _reports(view: View, resource: Resource) -> str | None:
    return "".join(
        element(D + "supported-report", element(D + "report", element(name)))
        for name in reports_of(resource.kind)
    )


def _sync_token(view: View, resource: Resource) -> str | None:
    if resource.kind is Kind.DIRECTORY:
        return directory_token(view.directory())
    return sync_token(resource.collection)


def _memberships(view: View, resource: Resource) -> str | None:
    if resource.owner is None:
        return None
    groups = principals.groups_of(view.tx, resource.owner.account_id)
    return hrefs_value(principal_path(group.address) for group in groups)


def _members(view: View, resource: Resource) -> str | None:
    if resource.owner is None or resource.owner.kind is not PrincipalKind.GROUP:
        return None
    members = principals.members(view.tx, resource.owner)
    return hrefs_value(principal_path(member.address) for member in members)


def _used(view: View, resource: Resource) -> str | None:
    if resource.owner is None or not view.is_own(resource.owner):
        return None
    usage = quota.usage(view.tx, resource.owner.account_id)
    return None if usage is None else str(usage.used_bytes)


def _available(view: View, resource: Resource) -> str | None:
    if resource.owner is None or not view.is_own(resource.owner):
        return None
    usage = quota.usage(view.tx, resource.owner.account_id)
    if usage is None or not usage.quota_bytes:
        return None
    return str(max(usage.quota_bytes - usage.used_bytes, 0))


def _add_member(view: View, resource: Resource) -> str | None:
    return href_value(resource.path.written())


def _resource_id(view: View, resource: Resource) -> str | None:
    return element(D + "href", f"urn:pillarbox:collection:{resource.collection.id}")


def _empty(view: View, resource: Resource) -> str | None:
    return ""


PROPS: Final = (
    Prop(D + "resourcetype", EVERYTHING, resource_type, in_all=True),
    Prop(
        D + "displayname",
        FOLDERS,
        display_name,
        in_all=True,
        set=_set_display_name,
        settable=Kind.CALENDAR | Kind.ADDRESS_BOOK,
    ),
    Prop(D + "creationdate", STORED, _created, in_all=True),
    Prop(D + "getcontenttype", CALENDARS | BOOKS, _folder_type, in_all=True),
    Prop(D + "getetag", STORED, _collection_etag, in_all=True),
    Prop(D + "current-user-principal", EVERYTHING, _user),
    Prop(D + "owner", EVERYTHING & ~(Kind.ROOT | Kind.FOLDER), _owner),
    Prop(D + "principal-URL", Kind.PRINCIPAL, _principal_url),
    Prop(D + "alternate-URI-set", Kind.PRINCIPAL, _alternate),
    Prop(D + "group-membership", Kind.PRINCIPAL, _memberships),
    Prop(D + "group-member-set", Kind.PRINCIPAL, _members),
    Prop(D + "current-user-privilege-set", EVERYTHING, _privileges),
    Prop(D + "supported-privilege-set", EVERYTHING, _supported_privileges),
    Prop(D + "acl", EVERYTHING & ~(Kind.ROOT | Kind.FOLDER), _acl),
    Prop(D + "acl-restrictions", EVERYTHING, _acl_restrictions),
    Prop(D + "inherited-acl-set", EVERYTHING, _empty),
    Prop(D + "principal-collection-set", EVERYTHING, _principal_folder),
    Prop(D + "supported-report-set", EVERYTHING, _reports),
    Prop(D + "sync-token", STORED | Kind.DIRECTORY, _sync_token),
    Prop(D + "quota-used-bytes", HOMES | STORED | Kind.PRINCIPAL, _used),
    Prop(D + "quota-available-bytes", HOMES | STORED | Kind.PRINCIPAL, _available),
    Prop(D + "add-member", Kind.CALENDAR | Kind.ADDRESS_BOOK, _add_member),
    Prop(D + "resource-id", STORED, _resource_id),
    Prop(D + "supportedlock", EVERYTHING, _empty, in_all=True),
)

ITEM_PROPS: Final = (
    ItemProp(D + "getetag", ITEMS, etag, in_all=True),
    ItemProp(D + "getcontenttype", ITEMS, content_type, in_all=True),
    ItemProp(D + "getcontentlength", ITEMS, _length, in_all=True),
    ItemProp(D + "getlastmodified", ITEMS, _modified, in_all=True),
    ItemProp(D + "creationdate", ITEMS, _item_created, in_all=True),
)
