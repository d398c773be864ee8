"""OPTIONS: what the server and a resource can do (RFC 4918 §10.1, §18)."""

from typing import Final

from pillarbox.protocols.dav.paths import Area, Path, Place

DAV_CLASSES: Final = ", ".join(
    (
        "1",
        "3",
        "access-control",
        "extended-mkcol",
        "add-member",
        "calendar-access",
        "calendar-auto-schedule",
        "calendar-availability",
        "calendar-default-alarms",
        "calendar-no-timezone",
        "calendar-managed-attachments",
        "calendarserver-sharing",
        "calendarserver-group-sharee",
        "resource-sharing",
        "calendarserver-principal-property-search",
        "calendarserver-principal-search",
        "addressbook",
        "directory-gateway",
        "sync-collection",
    )
)
"""What is offered: not 2, as nothing can be locked."""
_READ: Final = ("OPTIONS", "GET", "HEAD", "PROPFIND", "REPORT")
_COLLECTION: Final = (*_READ, "PROPPATCH", "DELETE", "MOVE", "COPY", "ACL", "POST")


def methods_of(path: Path) -> tuple[str, ...]:
    """The methods that mean something at a path, whether or not there is anything yet."""
    match path.place:
        case Place.HOME:
            if path.area is Area.CALENDARS:
                return (*_READ, "PROPPATCH", "POST")
            return (*_READ, "POST")
        case Place.COLLECTION:
            make = ("MKCALENDAR", "MKCOL") if path.area is Area.CALENDARS else ("MKCOL",)
            return (*_COLLECTION, *make)
        case Place.INBOX:
            return (*_READ, "PROPPATCH")
        case Place.OUTBOX:
            return (*_READ, "POST")
        case Place.ITEM:
            if path.collection_place is Place.INBOX:
                return (*_READ, "DELETE")
            if path.collection_place is Place.NOTIFICATIONS:
                return (*_READ, "DELETE", "POST")
            if path.collection_place is not Place.COLLECTION:
                return _READ
            return (*_READ, "PUT", "DELETE", "COPY", "MOVE", "PROPPATCH", "POST")
    return _READ
