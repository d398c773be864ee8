"""What is odd about the header of a message.

Weak signs, most of them: what RFC 5322 asks for and senders of junk forget, and what they add.
The subject has a module of its own.
"""

import re
from collections.abc import Iterator, Sequence
from types import MappingProxyType

from pillarbox.base.clock import Clock
from pillarbox.domain.judgement.model import Finding, Kind, Stage
from pillarbox.formats.mime.date import parse_date
from pillarbox.formats.mime.header import HEADER_BYTES
from pillarbox.pipeline.inbound.checks import subject
from pillarbox.pipeline.inbound.checks.arrival import Arrival
from pillarbox.pipeline.inbound.checks.check import Check
from pillarbox.pipeline.inbound.checks.content import Content, examine
from pillarbox.pipeline.inbound.checks.free_mail import FREE_MAIL

RECIPIENTS_MANY = 50
RECIPIENTS_UNNAMED = 5
HOPS_MANY = 30
AHEAD_MS = 12 * 3_600_000
BEHIND_MS = 7 * 86_400_000

MISSING_DATE = Kind("missing_date", 1.0, "has no Date")
DATE_UNREADABLE = Kind("date_unreadable", 1.0, "has a Date that names no time")
DATE_AHEAD = Kind("date_ahead", 1.5, "is dated in the future")
DATE_BEHIND = Kind("date_behind", 0.5, "is dated more than a week ago")
MISSING_MESSAGE_ID = Kind("missing_message_id", 1.0, "has no Message-ID")
MESSAGE_ID_MALFORMED = Kind("message_id_malformed", 0.5, "has a Message-ID of no known form")
MISSING_FROM = Kind("missing_from", 2.5, "names nobody in From")
FROM_REPEATED = Kind("from_repeated", 4.0, "has more than one From field")
SEVERAL_AUTHORS = Kind(
    "several_authors", 1.5, "has several addresses in From and no Sender (RFC 5322 §3.6.2)"
)
HEADER_REPEATED = Kind("header_repeated", 1.5, "repeats a field that may stand only once")
MISSING_TO = Kind("missing_to", 0.5, "names no recipient in its header")
UNNAMED_RECIPIENTS = Kind(
    "unnamed_recipients", 1.0, "goes to several people here and names none of its recipients"
)
TOO_MANY_RECIPIENTS = Kind("too_many_recipients", 2.0, "names very many recipients")
REPLY_TO_FREE_MAIL = Kind(
    "reply_to_free_mail", 1.0, "wants replies at a free-mail address unlike that of its sender"
)
RECEIVED_MANY = Kind("received_many", 1.0, "has passed very many servers")
RECEIVED_ODD = Kind("received_odd", 0.5, "has a Received field of no known form")
RECEIVED_AHEAD = Kind("received_ahead", 1.0, "was received in the future, says a Received field")
CONTROL_CHARACTERS = Kind("header_control", 1.5, "has control characters in its header")
RAW_BYTES = Kind("header_raw_bytes", 0.5, "has bytes in its header that are no UTF-8")
MAILER_FAKED = Kind(
    "mailer_faked", 1.5, "was not written by the program that it names, by its Message-ID"
)
OLD_MAILER = Kind("old_mailer", 1.0, "names a program that nobody uses any more")
BULK_UNSUBSCRIBE = Kind(
    "bulk_without_unsubscribe", 0.5, "is bulk mail without a way to unsubscribe"
)
LIST_MAIL = Kind(
    "list_mail", -0.5, "is list mail that can be unsubscribed from in one step (RFC 8058)"
)
MARKED_AS_SPAM = Kind("marked_as_spam", 2.0, "was found to be spam by a server before this one")

KINDS = (
    *(MISSING_DATE, DATE_UNREADABLE, DATE_AHEAD, DATE_BEHIND, MISSING_MESSAGE_ID),
    *(MESSAGE_ID_MALFORMED, MISSING_FROM, FROM_REPEATED, SEVERAL_AUTHORS, HEADER_REPEATED),
    *(MISSING_TO, UNNAMED_RECIPIENTS, TOO_MANY_RECIPIENTS, REPLY_TO_FREE_MAIL, RECEIVED_MANY),
    *(RECEIVED_ODD, RECEIVED_AHEAD, CONTROL_CHARACTERS, RAW_BYTES, MAILER_FAKED, OLD_MAILER),
    *(BULK_UNSUBSCRIBE, LIST_MAIL, MARKED_AS_SPAM, *subject.KINDS),
)

_ONCE = (
    *(b"date", b"sender", b"reply-to", b"to", b"cc", b"bcc", b"message-id", b"in-reply-to"),
    *(b"references", b"subject"),
)
_RECIPIENT_FIELDS = (b"to", b"cc", b"bcc")
_ID = re.compile(rb"\s*+<[^<>@\s]++@[^<>@\s]++>\s*+\Z|\s*+<\"[^<>]*+\"@[^<>@\s]++>\s*+\Z")
# ESC is how ISO-2022-JP shifts, which old programs put into headers as it is.
_CONTROL = re.compile(rb"[\0-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]|\r(?!\n)")
_BY = re.compile(rb"\bby\s", re.IGNORECASE)
_SPAM_STATUS = re.compile(rb"\s*+yes\b", re.I)
_BULK = re.compile(rb"\s*+(?:bulk|list|junk)\b", re.I)
_OLD_MAILER = re.compile(
    rb"\s*+(?:Microsoft Outlook Express|Microsoft Windows (?:Live )?Mail \d|Microsoft Outlook,? "
    rb"Build 10|Microsoft Outlook IMO|FoxMail [1-6]\.|QUALCOMM Windows Eudora|Internet Mail Service"
    rb"|CSMTPConnection)",
    re.I,
)
# What the programs put into Message-ID; servers that add a missing one make others, so a program
# is only listed where it always brings its own.
_MAILER_IDS = MappingProxyType(
    {
        re.compile(rb"\s*+(?:iPhone|iPad) Mail \("): re.compile(
            rb"<[0-9A-F]{8}-(?:[0-9A-F]{4}-){3}[0-9A-F]{12}@"
        ),
        re.compile(rb"\s*+Apple Mail \("): re.compile(
            rb"<[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}@"
        ),
        re.compile(rb"\s*+Mozilla Thunderbird\b"): re.compile(
            rb"<(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9A-F]{7,8}\.[0-9]{4,8})@"
        ),
        re.compile(rb"\s*+Microsoft Outlook 1[2-6]\.0"): re.compile(
            rb"<[0-9a-fA-F]{12}\$[0-9a-fA-F]{8}\$[0-9a-fA-F]{8}\$?@|<[A-Z0-9]{20,}@|<[0-9a-f]{32}@"
            rb"|<[0-9A-Za-z.]+@(?:email\.android|[^>]+\.(?:outlook|exchangelabs|local))"
        ),
    }
)


class HeaderCheck(Check):
    """Checks the header of a message; the clock says what the future is."""

    name = "headers"
    stage = Stage.DATA
    asks_nobody = True
    kinds = KINDS
    deadline_s = 10.0

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def run(self, arrival: Arrival) -> Sequence[Finding]:
        """Look at every field that tells something."""
        if arrival.content is None:
            return ()
        now_ms = self._clock.now_ms()
        return await examine(arrival.content, lambda content: _look(arrival, content, now_ms))


def _look(arrival: Arrival, content: Content, now_ms: int) -> list[Finding]:
    return [
        *_date(content, now_ms),
        *_message_id(content),
        *_authors(content),
        *_recipients(arrival, content),
        *_reply_to(content),
        *_hops(content, now_ms),
        *_bytes(content),
        *_program(content),
        *_bulk(content),
        *subject.look(arrival, content),
    ]


def _date(content: Content, now_ms: int) -> Iterator[Finding]:
    raw = content.headers.first(b"date")
    if raw is None:
        yield MISSING_DATE.found()
        return
    shown = raw[:100].decode("ascii", "replace")
    at = content.fields.sent_at_ms
    if at is None:
        yield DATE_UNREADABLE.found(shown)
    elif at > now_ms + AHEAD_MS:
        yield DATE_AHEAD.found(shown)
    elif at < now_ms - BEHIND_MS:
        yield DATE_BEHIND.found(shown)


def _message_id(content: Content) -> Iterator[Finding]:
    raw = content.headers.first(b"message-id")
    if not raw:
        yield MISSING_MESSAGE_ID.found()
    elif not _ID.match(raw):
        yield MESSAGE_ID_MALFORMED.found(raw[:100].decode("utf-8", "replace"))


def _authors(content: Content) -> Iterator[Finding]:
    headers, fields = content.headers, content.fields
    if len(headers.all(b"from")) > 1:
        yield FROM_REPEATED.found()
    if not any("@" in one.address for one in fields.from_):
        yield MISSING_FROM.found()
    elif len(fields.from_) > 1 and b"sender" not in headers:
        yield SEVERAL_AUTHORS.found(f"{len(fields.from_)} addresses")
    repeated = [name.decode("ascii") for name in _ONCE if len(headers.all(name)) > 1]
    if repeated:
        yield HEADER_REPEATED.found(", ".join(repeated))


def _recipients(arrival: Arrival, content: Content) -> Iterator[Finding]:
    fields = content.fields
    named = len(fields.to) + len(fields.cc)
    if named >= RECIPIENTS_MANY:
        yield TOO_MANY_RECIPIENTS.found(f"{named} addresses")
    elif not named and not fields.bcc:
        if len(arrival.recipients) >= RECIPIENTS_UNNAMED:
            yield UNNAMED_RECIPIENTS.found(f"{len(arrival.recipients)} recipients")
        elif not any(name in content.headers for name in _RECIPIENT_FIELDS):
            yield MISSING_TO.found()


def _reply_to(content: Content) -> Iterator[Finding]:
    if b"list-id" in content.headers or not content.from_domain:
        return
    domain = content.from_domain
    for one in content.fields.reply_to[:10]:
        other = one.address.rpartition("@")[2].lower()
        if other in FREE_MAIL and other != domain:
            yield REPLY_TO_FREE_MAIL.found(one.address)
            return


def _hops(content: Content, now_ms: int) -> Iterator[Finding]:
    hops = content.headers.all(b"received")
    if len(hops) > HOPS_MANY:
        yield RECEIVED_MANY.found(f"{len(hops)} Received fields")
    odd = ahead = b""
    for hop in hops[:HOPS_MANY]:
        at = parse_date(hop) if b";" in hop else None
        if at is None or not _BY.search(hop):
            odd = odd or hop or b"an empty one"
        elif at.timestamp() * 1000 > now_ms + AHEAD_MS:
            ahead = ahead or hop
    if odd:
        yield RECEIVED_ODD.found(odd[:200].decode("utf-8", "replace"))
    if ahead:
        yield RECEIVED_AHEAD.found(ahead[-60:].decode("utf-8", "replace").strip())


def _bytes(content: Content) -> Iterator[Finding]:
    root = content.root
    block = content.data[root.header_start : min(root.body_start, HEADER_BYTES)]
    if _CONTROL.search(block):
        yield CONTROL_CHARACTERS.found()
    if not block.isascii():
        try:
            block.decode()
        except UnicodeDecodeError:
            yield RAW_BYTES.found()


def _program(content: Content) -> Iterator[Finding]:
    headers = content.headers
    program = headers.first(b"x-mailer") or headers.first(b"user-agent")
    if not program:
        return
    shown = program[:100].decode("utf-8", "replace")
    if _OLD_MAILER.match(program):
        yield OLD_MAILER.found(shown)
    message_id = headers.first(b"message-id") or b""
    for named, known in _MAILER_IDS.items():
        if named.match(program) and not known.match(message_id):
            yield MAILER_FAKED.found(shown)


def _bulk(content: Content) -> Iterator[Finding]:
    headers = content.headers
    unsubscribe = headers.first(b"list-unsubscribe")
    if unsubscribe and b"list-unsubscribe-post" in headers:
        yield LIST_MAIL.found()
    automatic = b"auto-submitted" in headers or b"x-auto-response-suppress" in headers
    if not unsubscribe and not automatic and _BULK.match(headers.first(b"precedence") or b""):
        yield BULK_UNSUBSCRIBE.found()
    flagged = headers.first(b"x-spam-flag") or headers.first(b"x-spam-status") or b""
    if _SPAM_STATUS.match(flagged):
        yield MARKED_AS_SPAM.found()
