"""Messages about meetings by mail (RFC 6047): built for people elsewhere, and found in what comes.

The calendar is in the mail twice, as programs look for it in different places: as an alternative to
the text, and as an attachment. Called by `pipeline/scheduling`; calls `mime` and `itip`.
"""

from dataclasses import dataclass
from datetime import datetime

from pillarbox.base.errors import GrammarError
from pillarbox.formats.content_line import decode_text
from pillarbox.formats.ical.component import Component
from pillarbox.formats.ical.values import moment_of
from pillarbox.formats.itip.attendee import partstat
from pillarbox.formats.itip.model import MAX_MESSAGE_BYTES, SCHEDULED, Method
from pillarbox.formats.itip.series import attendees
from pillarbox.formats.mime.compose import (
    Written,
    address_field,
    base64_lines,
    boundary,
    clean,
    joined,
    mailbox,
    message,
    seven_bit,
    text_part,
    unstructured,
)
from pillarbox.formats.mime.date import format_date
from pillarbox.formats.mime.part import Part
from pillarbox.formats.mime.scan import scan
from pillarbox.formats.mime.section import text_of

FILE_NAME = "invite.ics"
SUBJECT_CHARS = 200
TEXT_CHARS = 4000
PARTS_MOST = 3
"""Calendars read of one mail."""
_PARTS_LOOKED_AT = 100
_SUBJECTS = {
    Method.REQUEST: "Invitation",
    Method.ADD: "Invitation",
    Method.CANCEL: "Cancelled",
    Method.COUNTER: "New time proposed",
    Method.DECLINECOUNTER: "Proposal declined",
    Method.REFRESH: "Question about",
    Method.PUBLISH: "Event",
}
_ANSWERS = {
    "ACCEPTED": "Accepted",
    "DECLINED": "Declined",
    "TENTATIVE": "Tentatively accepted",
    "DELEGATED": "Delegated",
    "COMPLETED": "Completed",
    "IN-PROCESS": "Under way",
}


@dataclass(frozen=True, slots=True)
class Posting:
    """What stands in the mail's header: addresses bare, `message_id` without brackets.

    `sender` is whom the calendar message is from, `agent` who wrote it for them, empty if they did
    it themselves. `is_update` says that the recipient knows of the meeting.
    """

    sender: str
    sender_name: str
    recipient: str
    recipient_name: str
    message_id: str
    now: datetime
    is_update: bool = False
    agent: str = ""


def build_mail(calendar: Component, about: Posting) -> bytes:
    """The mail with a calendar message, for any server.

    In ASCII but for addresses that are not. Raises `GrammarError` where an address is none.
    """
    method = _method(calendar)
    content = calendar.written()
    component = next((one for one in calendar.parts if one.name in SCHEDULED), calendar)
    title = clean(decode_text(component.value("SUMMARY") or ""), SUBJECT_CHARS)
    lead = _lead(method, component, about)
    alternatives = (
        text_part(_text(lead, title, calendar, component, method), language="en"),
        _calendar_part(content, method, component.name),
    )
    inner = boundary(alternatives, "alternatives")
    parts = (
        Written(
            ("Content-Type: multipart/alternative;", f'\tboundary="{inner}"'),
            joined(alternatives, inner),
        ),
        Written(
            (
                f'Content-Type: application/ics; name="{FILE_NAME}"',
                f'Content-Disposition: attachment; filename="{FILE_NAME}"',
                "Content-Transfer-Encoding: base64",
            ),
            base64_lines(content),
        ),
    )
    between = boundary(parts, "parts")
    lines = [
        f"Date: {format_date(about.now)}",
        address_field("From", (mailbox(about.sender, about.sender_name),)),
        *([address_field("Sender", (mailbox(about.agent),))] if about.agent else []),
        address_field("Reply-To", (mailbox(about.sender, about.sender_name),)),
        address_field("To", (mailbox(about.recipient, about.recipient_name),)),
        unstructured("Subject", f"{lead}: {title}" if title else lead),
        f"Message-ID: <{about.message_id}>",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: OOF, AutoReply",
        "MIME-Version: 1.0",
    ]
    fields = ("Content-Type: multipart/mixed;", f'\tboundary="{between}"')
    return message(lines, Written(fields, joined(parts, between)))


def calendar_parts(content: bytes) -> list[bytes]:
    """The calendar messages of a mail in UTF-8, at most `PARTS_MOST`; never raises.

    Those within a forwarded message are of somebody else and not looked at; the attachment is only
    where there is no such part of the mail itself. What is too large is left out, and so is what
    says another method outside than inside (RFC 6047 §2.4).
    """
    if b"calendar" not in content and b"/ics" not in content.lower():
        return []
    root = scan(content)
    parts = _own_parts(root)
    found = [one for one in parts if (one.type, one.subtype) == ("text", "calendar")]
    if not found:
        found = [one for one in parts if (one.type, one.subtype) == ("application", "ics")]
    calendars = []
    for part in found[:PARTS_MOST]:
        if part.size_bytes > 2 * MAX_MESSAGE_BYTES:
            continue
        text = _text_of(part, content)
        outside = (part.param("method") or "").strip().upper()
        inside = _method_in(text)
        if inside and outside in ("", inside):
            calendars.append(text.encode("utf-8", "replace"))
    return list(dict.fromkeys(calendars))


def _own_parts(root: Part) -> list[Part]:
    """The parts of a mail but for those of messages within it."""
    found: list[Part] = []
    pending = [root]
    while pending and len(found) < _PARTS_LOOKED_AT:
        part = pending.pop()
        if part.type == "multipart":
            pending.extend(reversed(part.children))
        elif not part.is_message:
            found.append(part)
    return found


def _text_of(part: Part, content: bytes) -> str:
    if part.type != "text":
        part = Part(
            part.header_start,
            part.body_start,
            part.body_end,
            "text",
            "calendar",
            (("charset", "utf-8"),),
            part.encoding,
        )
    elif not part.charset or part.charset == "us-ascii":
        # Some write UTF-8 and don't say so.
        params = (*((key, value) for key, value in part.params if key != "charset"),)
        part = Part(
            part.header_start,
            part.body_start,
            part.body_end,
            part.type,
            part.subtype,
            (*params, ("charset", "utf-8")),
            part.encoding,
        )
    return text_of(part, content, MAX_MESSAGE_BYTES)


def _method_in(text: str) -> str:
    """METHOD of a calendar, which stands before its components; empty where there is none."""
    for line in text[:20_000].splitlines()[:100]:
        name, _, value = line.partition(":")
        name = name.partition(";")[0].strip().upper()
        if name == "METHOD":
            return value.strip().upper()
        if name == "BEGIN" and value.strip().upper() != "VCALENDAR":
            break
    # Allowed, if not usual: after the components.
    for line in text[-2000:].splitlines():
        if line.upper().startswith("METHOD:"):
            return line[7:].strip().upper()
    return ""


def _method(calendar: Component) -> Method:
    try:
        return Method((calendar.value("METHOD") or "").strip().upper())
    except ValueError as error:
        raise GrammarError("no method that is known") from error


def _calendar_part(content: bytes, method: Method, component: str) -> Written:
    body, encoding = seven_bit(content)
    fields = (
        f"Content-Type: text/calendar; charset=utf-8; method={method.value};",
        f"\tcomponent={component}",
        f"Content-Transfer-Encoding: {encoding}",
    )
    return Written(fields, body)


def _lead(method: Method, component: Component, about: Posting) -> str:
    if method is Method.REPLY:
        line = next((line for _, line in attendees(component)), None)
        return _ANSWERS.get(partstat(line), "Answer")
    if method is Method.REQUEST and about.is_update:
        return "Updated invitation"
    return _SUBJECTS[method]


def _text(lead: str, title: str, calendar: Component, component: Component, method: Method) -> str:
    """The mail for people whose programs know nothing of calendars."""
    lines = [f"{lead}: {title}" if title else lead, ""]
    when = _when(component)
    if when:
        lines.append(f"When: {when}")
    if component.first("RRULE") is not None:
        lines.append("It takes place more than once.")
    for name, shown in (("LOCATION", "Where"), ("URL", "Link")):
        text = clean(decode_text(component.value(name) or ""), 500)
        if text:
            lines.append(f"{shown}: {text}")
    organizer = component.first("ORGANIZER")
    if organizer is not None:
        lines.append(f"Organizer: {_person(organizer.param('CN'), organizer.value)}")
    if method is Method.REPLY:
        for address, line in attendees(component):
            answer = _ANSWERS.get(partstat(line), "Answer").lower()
            lines.append(f"{_person(line.param('CN'), address)}: {answer}")
    count = sum(one.name in SCHEDULED for one in calendar.parts)
    if count > 1:
        lines.append(f"This message is about {count} dates; the calendar attached has all.")
    description = decode_text(component.value("DESCRIPTION") or "")[:TEXT_CHARS]
    if description and method is not Method.REPLY:
        lines += ["", description]
    return "\n".join(lines)


def _when(component: Component) -> str:
    line = component.first("DTSTART") or component.first("DUE")
    if line is None:
        return ""
    try:
        moment = moment_of(line)
    except GrammarError:
        return ""
    local = moment.local
    day = f"{local:%A}, {local.day} {local:%B} {local.year}"
    if moment.is_date:
        return day
    zone = "UTC" if moment.is_utc else clean(moment.tzid or "", 60)
    return f"{day}, {local:%H:%M} {zone}".rstrip()


def _person(name: str | None, address: str) -> str:
    bare = clean(address.partition(":")[2] or address, 300)
    shown = clean(name or "", 100)
    return f"{shown} <{bare}>" if shown and shown != bare else bare
