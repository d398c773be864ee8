"""Time zones by reference, and objects as they were sent, over loopback (RFC 7809)."""

import pytest

from kit.app import AppUnderTest
from kit.dav import A, C, Dav, card, event

ONE, BOOK = "~cal/personal/one.ics", "~card/contacts/"
BERLIN = event("one").replace(
    b"DTSTART:20260105T100000Z", b"DTSTART;TZID=Europe/Berlin:20260105T110000"
)
QUERY = '<C:filter><C:comp-filter name="VCALENDAR"/></C:filter>'


async def told(client: Dav, how: str, **fields: str) -> bytes:
    """The object, with line ends as XML has them."""
    if how == "GET":
        return (await client.ask("GET", ONE, **fields)).heard.body.replace(b"\r\n", b"\n")
    rest = QUERY if how == "C:calendar-query" else f"<href>{client.path(ONE)}</href>"
    if how == "sync-collection":
        rest = "<sync-token/><sync-level>1</sync-level>"
    inside = f"<prop><C:calendar-data/></prop>{rest}"
    found = await client.report("~cal/personal/", how, inside, **fields)
    return found.only.text(C + "calendar-data").encode().replace(b"\r\n", b"\n")


@pytest.mark.parametrize(
    "how", ["GET", "C:calendar-query", "C:calendar-multiget", "sync-collection"]
)
async def test_missing_zones_are_told_unless_not_wanted(server: AppUnderTest, how: str) -> None:
    async with await Dav.open(server) as alice:
        made = await alice.put(ONE, BERLIN)
        # What is told is not what was sent, so there is no tag for it.
        assert (made.status, "etag" in made.fields) == (201, False)
        whole = await told(alice, how)
        assert whole.count(b"BEGIN:VTIMEZONE\nTZID:Europe/Berlin\n") == 1
        plain = BERLIN.replace(b"\r\n", b"\n")
        assert whole.partition(b"BEGIN:VTIMEZONE")[0] == plain.partition(b"BEGIN:VEVENT")[0]
        assert await told(alice, how, CalDAV_Timezones="T") == whole
        assert await told(alice, how, CalDAV_Timezones="F") == plain
        again = await alice.put(ONE, BERLIN, CalDAV_Timezones="F")
        assert (again.status, "etag" in again.fields) == (204, True)


async def test_a_fold_in_a_character_is_undone_in_xml(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        for path, content in (
            (ONE, event("one", "SUMMARY:Grüße")),
            (BOOK + "one.vcf", card("one", "NOTE:Grüße")),
        ):
            cut = content.replace("ü".encode(), b"\xc3\r\n \xbc")
            assert (await alice.put(path, cut)).status == 201
            assert (await alice.ask("GET", path)).heard.body == cut
        data = await told(alice, "C:calendar-multiget")
        assert "SUMMARY:Grüße\n".encode() in data
        inside = f"<prop><A:address-data/></prop><href>{alice.path(BOOK)}one.vcf</href>"
        found = await alice.report(BOOK, "A:addressbook-multiget", inside)
        assert "NOTE:Grüße" in found.only.text(A + "address-data")


@pytest.mark.parametrize("name", ["VTIMEZONE", "X-OWN"])
async def test_time_ranges_of_what_has_no_time(server: AppUnderTest, name: str) -> None:
    asked = (
        f'<prop/><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="{name}">'
        '<C:time-range start="20260101T000000Z"/></C:comp-filter></C:comp-filter></C:filter>'
    )
    async with await Dav.open(server) as alice:
        found = await alice.report("~cal/personal/", "C:calendar-query", asked)
        assert (found.status, found.conditions) == (403, {C + "supported-filter"})
