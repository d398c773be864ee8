"""Values of CalDAV's and CardDAV's own properties."""

import lxml.etree
import pytest

from pillarbox.wire.dav import calendar_values as v
from pillarbox.wire.dav.markup import document
from pillarbox.wire.dav.names import A, C, D
from pillarbox.wire.dav.xml import XmlError, parse_body

NS = {"D": "DAV:", "C": "urn:ietf:params:xml:ns:caldav", "A": "urn:ietf:params:xml:ns:carddav"}
XMLNS = "xmlns='urn:ietf:params:xml:ns:caldav'"


def test_answers_of_the_outbox() -> None:
    root = lxml.etree.fromstring(
        v.schedule_response_body(
            [
                v.RecipientAnswer("mailto:a&b@x.test", "2.0;Success", "BEGIN:VCALENDAR\r\n]]>"),
                v.RecipientAnswer("mailto:c@x.test", "3.7;Invalid user", description="No <c>."),
            ]
        )
    )
    assert root.tag == C + "schedule-response"
    first, second = root.findall("C:response", NS)
    assert first.findtext("C:recipient/D:href", namespaces=NS) == "mailto:a&b@x.test"
    assert first.findtext("C:request-status", namespaces=NS) == "2.0;Success"
    assert first.findtext("C:calendar-data", namespaces=NS) == "BEGIN:VCALENDAR\r\n]]>"
    assert second.find("C:calendar-data", NS) is None
    assert second.findtext("D:responsedescription", namespaces=NS) == "No <c>."


def test_components() -> None:
    value = v.components_value(["VEVENT", "VTODO"])
    told = parse_body(document(C + "supported-calendar-component-set", value))
    assert v.parse_components(told) == ("VEVENT", "VTODO")
    read = parse_body(f"<s {XMLNS}><comp name='vevent'/><x/><comp name='VEVENT'/></s>".encode())
    assert v.parse_components(read) == ("VEVENT",)
    for inside in ("", "<comp/>", "<comp name=' '/>", "<comp name='A'/>" * 21):
        with pytest.raises(XmlError) as refused:
            v.parse_components(parse_body(f"<s {XMLNS}>{inside}</s>".encode()))
        assert refused.value.condition == C + "supported-calendar-component"


def test_transparency() -> None:
    for is_transparent in (True, False):
        told = document(C + "schedule-calendar-transp", v.transparency_value(is_transparent))
        assert v.parse_transparency(parse_body(told)) is is_transparent
    for inside in ("", "<opaque/><transparent/>"):
        with pytest.raises(XmlError):
            v.parse_transparency(parse_body(f"<s {XMLNS}>{inside}</s>".encode()))


def test_what_is_supported() -> None:
    assert v.reports_value([D + "sync-collection"]) == (
        "<D:supported-report><D:report><D:sync-collection/></D:report></D:supported-report>"
    )
    assert v.calendar_data_types_value() == (
        '<C:calendar-data content-type="text/calendar" version="2.0"/>'
    )
    assert v.address_data_types_value(["3.0", "4.0"]) == (
        '<A:address-data-type content-type="text/vcard" version="3.0"/>'
        '<A:address-data-type content-type="text/vcard" version="4.0"/>'
    )
    for space, prefix in ((C, "C"), (A, "A")):
        assert f"<{prefix}:supported-collation>i;octet</{prefix}:supported-collation>" in (
            v.collations_value(space)
        )
