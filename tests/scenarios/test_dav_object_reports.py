"""Reports of one object instead of its collection (RFC 4791 §7, RFC 6352 §8)."""

import pytest

from kit.app import AppUnderTest
from kit.dav import A, C, Dav, card, event, names_of

EVENT, CARD = "~cal/personal/one.ics", "~card/contacts/one.vcf"
CALENDAR_FILTER = (
    '<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">'
    '<C:prop-filter name="UID"><C:text-match>{}</C:text-match></C:prop-filter>'
    "</C:comp-filter></C:comp-filter></C:filter>"
)
CARD_FILTER = (
    '<A:filter><A:prop-filter name="UID"><A:text-match>{}</A:text-match></A:prop-filter></A:filter>'
)


@pytest.mark.parametrize(
    ("path", "kind", "wanted", "data"),
    [
        (EVENT, "C:calendar", CALENDAR_FILTER, C + "calendar-data"),
        (CARD, "A:addressbook", CARD_FILTER, A + "address-data"),
    ],
)
async def test_of_an_object(
    server: AppUnderTest, path: str, kind: str, wanted: str, data: str
) -> None:
    async with await Dav.open(server) as alice:
        for uid in ("one", "two"):
            await alice.put(EVENT.replace("one", uid), event(uid))
            await alice.put(CARD.replace("one", uid), card(uid))
        prop = "<prop><getetag/><C:calendar-data/><A:address-data/></prop>"
        found = await alice.report(path, f"{kind}-query", prop + wanted.format("one"))
        assert names_of(found.rows) == [path.rpartition("/")[2]]
        assert "UID:one" in found.only.text(data)
        assert not (await alice.report(path, f"{kind}-query", prop + wanted.format("two"))).rows
        itself, other = (
            f"<href>{alice.path(path.replace('one', uid))}</href>" for uid in ("one", "two")
        )
        found = await alice.report(path, f"{kind}-multiget", prop + itself)
        assert "UID:one" in found.only.text(data)
        for hrefs in (other, itself + other):
            assert (await alice.report(path, f"{kind}-multiget", prop + hrefs)).status == 400
        gone = path.replace("one", "gone")
        for report, inside in (("query", wanted.format("one")), ("multiget", itself)):
            assert (await alice.report(gone, f"{kind}-{report}", prop + inside)).status == 404
        reports = (await alice.propfind(path, "supported-report-set")).heard.text
        assert f"{kind}-query/>" in reports
    async with await Dav.open(server, "bob") as bob:
        theirs = path.replace("~cal", "/dav/calendars/alice@example.test").replace(
            "~card", "/dav/contacts/alice@example.test"
        )
        for report, inside in (("query", wanted.format("one")), ("multiget", itself)):
            assert (await bob.report(theirs, f"{kind}-{report}", prop + inside)).status == 403
