"""Which paths mean what, and how they are written."""

import pytest

from pillarbox.base.errors import NotFound
from pillarbox.domain.collections.model import CollectionKind
from pillarbox.protocols.dav.paths import Area, Path, Place, prefix_of, read_path
from pillarbox.protocols.dav.resources import Kind, kind_at

WHO = "a@example.test"


@pytest.mark.parametrize(
    ("text", "place", "kind"),
    [
        ("/dav/", Place.ROOT, Kind.ROOT),
        ("/dav/principals/", Place.FOLDER, Kind.FOLDER),
        (f"/dav/principals/{WHO}/", Place.PRINCIPAL, Kind.PRINCIPAL),
        (f"/dav/calendars/{WHO}/", Place.HOME, Kind.CALENDAR_HOME),
        (f"/dav/contacts/{WHO}/", Place.HOME, Kind.CONTACTS_HOME),
        (f"/dav/notifications/{WHO}/", Place.NOTIFICATIONS, Kind.NOTIFICATIONS),
        (f"/dav/calendars/{WHO}/work/", Place.COLLECTION, Kind.CALENDAR),
        (f"/dav/contacts/{WHO}/inbox/", Place.COLLECTION, Kind.ADDRESS_BOOK),
        (f"/dav/calendars/{WHO}/inbox/", Place.INBOX, Kind.INBOX),
        (f"/dav/calendars/{WHO}/outbox/", Place.OUTBOX, Kind.OUTBOX),
        (f"/dav/contacts/{WHO}/directory/", Place.DIRECTORY, Kind.DIRECTORY),
        (f"/dav/calendars/{WHO}/work/1.ics", Place.ITEM, Kind.EVENT),
        (f"/dav/calendars/{WHO}/inbox/1.ics", Place.ITEM, Kind.MESSAGE),
        (f"/dav/contacts/{WHO}/team/1.vcf", Place.ITEM, Kind.CARD),
        (f"/dav/contacts/{WHO}/directory/b.vcf", Place.ITEM, Kind.DIRECTORY_CARD),
    ],
)
def test_what_paths_name(text: str, place: Place, kind: Kind) -> None:
    path = read_path(text)
    assert (path.place, kind_at(path)) == (place, kind)
    assert path.written() == text
    assert read_path(text.rstrip("/")) == path
    assert read_path(text.replace("/dav", "/caldav", 1)) == path


@pytest.mark.parametrize(
    "text",
    [
        "/",
        "/davx/",
        "/other/principals/",
        "/dav/elsewhere/",
        f"/dav/principals/{WHO}/x/",
        f"/dav/calendars/{WHO}/a/b/c",
        f"/dav/calendars/{WHO}/{'x' * 256}/",
    ],
)
def test_paths_that_name_nothing(text: str) -> None:
    with pytest.raises(NotFound):
        read_path(text)


def test_parents_and_kinds() -> None:
    item = Path(Area.CALENDARS, WHO, "work", "1.ics")
    assert item.parent.written() == f"/dav/calendars/{WHO}/work/"
    assert item.parent.parent.written() == f"/dav/calendars/{WHO}/"
    assert item.parent.parent.parent.parent == Path()
    assert item.kind is CollectionKind.CALENDAR
    assert Path(Area.CALENDARS, WHO, "inbox").kind is CollectionKind.INBOX
    assert Path(Area.CONTACTS, WHO).kind is CollectionKind.ADDRESS_BOOK
    with pytest.raises(NotFound):
        _ = Path(Area.PRINCIPALS, WHO).kind
    assert prefix_of("/carddav/x") == "/carddav"
    assert prefix_of("/else") == "/dav"
