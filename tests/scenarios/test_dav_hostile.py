"""Requests that would take more memory or time than one user may have of the server."""

import pytest

from kit.app import AppUnderTest
from kit.dav import NAMESPACES, C, D, Dav, card, event, names_of
from pillarbox.domain.collections import listing
from pillarbox.pipeline.collections import free_busy, queries
from pillarbox.protocols.dav import telling
from pillarbox.protocols.dav.report import expand

CALENDAR, BOOK = "~cal/personal/", "~card/contacts/"
TOO_MANY = {D + "number-of-matches-within-limits"}
EXPAND = (
    '<C:calendar-data><C:expand start="20260101T000000Z" end="20270101T000000Z"/></C:calendar-data>'
)
YEAR = '<C:time-range start="20260101T000000Z" end="20270101T000000Z"/>'


def query(props: str = "<C:calendar-data/>", window: str = "") -> str:
    return (
        f'<prop>{props}</prop><C:filter><C:comp-filter name="VCALENDAR">'
        f'<C:comp-filter name="VEVENT">{window}</C:comp-filter></C:comp-filter></C:filter>'
    )


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes of content of each page that is read; a page has 20,000 and what passes them."""
    pages: list[int] = []

    def noting(name: str) -> None:
        plain = getattr(listing, name)

        def noted(*arguments: object, **named: object) -> object:
            page = plain(*arguments, **named)
            pages.append(sum(len(content) for _, content in page))
            return page

        monkeypatch.setattr(listing, name, noted)

    for name in ("read", "within", "contents"):
        noting(name)
    monkeypatch.setattr(listing, "PAGE_BYTES", 20_000)
    return pages


async def test_large_objects_are_read_a_few_at_once(server: AppUnderTest, read: list[int]) -> None:
    async with await Dav.open(server) as alice:
        long = "DESCRIPTION:" + "x" * 9000
        for number in range(12):
            await alice.put(f"{CALENDAR}{number}.ics", event(f"e{number}", long))
            await alice.put(f"{BOOK}{number}.vcf", card(f"c{number}", "NOTE:" + "x" * 9000))
        read.clear()
        hrefs = "".join(f"<href>{alice.path(f'{CALENDAR}{n}.ics')}</href>" for n in range(13))
        inside = "<prop><C:calendar-data/></prop>" + hrefs
        named = await alice.report(CALENDAR, "C:calendar-multiget", inside)
        assert named.rows.pop(alice.path(CALENDAR + "12.ics")).status == 404
        found = await alice.report(CALENDAR, "C:calendar-query", query())
        timed = await alice.report(CALENDAR, "C:calendar-query", query(window=YEAR))
        data = "<sync-token/><sync-level>1</sync-level><prop><C:calendar-data/></prop>"
        synced = await alice.report(CALENDAR, "sync-collection", data)
        assert synced.token
        for answer in (named, found, timed, synced):
            rows = answer.rows.values()
            assert sorted(answer.rows) == sorted(
                alice.path(f"{CALENDAR}{number}.ics") for number in range(12)
            )
            assert all(len(row.text(C + "calendar-data")) > 9000 for row in rows)
        cards = await alice.report(BOOK, "A:addressbook-query", "<prop><A:address-data/></prop>")
        assert len(cards.rows) == 12
        assert (await alice.ask("GET", CALENDAR)).heard.body.count(b"BEGIN:VEVENT") == 12
        assert max(read) < 50_000, "too much at once"
        assert sum(read) > 5 * 12 * 9000


async def test_one_object_named_in_many_ways_is_told_once(server: AppUnderTest) -> None:
    async with await Dav.open(server) as alice:
        await alice.put(CALENDAR + "abc.ics", event("abc"))
        path = alice.path(CALENDAR)
        hrefs = "".join(f"<href>{path}{one}.ics</href>" for one in ("abc", "%61bc", "a%62c"))
        inside = "<prop><getetag/></prop>" + hrefs
        found = await alice.report(CALENDAR, "C:calendar-multiget", inside)
        assert found.heard.body.count(b"getetag>") == 2


async def test_a_query_takes_so_much_work_and_no_more(
    server: AppUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await Dav.open(server) as alice:
        for number in range(6):
            daily = event(f"e{number}", "RRULE:FREQ=DAILY")
            await alice.put(f"{CALENDAR}{number}.ics", daily)
        monkeypatch.setattr(queries.Work.__init__, "__defaults__", (1500,))
        found = await alice.report(CALENDAR, "C:calendar-query", query(EXPAND, YEAR))
        assert found.status == 207
        own = found.rows.pop(alice.path(CALENDAR))
        assert (own.status, own.conditions) == (507, TOO_MANY)
        assert 0 < len(found.rows) < 6
        hrefs = "".join(f"<href>{alice.path(f'{CALENDAR}{n}.ics')}</href>" for n in range(6))
        inside = f"<prop>{EXPAND}</prop>{hrefs}"
        named = await alice.report(CALENDAR, "C:calendar-multiget", inside)
        assert len(named.rows) == 6
        told = [row.text(C + "calendar-data") for row in named.rows.values()]
        assert 0 < sum("RRULE" in one for one in told) < 6
        monkeypatch.undo()
        whole = await alice.report(CALENDAR, "C:calendar-query", query(EXPAND, YEAR))
        assert names_of(whole.rows) == [f"{number}.ics" for number in range(6)]


async def test_expanded_objects_are_told_a_few_at_once(
    server: AppUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    plain = queries._fitting

    def noted(*arguments: object) -> object:
        told, left = plain(*arguments)  # type: ignore[arg-type]
        sizes.append(len(told))
        return told, left

    monkeypatch.setattr(queries, "_fitting", noted)
    monkeypatch.setattr(queries, "TOLD_BYTES", 50_000)
    async with await Dav.open(server) as alice:
        for number in range(5):
            daily = event(f"e{number}", "RRULE:FREQ=DAILY")
            await alice.put(f"{CALENDAR}{number}.ics", daily)
        found = await alice.report(CALENDAR, "C:calendar-query", query(EXPAND, YEAR))
        assert len(found.rows) == 5
        assert (len(sizes), max(sizes)) == (3, 2)


async def test_a_propfind_asks_for_no_more_than_can_be_held(
    server: AppUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "HELD_BYTES", 1 << 20)
    monkeypatch.setattr(telling, "PAGE_CHARACTERS", 1 << 18)
    async with await Dav.open(server) as alice:
        for number in range(40):
            await alice.put(f"{CALENDAR}{number}.ics", event(f"e{number}"))
        space = "urn:" + "x" * 400
        wanted = "".join(f'<p{number} xmlns="{space}"/>' for number in range(200))
        body = f"<propfind {NAMESPACES}><prop>{wanted}</prop></propfind>"
        refused = await alice.ask("PROPFIND", CALENDAR, body, Depth="1")
        assert (refused.status, refused.conditions) == (507, TOO_MANY)
        found = await alice.propfind(CALENDAR, "getetag", depth="1")
        assert len(found.rows) == 41
        # The same in a report is told piece by piece.
        inside = query(wanted)
        told = await alice.report(CALENDAR, "C:calendar-query", inside)
        assert len(told.rows) == 40
        assert told.fields.get("transfer-encoding") == "chunked"


async def test_an_expansion_tells_no_more_than_can_be_held(
    server: AppUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await Dav.open(server) as alice:
        inside = (
            '<property name="current-user-principal"><property name="principal-URL">'
            '<property name="displayname"/></property></property>'
        )
        assert (await alice.report("~/", "expand-property", inside)).status == 207
        monkeypatch.setattr(expand, "MAX_CHARACTERS", 50)
        assert (await alice.report("~/", "expand-property", inside)).status == 507
        monkeypatch.undo()
        monkeypatch.setattr(expand, "MAX_VALUES", 2)
        assert (await alice.report("~/", "expand-property", inside)).status == 507


async def test_free_times_of_many_take_the_work_of_one(
    server: AppUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with await Dav.open(server) as alice, await Dav.open(server, "bob") as bob:
        await bob.put(CALENDAR + "daily.ics", event("daily", "RRULE:FREQ=DAILY"))
        attendees = [f"ATTENDEE:mailto:{bob.address}"] * 5
        request = "\r\n".join(
            (
                "BEGIN:VCALENDAR",
                "VERSION:2.0",
                "PRODID:-//t//t//EN",
                "METHOD:REQUEST",
                "BEGIN:VFREEBUSY",
                "UID:q",
                "DTSTAMP:20260101T000000Z",
                "DTSTART:20260101T000000Z",
                "DTEND:20260601T000000Z",
                f"ORGANIZER:mailto:{alice.address}",
                *attendees,
                "END:VFREEBUSY",
                "END:VCALENDAR",
                "",
            )
        )

        async def ask() -> tuple[int, int]:
            answer = await alice.ask("POST", "~cal/outbox/", request, Content_Type="text/calendar")
            assert answer.status == 200, answer.heard.text
            text = answer.heard.text
            return text.count("2.0;Success"), text.count("5.1;")

        told, untold = await ask()
        assert told
        assert not untold
        monkeypatch.setattr(free_busy, "CONTENT_BYTES_MAX", 10)
        assert (await ask())[0] == 0
