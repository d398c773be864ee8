"""khal and khard work on folders that vdirsyncer keeps like those of an account."""

from pathlib import Path

import pytest

from interop.programs import BOB, needs, run
from interop.vdirs import Vdirs, asking
from kit.live import LiveServer

pytestmark = [needs("vdirsyncer"), needs("khal"), needs("khard")]

KHAL = """
[calendars]
[[khal]]
path = {folder}/calendars/khal
[locale]
local_timezone = Europe/Berlin
default_timezone = Europe/Berlin
timeformat = %H:%M
dateformat = %Y-%m-%d
longdateformat = %Y-%m-%d
datetimeformat = %Y-%m-%d %H:%M
longdatetimeformat = %Y-%m-%d %H:%M
[sqlite]
path = {folder}/khal.db
[default]
default_calendar = khal
"""
KHARD = (
    "[addressbooks]\n[[khal]]\npath = {folder}/contacts/khal\n[general]\ndefault_action = list\n"
)

ADA = """\
First name : Ada
Last name : Löwe
Email :
    home : ada@example.org
Birthday : 1980-12-10
"""
"""As `khard new` reads it."""

OURS = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//ours//EN
BEGIN:VEVENT
UID:weekly-in-new-york
DTSTAMP:20260101T000000Z
DTSTART;TZID=America/New_York:20260302T090000
DURATION:PT30M
RRULE:FREQ=WEEKLY;COUNT=6
EXDATE;TZID=America/New_York:20260309T090000
SUMMARY:Call
END:VEVENT
BEGIN:VEVENT
UID:weekly-in-new-york
DTSTAMP:20260101T000000Z
RECURRENCE-ID;TZID=America/New_York:20260316T090000
DTSTART;TZID=America/New_York:20260316T110000
DURATION:PT30M
SUMMARY:Later call
END:VEVENT
END:VCALENDAR
"""
DAYS = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//ours//EN
BEGIN:VEVENT
UID:days
DTSTAMP:20260101T000000Z
DTSTART;VALUE=DATE:20260310
DTEND;VALUE=DATE:20260312
SUMMARY:Reise nach Łódź
END:VEVENT
END:VCALENDAR
"""
GRACE = """\
BEGIN:VCARD
VERSION:3.0
UID:grace
FN:Grace Ö
N:Ö;Grace;;;
EMAIL;TYPE=WORK:grace@example.org
TEL;TYPE=CELL:+49 30 7
END:VCARD
"""


@pytest.fixture
def vdirs(server: LiveServer, tmp_path: Path) -> Vdirs:
    """A calendar and an address book called khal, for both programs."""
    made = Vdirs(server, tmp_path, BOB, calendars='["khal"]', books='["khal"]')
    made.run("discover")
    for name, text in (("khal.conf", KHAL), ("khard.conf", KHARD)):
        (tmp_path / name).write_text(text.format(folder=tmp_path))
    return made


def khal(vdirs: Vdirs, *command: str) -> str:
    return run("khal", "--no-color", "-c", str(vdirs.folder / "khal.conf"), *command)


def khard(vdirs: Vdirs, *command: str, input: str = "") -> str:
    return run("khard", "-c", str(vdirs.folder / "khard.conf"), *command, input=input)


def test_both_programs(server: LiveServer, vdirs: Vdirs) -> None:
    """What they make arrives, and what is there is listed with its days and times."""
    khal(vdirs, "new", "2026-03-03", "10:00", "11:00", "Chor", "-r", "weekly", "-u", "2026-04-02")
    khal(vdirs, "new", "2026-03-06", "Ganztägig")
    khard(vdirs, "new", "-a", "khal", input=ADA)
    calendar, book = (f"/dav/{kind}/{BOB}/khal/" for kind in ("calendars", "contacts"))
    with asking(server, BOB) as ask:
        for name, text in (("call.ics", OURS), ("days.ics", DAYS)):
            assert ask("PUT", calendar + name, text.replace("\n", "\r\n").encode())[0] == 201
        assert ask("PUT", book + "grace.vcf", GRACE.replace("\n", "\r\n").encode())[0] == 201
        made = vdirs.files("calendars/khal"), vdirs.files("contacts/khal")
        vdirs.run("sync")
        # Theirs are as they wrote them.
        for mine, name in zip(made, ("calendars/khal", "contacts/khal"), strict=True):
            assert set(mine.values()) <= set(vdirs.stored(name).values())
        listed = khal(
            vdirs, "list", "2026-03-01", "40d", "--format", "{start-end-time-style} {title}"
        ).splitlines()
        days = {
            line.split(", ")[1]: line for line in listed if line.count("-") >= 2 and ", " in line
        }
        times = [line for line in listed if line not in days.values()]
        # Nine in New York is 15:00 in Berlin, but 14:00 while only New York has summer time.
        assert times.count("15:00-15:30 Call") == 3
        assert times.count("14:00-14:30 Call") == 1
        assert "16:00-16:30 Later call" in times
        assert sum("Reise nach Łódź" in line for line in times) == 2
        assert sum("Chor" in line for line in times) == 5
        assert {"2026-03-02", "2026-03-10", "2026-03-11", "2026-03-16"} <= set(days)
        # The server says the same of them.
        query = WINDOW.format(start="20260316T000000Z", end="20260317T000000Z").encode()
        assert b"call.ics" in ask("REPORT", calendar, query)[1]
        assert b"Chor" not in ask("REPORT", calendar, query)[1]
        query = WINDOW.format(start="20260309T000000Z", end="20260309T230000Z").encode()
        assert b"call.ics" not in ask("REPORT", calendar, query)[1]

        people = khard(vdirs, "email", "--parsable")
        assert "grace@example.org\tGrace Ö" in people
        assert "ada@example.org\tAda Löwe" in people
        assert "Ada Löwe" in khard(vdirs, "birthdays")
        khard(vdirs, "remove", "--force", "Grace")
        vdirs.run("sync")
        assert ask("GET", book + "grace.vcf", b"")[0] == 404
        assert b"ada@example.org" in ask("GET", book, b"")[1]


WINDOW = (
    '<C:calendar-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><getetag/>'
    '<C:calendar-data/></prop><C:filter><C:comp-filter name="VCALENDAR">'
    '<C:comp-filter name="VEVENT"><C:time-range start="{start}" end="{end}"/></C:comp-filter>'
    "</C:comp-filter></C:filter></C:calendar-query>"
)
