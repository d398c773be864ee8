"""REPORT bodies as values; the requests are as clients send them."""

from datetime import UTC, datetime

import pytest

from pillarbox.formats.ical.filter import CompFilter, PropFilter, TimeRange
from pillarbox.formats.ical.selection import CalendarData, CompSelection, PropSelection
from pillarbox.formats.text_match import Collation, MatchType, ParamFilter, TextMatch
from pillarbox.formats.vcard import filter as cards
from pillarbox.formats.vcard.filter import AddressData, CardFilter
from pillarbox.wire.dav import reports as r
from pillarbox.wire.dav.names import A, C, D
from pillarbox.wire.dav.principal_reports import (
    AclPrincipalPropSet,
    CalendarServerPrincipalSearch,
    PrincipalMatch,
    PrincipalPropertySearch,
    PrincipalSearchPropertySet,
    PropSearch,
)
from pillarbox.wire.dav.properties import ALLPROP, NO_PROPS, Asked, Propfind
from pillarbox.wire.dav.xml import XmlError

ETAG = Propfind(Asked.PROP, (D + "getetag",))


def ms(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1000  # type: ignore[misc,arg-type]


def report(name: str, inside: str, attributes: str = "") -> r.Report:
    return r.parse_report(
        f'<?xml version="1.0"?><{name} xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
        f' xmlns:A="urn:ietf:params:xml:ns:carddav" xmlns:CS="http://calendarserver.org/ns/"'
        f" {attributes}>{inside}</{name}>".encode()
    )


def calendar_query(filters: str, prop: str = "<D:getetag/>", rest: str = "") -> r.CalendarQuery:
    found = report(
        "C:calendar-query",
        f"<D:prop>{prop}</D:prop><C:filter><C:comp-filter name='VCALENDAR'>{filters}"
        f"</C:comp-filter></C:filter>{rest}",
    )
    assert isinstance(found, r.CalendarQuery)
    return found


def card_query(filters: str, attributes: str = "", prop: str = "") -> r.AddressbookQuery:
    found = report(
        "A:addressbook-query",
        f"<D:prop><D:getetag/>{prop}</D:prop><A:filter {attributes}>{filters}</A:filter>",
    )
    assert isinstance(found, r.AddressbookQuery)
    return found


def test_syncs() -> None:
    assert report(
        "D:sync-collection",
        "<D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop>",
    ) == r.SyncCollection("", r.SyncLevel.ONE, None, ETAG)
    assert report(
        "D:sync-collection",
        "<D:sync-token> http://x/1 </D:sync-token><D:sync-level>infinite</D:sync-level>"
        "<D:limit><D:nresults>10</D:nresults></D:limit>"
        "<D:prop><C:calendar-data/><A:address-data/></D:prop>",
    ) == r.SyncCollection(
        "http://x/1",
        r.SyncLevel.INFINITE,
        10,
        Propfind(Asked.PROP, (C + "calendar-data", A + "address-data")),
        CalendarData(),
        AddressData(),
    )
    assert report("D:sync-collection", "<D:sync-token/>") == r.SyncCollection(
        "", r.SyncLevel.UNSAID, None, NO_PROPS
    )


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        ("", "sync-token"),
        ("<D:sync-token/><D:sync-level>2</D:sync-level>", "sync-level"),
        ("<D:sync-token/><D:limit/>", "limit"),
        ("<D:sync-token/><D:limit><D:nresults>0</D:nresults></D:limit>", "limit"),
        ("<D:sync-token/><D:limit><D:nresults>-1</D:nresults></D:limit>", "limit"),
        ("<D:sync-token/><D:limit><D:nresults>\u0661</D:nresults></D:limit>", "limit"),
        ("<D:sync-token/><D:prop/><D:allprop/>", "Only one"),
    ],
)
def test_wrong_syncs_are_refused(inside: str, why: str) -> None:
    with pytest.raises(XmlError, match=why):
        report("D:sync-collection", inside)


def test_a_query_with_time_ranges() -> None:
    found = calendar_query(
        "<C:comp-filter name='vevent'>"
        "<C:time-range start='20060104T000000Z' end='20060105T235960Z'/></C:comp-filter>",
        rest="<C:limit><C:nresults>7</C:nresults></C:limit>",
    )
    assert found == r.CalendarQuery(
        ETAG,
        None,
        CompFilter(
            "VCALENDAR",
            comps=(
                CompFilter(
                    "VEVENT",
                    time_range=TimeRange(ms(2006, 1, 4), ms(2006, 1, 5, 23, 59, 59)),
                ),
            ),
        ),
        limit=7,
    )


@pytest.mark.parametrize(
    ("attributes", "window"),
    [
        ("start='20060104T000000Z'", TimeRange(ms(2006, 1, 4), None)),
        ("end='19010104T000000Z'", TimeRange(None, ms(1901, 1, 4))),
        ("start='00010101T000000Z'", TimeRange(ms(1, 1, 1), None)),
    ],
)
def test_a_range_may_have_one_bound(attributes: str, window: TimeRange) -> None:
    found = calendar_query(
        f"<C:comp-filter name='VTODO'><C:time-range {attributes}/></C:comp-filter>"
    )
    assert found.filter.comps[0].time_range == window


@pytest.mark.parametrize(
    "attributes",
    [
        "",
        "start=''",
        "start='20060104'",
        "start='20060104T000000'",
        "start='20060104T000000+0100'",
        "start='2006-01-04T00:00:00Z'",
        "start='20060230T000000Z'",
        "start='20060104T240000Z'",
        "start='20060104T000061Z'",
        "start='00000104T000000Z'",
        "start='\u0662\u0660\u0660\u06660104T000000Z'",
        "start='20060104T000000Z' end='20060104T000000Z'",
        "start='20060105T000000Z' end='20060104T000000Z'",
        "start='20060105T000000Z' end='x'",
    ],
)
def test_wrong_ranges_are_refused(attributes: str) -> None:
    with pytest.raises(XmlError, match="time range") as refused:
        calendar_query(f"<C:comp-filter name='VEVENT'><C:time-range {attributes}/></C:comp-filter>")
    assert refused.value.condition == C + "valid-filter"


def test_all_parts_of_a_calendar_filter() -> None:
    found = calendar_query(
        "<C:comp-filter name='VEVENT'><C:prop-filter name='ATTENDEE'>"
        "<C:text-match collation='i;octet' negate-condition='yes'>mailto:A@x </C:text-match>"
        "<C:param-filter name='PARTSTAT'><C:text-match>NEEDS</C:text-match></C:param-filter>"
        "<C:param-filter name='X'><C:is-not-defined/></C:param-filter>"
        "<C:param-filter name='Y'/></C:prop-filter>"
        "<C:prop-filter name='COMPLETED'><C:is-not-defined/></C:prop-filter>"
        "<C:prop-filter name='UID'/>"
        "<C:prop-filter name='DTSTAMP'><C:time-range end='20060105T000000Z'/></C:prop-filter>"
        "<C:comp-filter name='VALARM'><C:is-not-defined/></C:comp-filter></C:comp-filter>"
    )
    assert found.filter.comps[0] == CompFilter(
        "VEVENT",
        props=(
            PropFilter(
                "ATTENDEE",
                text_match=TextMatch("mailto:A@x ", Collation.OCTET, MatchType.CONTAINS, True),
                params=(
                    ParamFilter("PARTSTAT", text_match=TextMatch("NEEDS")),
                    ParamFilter("X", is_not_defined=True),
                    ParamFilter("Y"),
                ),
            ),
            PropFilter("COMPLETED", is_not_defined=True),
            PropFilter("UID"),
            PropFilter("DTSTAMP", time_range=TimeRange(None, ms(2006, 1, 5))),
        ),
        comps=(CompFilter("VALARM", is_not_defined=True),),
    )


@pytest.mark.parametrize(
    ("filters", "condition"),
    [
        ("<C:comp-filter/>", "valid-filter"),
        ("<C:comp-filter name=''/>", "valid-filter"),
        ("<C:comp-filter name='A B'/>", "valid-filter"),
        (f"<C:comp-filter name='{'A' * 256}'/>", "valid-filter"),
        (
            "<C:comp-filter name='V'><C:is-not-defined/><C:prop-filter name='A'/></C:comp-filter>",
            "valid-filter",
        ),
        ("<C:comp-filter name='V'><C:prop-filter/></C:comp-filter>", "valid-filter"),
        (
            "<C:prop-filter name='A'><C:text-match>a</C:text-match>"
            "<C:time-range start='20060104T000000Z'/></C:prop-filter>",
            "valid-filter",
        ),
        (
            "<C:prop-filter name='A'><C:text-match collation='i;x'/></C:prop-filter>",
            "supported-collation",
        ),
        (
            "<C:prop-filter name='A'><C:text-match negate-condition='1'/></C:prop-filter>",
            "valid-filter",
        ),
        (
            "<C:prop-filter name='A'><C:text-match match-type='like'/></C:prop-filter>",
            "valid-filter",
        ),
        (
            "<C:time-range start='20060104T000000Z'/><C:time-range start='20060104T000000Z'/>",
            "valid-filter",
        ),
    ],
)
def test_wrong_calendar_filters_are_refused(filters: str, condition: str) -> None:
    with pytest.raises(XmlError) as refused:
        calendar_query(filters)
    assert refused.value.condition == C + condition


@pytest.mark.parametrize(
    "inside",
    [
        "<D:prop/>",
        "<C:filter/>",
        "<C:filter><C:comp-filter name='VEVENT'/></C:filter>",
        "<C:filter><C:comp-filter name='VCALENDAR'/><C:comp-filter name='VCALENDAR'/></C:filter>",
    ],
)
def test_a_query_has_one_filter_for_calendars(inside: str) -> None:
    with pytest.raises(XmlError) as refused:
        report("C:calendar-query", inside)
    assert refused.value.condition == C + "valid-filter"


@pytest.mark.parametrize(
    ("filters", "why"),
    [
        ("<C:prop-filter name='A'/>" * 200, "too many filters"),
        (
            f"<C:prop-filter name='A'><C:text-match>{'x' * 1025}</C:text-match></C:prop-filter>",
            "text to look for",
        ),
        ("<C:comp-filter name='A'>" * 40 + "</C:comp-filter>" * 40, "deep"),
    ],
)
def test_big_filters_are_refused(filters: str, why: str) -> None:
    with pytest.raises(XmlError, match=why):
        calendar_query(filters)


def test_time_zones_of_a_query() -> None:
    zone = "BEGIN:VCALENDAR&#13;\nEND:VCALENDAR"
    found = calendar_query("", rest=f"<C:timezone>{zone}</C:timezone>")
    assert found.timezone == "BEGIN:VCALENDAR\r\nEND:VCALENDAR"
    found = calendar_query("", rest="<C:timezone-id> Europe/Berlin </C:timezone-id>")
    assert (found.timezone, found.timezone_id) == (None, "Europe/Berlin")
    with pytest.raises(XmlError, match="not both"):
        calendar_query("", rest="<C:timezone>x</C:timezone><C:timezone-id>y</C:timezone-id>")


def test_which_part_of_calendars_is_wanted() -> None:
    found = calendar_query(
        "",
        "<C:calendar-data content-type='text/calendar' version='2.0'><C:comp name='VCALENDAR'>"
        "<C:prop name='VERSION'/><C:comp name='vevent'><C:allprop/>"
        "<C:comp name='VALARM'><C:prop name='TRIGGER' novalue='yes'/><C:allcomp/></C:comp></C:comp>"
        "<C:comp name='VTIMEZONE'/></C:comp>"
        "<C:expand start='20060103T000000Z' end='20060105T000000Z'/>"
        "<C:limit-freebusy-set start='20060101T000000Z' end='20060102T000000Z'/></C:calendar-data>",
    )
    assert found.data == CalendarData(
        selection=CompSelection(
            "VCALENDAR",
            (PropSelection("VERSION"),),
            (
                CompSelection(
                    "VEVENT",
                    None,
                    (CompSelection("VALARM", (PropSelection("TRIGGER", True),), None),),
                ),
                CompSelection("VTIMEZONE"),
            ),
        ),
        expand=TimeRange(ms(2006, 1, 3), ms(2006, 1, 5)),
        limit_free_busy=TimeRange(ms(2006, 1, 1), ms(2006, 1, 2)),
    )
    found = calendar_query(
        "",
        "<C:calendar-data><C:limit-recurrence-set start='20060103T000000Z'"
        " end='20060105T000000Z'/></C:calendar-data>",
    )
    assert found.data == CalendarData(limit_recurrence=TimeRange(ms(2006, 1, 3), ms(2006, 1, 5)))


@pytest.mark.parametrize(
    ("inside", "attributes", "condition"),
    [
        ("", "content-type='application/calendar+json'", "supported-calendar-data"),
        ("", "version='1.0'", "supported-calendar-data"),
        ("<C:expand start='20060103T000000Z'/>", "", "valid-filter"),
        ("<C:comp/>", "", None),
        ("<C:comp name='V'><C:prop/></C:comp>", "", None),
        ("<C:comp name='V'><C:prop name='A' novalue='1'/></C:comp>", "", None),
        ("<C:comp name='V'>" + "<C:prop name='A'/>" * 500 + "</C:comp>", "", None),
        (
            "<C:expand start='20060103T000000Z' end='20060105T000000Z'/>"
            "<C:limit-recurrence-set start='20060103T000000Z' end='20060105T000000Z'/>",
            "",
            None,
        ),
    ],
)
def test_wrong_calendar_data_is_refused(
    inside: str, attributes: str, condition: str | None
) -> None:
    with pytest.raises(XmlError) as refused:
        calendar_query("", f"<C:calendar-data {attributes}>{inside}</C:calendar-data>")
    assert refused.value.condition == (condition and C + condition)


def test_multigets() -> None:
    hrefs = (
        "<D:href> /a%20b.ics\n</D:href><D:href>https://x.test/c</D:href><D:href>/a%20b.ics</D:href>"
    )
    assert report(
        "C:calendar-multiget", f"<D:prop><D:getetag/></D:prop>{hrefs}"
    ) == r.CalendarMultiget(ETAG, None, ("/a%20b.ics", "https://x.test/c"))
    found = report("A:addressbook-multiget", f"<D:allprop/>{hrefs}")
    assert found == r.AddressbookMultiget(ALLPROP, None, ("/a%20b.ics", "https://x.test/c"))


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        ("<D:prop/>", "at least one"),
        ("".join(f"<D:href>/{n}</D:href>" for n in range(10_001)), "more than 10000"),
    ],
)
def test_multigets_name_some_resources(inside: str, why: str) -> None:
    for name in ("C:calendar-multiget", "A:addressbook-multiget"):
        with pytest.raises(XmlError, match=why):
            report(name, inside)


def test_free_busy() -> None:
    assert report(
        "C:free-busy-query", "<C:time-range start='20060104T140000Z' end='20060105T220000Z'/>"
    ) == r.FreeBusyQuery(TimeRange(ms(2006, 1, 4, 14), ms(2006, 1, 5, 22)))
    for inside in (
        "",
        "<C:time-range start='20060104T140000Z'/>",
        "<C:time-range start='20060104T140000Z' end='20060105T220000Z'/>" * 2,
    ):
        with pytest.raises(XmlError) as refused:
            report("C:free-busy-query", inside)
        assert refused.value.condition == C + "valid-filter"


def test_address_book_queries() -> None:
    found = card_query(
        "<A:prop-filter name='NICKNAME' test='allof'>"
        "<A:text-match collation='i;unicode-casemap' match-type='equals'>me</A:text-match>"
        "<A:text-match match-type='starts-with' negate-condition='yes'>x</A:text-match>"
        "</A:prop-filter>"
        "<A:prop-filter name='item1.email'><A:param-filter name='TYPE'>"
        "<A:text-match match-type='ends-with' collation='i;ascii-casemap'>home</A:text-match>"
        "</A:param-filter></A:prop-filter>"
        "<A:prop-filter name='TEL'><A:is-not-defined/></A:prop-filter>",
        "test='allof'",
    )
    unicode = Collation.UNICODE_CASEMAP
    assert found == r.AddressbookQuery(
        ETAG,
        None,
        CardFilter(
            any_of=False,
            props=(
                cards.PropFilter(
                    "NICKNAME",
                    any_of=False,
                    text_matches=(
                        TextMatch("me", unicode, MatchType.EQUALS),
                        TextMatch("x", unicode, MatchType.STARTS_WITH, True),
                    ),
                ),
                cards.PropFilter(
                    "ITEM1.EMAIL",
                    params=(
                        ParamFilter(
                            "TYPE",
                            text_match=TextMatch(
                                "home", Collation.ASCII_CASEMAP, MatchType.ENDS_WITH
                            ),
                        ),
                    ),
                ),
                cards.PropFilter("TEL", is_not_defined=True),
            ),
        ),
    )
    assert card_query("").filter == CardFilter()
    assert report("A:addressbook-query", "<D:allprop/>") == r.AddressbookQuery(
        ALLPROP, None, CardFilter()
    )


@pytest.mark.parametrize(
    ("filters", "attributes", "condition"),
    [
        ("", "test='some'", "supported-filter"),
        ("<A:prop-filter/>", "", "supported-filter"),
        ("<A:prop-filter name='A' test='none'/>", "", "supported-filter"),
        ("<A:prop-filter name='a.b.c'/>", "", "supported-filter"),
        (
            "<A:prop-filter name='A'><A:text-match collation='i;x'/></A:prop-filter>",
            "",
            "supported-collation",
        ),
        (
            "<A:prop-filter name='A'><A:text-match match-type='x'/></A:prop-filter>",
            "",
            "supported-filter",
        ),
    ],
)
def test_wrong_card_filters_are_refused(filters: str, attributes: str, condition: str) -> None:
    with pytest.raises(XmlError) as refused:
        card_query(filters, attributes)
    assert refused.value.condition == A + condition


def test_many_texts_are_refused() -> None:
    with pytest.raises(XmlError, match="too many"):
        card_query("<A:prop-filter name='A'>" + "<A:text-match/>" * 200 + "</A:prop-filter>")


@pytest.mark.parametrize(
    ("prop", "data"),
    [
        ("<A:address-data/>", AddressData()),
        ("<A:address-data content-type='text/vcard' version='4.0'/>", AddressData(version="4.0")),
        ("<A:address-data><A:allprop/></A:address-data>", AddressData()),
        (
            "<A:address-data version='3.0'><A:prop name='version'/><A:prop name='FN'/>"
            "</A:address-data>",
            AddressData(version="3.0", props=("VERSION", "FN")),
        ),
    ],
)
def test_which_part_of_cards_is_wanted(prop: str, data: AddressData) -> None:
    assert card_query("", prop=prop).data == data


@pytest.mark.parametrize("attributes", ["content-type='text/x'", "version='2.1'", "version=''"])
def test_cards_that_cant_be_had_are_refused(attributes: str) -> None:
    with pytest.raises(XmlError) as refused:
        card_query("", prop=f"<A:address-data {attributes}/>")
    assert refused.value.condition == A + "supported-address-data-conversion"


def test_expansion() -> None:
    assert report(
        "D:expand-property",
        "<D:property name='current-user-principal'><D:property name='displayname'/>"
        "<D:property name='calendar-home-set' namespace='urn:ietf:params:xml:ns:caldav'/>"
        "</D:property><D:property name='x' namespace=''/>",
    ) == r.ExpandProperty(
        (
            r.ExpandedProp(
                D + "current-user-principal",
                (r.ExpandedProp(D + "displayname"), r.ExpandedProp(C + "calendar-home-set")),
            ),
            r.ExpandedProp("x"),
        )
    )


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        ("<D:property/>", "no name"),
        ("<D:property name='a' namespace='b}c'/>", "no name"),
        ("<D:property name='a' namespace='&quot;&gt;'/>", "no name"),
        ("<D:property name='a/&gt;&lt;b'/>", "no name"),
        ("<D:property name='a b'/>", "no name"),
        ("<D:property name='1'/>", "no name"),
        ("<D:property name='a:b'/>", "no name"),
        ("<D:property name='a'>" * 5 + "</D:property>" * 5, "4 levels"),
        ("<D:property name='a'/>" * 201, "More than 200"),
    ],
)
def test_wrong_expansion_is_refused(inside: str, why: str) -> None:
    with pytest.raises(XmlError, match=why):
        report("D:expand-property", inside)


def test_searches_of_principals() -> None:
    search = (
        "<D:property-search><D:prop><D:displayname/><C:calendar-user-address-set/></D:prop>"
        "<D:match{}> Doe </D:match></D:property-search>"
    )
    props = (D + "displayname", C + "calendar-user-address-set")
    assert report(
        "D:principal-property-search", search.format("") + "<D:prop><D:getetag/></D:prop>"
    ) == PrincipalPropertySearch((PropSearch(props, "Doe"),), ETAG)
    assert report(
        "D:principal-property-search",
        search.format(" match-type='starts-with'")
        + "<D:apply-to-principal-collection-set/><D:limit><D:nresults>5</D:nresults></D:limit>",
        "test='anyof'",
    ) == PrincipalPropertySearch(
        (PropSearch(props, "Doe", MatchType.STARTS_WITH),), NO_PROPS, True, True, 5
    )


def test_searches_as_python_caldav_writes_them() -> None:
    name = (
        "<D:property-search><D:prop><D:displayname/></D:prop>"
        "<D:match>Doe</D:match></D:property-search>"
    )
    beside = "<D:prop/><C:calendar-home-set/><D:displayname/>"
    wanted = Propfind(Asked.PROP, (C + "calendar-home-set", D + "displayname"))
    assert report("D:principal-property-search", name + beside) == PrincipalPropertySearch(
        (PropSearch((D + "displayname",), "Doe"),), wanted
    )
    everybody = PrincipalPropertySearch((), wanted)
    assert report("D:principal-property-search", beside) == everybody
    assert report("D:principal-property-search", beside, "test='anyof'") == everybody
    assert report("D:principal-property-search", "") == PrincipalPropertySearch((), NO_PROPS)


@pytest.mark.parametrize(
    "inside",
    [
        "<D:property-search/>",
        "<D:property-search><D:prop/><D:match>a</D:match></D:property-search>",
        "<D:property-search><D:prop><D:a/></D:prop></D:property-search>",
        "<D:property-search><D:prop><D:a/></D:prop><D:match>a</D:match></D:property-search>" * 21,
        f"<D:property-search><D:prop><D:a/></D:prop><D:match>{'a' * 256}</D:match>"
        "</D:property-search>",
    ],
)
def test_wrong_searches_are_refused(inside: str) -> None:
    with pytest.raises(XmlError):
        report("D:principal-property-search", inside)


def test_other_reports_about_principals() -> None:
    prop = "<D:prop><D:getetag/></D:prop>"
    assert report("D:principal-search-property-set", "") == PrincipalSearchPropertySet()
    assert report("D:acl-principal-prop-set", prop) == AclPrincipalPropSet(ETAG)
    assert report("D:principal-match", "<D:self/>" + prop) == PrincipalMatch(None, ETAG)
    assert report(
        "D:principal-match", "<D:principal-property><D:owner/></D:principal-property>"
    ) == PrincipalMatch(D + "owner", NO_PROPS)
    assert report(
        "CS:calendarserver-principal-search",
        "<CS:search-token>Jo</CS:search-token><CS:search-token>Doe</CS:search-token>"
        "<CS:limit><CS:nresults>50</CS:nresults></CS:limit>" + prop,
        "context='Attendee'",
    ) == CalendarServerPrincipalSearch(("Jo", "Doe"), "attendee", ETAG, 50)
    for name, inside in (
        ("D:principal-match", ""),
        ("D:principal-match", "<D:self/><D:principal-property><D:a/></D:principal-property>"),
        ("D:principal-match", "<D:principal-property/>"),
        ("CS:calendarserver-principal-search", "<CS:search-token> </CS:search-token>"),
    ):
        with pytest.raises(XmlError):
            report(name, inside)


def test_unknown_reports_are_refused() -> None:
    with pytest.raises(XmlError) as refused:
        report("D:version-tree", "")
    assert refused.value.condition == D + "supported-report"
