"""Which reports can be asked for of which kinds of resources."""

from typing import Final

from pillarbox.protocols.dav.resources import BOOKS, CALENDARS, EVERYTHING, STORED, Kind
from pillarbox.wire.dav.names import CS, A, C, D

_PRINCIPALS: Final = Kind.ROOT | Kind.FOLDER | Kind.PRINCIPAL

REPORTS: Final = (
    (D + "expand-property", EVERYTHING),
    (D + "acl-principal-prop-set", EVERYTHING & ~(Kind.ROOT | Kind.FOLDER)),
    (D + "principal-match", EVERYTHING & ~(Kind.EVENT | Kind.MESSAGE | Kind.CARD)),
    (D + "principal-property-search", _PRINCIPALS),
    (D + "principal-search-property-set", _PRINCIPALS),
    (CS + "calendarserver-principal-search", _PRINCIPALS),
    (D + "sync-collection", STORED | Kind.DIRECTORY),
    (C + "calendar-query", CALENDARS | Kind.EVENT | Kind.MESSAGE),
    (C + "calendar-multiget", CALENDARS | Kind.EVENT | Kind.MESSAGE),
    (C + "free-busy-query", Kind.CALENDAR),
    (A + "addressbook-query", BOOKS | Kind.CARD),
    (A + "addressbook-multiget", BOOKS | Kind.CARD),
)


def reports_of(kind: Kind) -> tuple[str, ...]:
    """The names of the reports on a kind of resource."""
    return tuple(name for name, kinds in REPORTS if kind & kinds)
