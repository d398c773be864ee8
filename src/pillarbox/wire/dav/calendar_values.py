"""Values of CalDAV's and CardDAV's own properties, and answers of the scheduling outbox."""

from collections.abc import Iterable
from dataclasses import dataclass

from pillarbox.wire.dav.markup import (
    document,
    element,
    text_element,
    uri_value,
)
from pillarbox.wire.dav.names import A, C, D
from pillarbox.wire.dav.xml import Element, XmlError


@dataclass(frozen=True, slots=True)
class RecipientAnswer:
    """What became of one recipient of an outbox request (RFC 6638 §10.2).

    `recipient` is a URI, `request_status` such as `2.0;Success`, `calendar` an iCalendar text.
    """

    recipient: str
    request_status: str
    calendar: str | None = None
    description: str = ""


def schedule_response_body(answers: Iterable[RecipientAnswer]) -> bytes:
    """A CALDAV:schedule-response (RFC 6638 §10.1)."""
    return document(
        C + "schedule-response",
        "".join(
            element(
                C + "response",
                element(C + "recipient", uri_value(one.recipient))
                + text_element(C + "request-status", one.request_status)
                + ("" if one.calendar is None else text_element(C + "calendar-data", one.calendar))
                + (
                    text_element(D + "responsedescription", one.description)
                    if one.description
                    else ""
                ),
            )
            for one in answers
        ),
    )


def components_value(names: Iterable[str]) -> str:
    """The value of CALDAV:supported-calendar-component-set (RFC 4791 §5.2.3)."""
    return "".join(element(C + "comp", attributes=[("name", name)]) for name in names)


def parse_components(prop: Element) -> tuple[str, ...]:
    """The names in a CALDAV:supported-calendar-component-set, in capitals, each once."""
    names = [node.attributes.get("name", "").strip().upper() for node in prop.of(C + "comp")]
    if not names or "" in names or len(names) > 20 or any(len(name) > 64 for name in names):
        raise XmlError(
            "A supported-calendar-component-set names its components.",
            C + "supported-calendar-component",
        )
    return tuple(dict.fromkeys(names))


def calendar_data_types_value() -> str:
    """The value of CALDAV:supported-calendar-data (RFC 4791 §5.2.4)."""
    return element(
        C + "calendar-data", attributes=[("content-type", "text/calendar"), ("version", "2.0")]
    )


def address_data_types_value(versions: Iterable[str]) -> str:
    """The value of CARDDAV:supported-address-data (RFC 6352 §6.2.2)."""
    return "".join(
        element(
            A + "address-data-type",
            attributes=[("content-type", "text/vcard"), ("version", version)],
        )
        for version in versions
    )


def collations_value(space: str) -> str:
    """The value of supported-collation-set in CALDAV's or CARDDAV's namespace."""
    names = ("i;ascii-casemap", "i;unicode-casemap", "i;octet")
    return "".join(text_element(space + "supported-collation", name) for name in names)


def reports_value(names: Iterable[str]) -> str:
    """The value of DAV:supported-report-set (RFC 3253 §3.1.5)."""
    return "".join(
        element(D + "supported-report", element(D + "report", element(name))) for name in names
    )


def transparency_value(is_transparent: bool) -> str:
    """The value of CALDAV:schedule-calendar-transp (RFC 6638 §9.1)."""
    return element(C + ("transparent" if is_transparent else "opaque"))


def parse_transparency(prop: Element) -> bool:
    """Whether a CALDAV:schedule-calendar-transp says transparent."""
    transparent, opaque = prop.has(C + "transparent"), prop.has(C + "opaque")
    if transparent == opaque:
        raise XmlError("A schedule-calendar-transp is transparent or opaque.")
    return transparent
