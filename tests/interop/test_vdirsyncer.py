"""vdirsyncer keeps folders and an account alike, in both directions, byte by byte."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from interop.programs import ALICE, BOB, needs
from interop.vdirs import Vdirs, asking
from kit.live import LiveServer

pytestmark = needs("vdirsyncer")

MANY = 1_000
CHANGED, GONE = range(200), range(200, 300)
PAINT = (
    '<propertyupdate xmlns="DAV:" xmlns:I="http://apple.com/ns/ical/"><set><prop>'
    "<displayname>{name}</displayname><I:calendar-color>{colour}</I:calendar-color>"
    "</prop></set></propertyupdate>"
)
COLOUR = (
    b'<propfind xmlns="DAV:" xmlns:I="http://apple.com/ns/ical/"><prop><displayname/>'
    b"<I:calendar-color/></prop></propfind>"
)


def event(uid: str, *lines: str) -> bytes:
    """An event; `lines` come after the summary."""
    return joined(
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//y//EN", "BEGIN:VEVENT", f"UID:{uid}",
        "DTSTAMP:20260101T000000Z", "DTSTART:20260105T100000Z", "DTEND:20260105T110000Z",
        f"SUMMARY:{uid}", *lines, "END:VEVENT", "END:VCALENDAR",
    )  # fmt: skip


def card(uid: str, *lines: str) -> bytes:
    """A contact."""
    name = f"N:{uid};;;;"
    return joined(
        "BEGIN:VCARD", "VERSION:3.0", f"UID:{uid}", f"FN:{uid}", name, *lines, "END:VCARD"
    )


def joined(*lines: str) -> bytes:
    return "".join(line + "\r\n" for line in lines).encode()


ZONE = (
    "BEGIN:VTIMEZONE", "TZID:Somewhere", "BEGIN:STANDARD", "DTSTART:19701101T020000",
    "RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11", "TZOFFSETFROM:-0400", "TZOFFSETTO:-0500",
    "END:STANDARD", "BEGIN:DAYLIGHT", "DTSTART:19700308T020000",
    "RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3", "TZOFFSETFROM:-0500", "TZOFFSETTO:-0400",
    "END:DAYLIGHT", "END:VTIMEZONE",
)  # fmt: skip


def odd_events(count: int) -> Iterator[tuple[str, bytes]]:
    """Events as they lie in folders, many of them out of the ordinary."""
    chance = random.Random(5)
    for number in range(count):
        uid = f"e{number}"
        kinds = (
            event(uid, "DESCRIPTION:" + "Grüße aus 東京 ☃\\n" * chance.randint(1, 50)),
            event(uid, "RRULE:FREQ=WEEKLY;BYDAY=MO,WE", "EXDATE:20260112T100000Z"),
            event(uid, "X-ODD;X-P=\"a;b,c:d\":\\,\\;\\\\", "X-EMPTY:", "x-Lower:kept"),
            event(uid, "DESCRIPTION:" + "long " * 40 + "\r\n  folded\r\n\tby tab"),
            event(uid, "BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT5M",
                          "DESCRIPTION:x", "END:VALARM"),
            event(uid).replace(b"\r\n", b"\n"),
            event(uid).replace(
                b"BEGIN:VEVENT\r\n", joined(*ZONE, "BEGIN:VEVENT")
            ).replace(b"DTSTART:20260105T100000Z", b"DTSTART;TZID=Somewhere:20260105T100000"),
            event(uid).replace(b"DTSTART:20260105T100000Z", b"DTSTART;VALUE=DATE:20260105")
            .replace(b"DTEND:20260105T110000Z", b"DTEND;VALUE=DATE:20260106"),
            event(uid, "ATTACH;ENCODING=BASE64;VALUE=BINARY:" + "QUJD" * 2000),
        )  # fmt: skip
        yield f"{uid}.ics", kinds[number % len(kinds)]


def odd_cards(count: int) -> Iterator[tuple[str, bytes]]:
    """Contacts of both versions."""
    for number in range(count):
        uid = f"c{number}"
        kinds = (
            card(uid, "EMAIL;TYPE=INTERNET,HOME:a@example.org", "TEL;TYPE=CELL:+49 30 1"),
            card(uid, "item1.TEL:1", "item1.X-ABLabel:_$!<Other>!$_", "NOTE:Grüße ☃\\, ok"),
            card(uid, "PHOTO;ENCODING=b;TYPE=JPEG:" + "/9j/" * 3000),
            card(uid, "KIND:individual", "BDAY:--0412").replace(b"VERSION:3", b"VERSION:4"),
            card(uid, "X-ADDRESSBOOKSERVER-KIND:group",
                 "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:c0"),
            card(uid, "ADR:;;Straße 1;Berlin;;10115;", "CATEGORIES:a,b").replace(b"\r\n", b"\n"),
        )  # fmt: skip
        yield f"{uid}.vcf", kinds[number % len(kinds)]


def made(items: Iterator[tuple[str, bytes]], folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    found = dict(items)
    for name, content in found.items():
        (folder / name).write_bytes(content)
    return found


@pytest.mark.parametrize("path", ["/", "/dav/", "/.well-known/caldav", f"/dav/calendars/{BOB}/"])
def test_collections_are_found(server: LiveServer, tmp_path: Path, path: str) -> None:
    """From the server's address alone, among others; inbox and outbox are none of them."""
    both = '["from a", "from b"]'
    vdirs = Vdirs(server, tmp_path, BOB, calendars=both, books=both, path=path)
    said = vdirs.run("discover", "--list")
    vdirs.run("sync")
    calendars = {one.name for one in (tmp_path / "calendars").iterdir()}
    assert {"personal", "tasks"} <= calendars, said
    assert not {"inbox", "outbox"} & calendars
    assert (tmp_path / "contacts/contacts").is_dir()
    # The domain's directory is an address book like any other.
    assert "bob" in "".join(one.read_text() for one in (tmp_path / "contacts/directory").iterdir())


def test_names_and_colours_go_both_ways(server: LiveServer, tmp_path: Path) -> None:
    vdirs = Vdirs(server, tmp_path, BOB, calendars='["painted"]', books="[]")
    vdirs.run("discover", "calendars")
    folder = tmp_path / "calendars/painted"
    vdirs.run("metasync", "calendars")
    (folder / "displayname").write_text("Grün & <Blau>")
    (folder / "color").write_text("#11aa22")
    vdirs.run("metasync", "calendars")
    path = f"/dav/calendars/{BOB}/painted/"
    with asking(server, BOB) as ask:
        told = ask("PROPFIND", path, COLOUR)[1].decode()
        assert "Grün &amp; &lt;Blau&gt;" in told
        assert "#11aa22" in told.lower()
        body = PAINT.format(name="Red", colour="#ff0000").encode()
        assert ask("PROPPATCH", path, body)[0] == 207
    vdirs.run("metasync", "calendars")
    assert (folder / "displayname").read_text() == "Red"
    assert (folder / "color").read_text().lower().startswith("#ff0000")


def test_a_thousand_of_each_unchanged(server: LiveServer, tmp_path: Path) -> None:
    """To the server from one folder, from there to another; then changes on either side."""
    near, other = (
        Vdirs(server, tmp_path / name, ALICE, calendars='["vdir"]', books='["vdir"]')
        for name in ("near", "other")
    )
    sent = {
        "calendars/vdir": made(odd_events(MANY), near.folder / "calendars/vdir"),
        "contacts/vdir": made(odd_cards(MANY), near.folder / "contacts/vdir"),
    }
    for vdirs in (near, other):
        vdirs.run("discover")
        vdirs.run("sync")
    for name, wanted in sent.items():
        assert near.files(name) == wanted, "the side that sent was changed"
        assert sorted(near.stored(name).values()) == sorted(wanted.values())
        assert sorted(other.files(name).values()) == sorted(wanted.values())
    assert_still(near)
    with asking(server, ALICE) as ask:
        for kind in ("calendars", "contacts"):
            change(near.folder / kind / "vdir", kind, ask)
    near.run("sync")
    other.run("sync")
    for name in sent:
        stored = near.stored(name)
        assert len(stored) == MANY - len(GONE) + 50
        assert sum(b"NOTE:changed" in content for content in stored.values()) == len(CHANGED)
        assert near.files(name) == stored
        assert sorted(other.files(name).values()) == sorted(stored.values())
    assert_still(near)


def change(folder: Path, kind: str, ask: Callable[[str, str, bytes], tuple[int, bytes]]) -> None:
    """Change, delete and make things: the odd ones here, the even ones at the server."""
    letter, ending, make = ("e", ".ics", event) if kind == "calendars" else ("c", ".vcf", card)
    base = f"/dav/{kind}/{ALICE}/vdir/"
    for number in CHANGED:
        name = f"{letter}{number}{ending}"
        content = make(f"{letter}{number}", f"NOTE:changed {number}")
        if number % 2:
            (folder / name).write_bytes(content)
        else:
            assert ask("PUT", base + name, content)[0] == 204
    for number in GONE:
        name = f"{letter}{number}{ending}"
        if number % 2:
            (folder / name).unlink()
        else:
            assert ask("DELETE", base + name, b"")[0] == 204
    for number in range(50):
        uid = f"{letter}-new-{number}"
        if number % 2:
            (folder / f"{uid}{ending}").write_bytes(make(uid))
        else:
            assert ask("PUT", f"{base}{uid}{ending}", make(uid))[0] == 201


def assert_still(vdirs: Vdirs) -> None:
    """A further run finds nothing to do."""
    said = vdirs.run("sync")
    assert not any(word in said for word in ("Copying", "Deleting", "error")), said
