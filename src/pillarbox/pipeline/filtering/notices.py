"""Notifications by mail (RFC 5436). Pure."""

import re
from types import MappingProxyType

from pillarbox.base.errors import GrammarError
from pillarbox.formats.mime.compose import (
    address_field,
    clean,
    mailbox,
    message,
    message_ids,
    text_part,
    unstructured,
)
from pillarbox.formats.mime.date import format_date
from pillarbox.formats.mime.header import Headers
from pillarbox.formats.sieve.actions import Notify
from pillarbox.formats.sieve.mailto import Mailto, parse_mailto
from pillarbox.pipeline.filtering.outgoing import OutgoingMail, Owner, Stamp
from pillarbox.pipeline.filtering.replies import author
from pillarbox.pipeline.filtering.suppression import submitted_by_program

SUBJECT_CHARS = 250
FIELD_CHARS = 500
SHOWN_CHARS = 300

_IMPORTANCE = MappingProxyType(
    {
        1: ("Importance: high", "X-Priority: 1 (Highest)"),
        3: ("Importance: low", "X-Priority: 5 (Lowest)"),
    }
)
# Beside those that `parse_mailto` leaves out: written here, or about whoever gets answers.
_NOT_FROM_URI = frozenset(
    (
        *("to", "cc", "subject", "in-reply-to", "references", "importance", "x-priority"),
        *("precedence", "return-receipt-to", "disposition-notification-to", "errors-to"),
        *("apparently-to", "x-auto-response-suppress"),
    )
)
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,75}\Z")


def why_untold(headers: Headers) -> str | None:
    """Why there is no notification of a message, in words; `None` where there may be one.

    Notifications of what programs send, other notifications among it, would go in circles
    (RFC 5436 §2.7 and §5).
    """
    if submitted_by_program(headers):
        return "a program sent the message (Auto-Submitted)"
    return None


def mail_notice(
    notify: Notify, headers: Headers, reverse_path: str, owner: Owner, stamp: Stamp
) -> OutgoingMail:
    """The notification of a message with this header, to whom the `mailto:` URI says.

    From `notify.sender` if that is an address of the user's, else from the address the message came
    to. A message from the null reverse-path makes one from there, too (RFC 5436 §2.7). Raises
    `GrammarError` where the URI can't be read.
    """
    uri = parse_mailto(notify.method)
    sender, name = author(notify.sender, owner)
    lines = [
        f"Date: {format_date(stamp.now)}",
        address_field("From", (mailbox(sender, name),)),
    ]
    if uri.to:
        lines.append(address_field("To", map(mailbox, uri.to)))
    if uri.cc:
        lines.append(address_field("Cc", map(mailbox, uri.cc)))
    lines.append(unstructured("Subject", _subject(notify, uri, headers), SUBJECT_CHARS))
    lines.append(f"Message-ID: <{stamp.message_id}>")
    about = message_ids(headers.first(b"message-id"))
    if about:
        lines.append(f"References: {about[0]}")
    lines.append(_auto_submitted(owner))
    lines.append("X-Auto-Response-Suppress: All")
    lines.extend(_IMPORTANCE.get(notify.importance, ()))
    lines.extend(_asked_for(uri))
    lines.append("MIME-Version: 1.0")
    body = _body(notify, headers) if uri.body is None else uri.body
    return OutgoingMail(
        message(lines, text_part(body)),
        sender if reverse_path else "",
        tuple(dict.fromkeys((*uri.to, *uri.cc))),
        not "".join(lines).isascii(),
        sender.rpartition("@")[2],
    )


def _auto_submitted(owner: Owner) -> str:
    """Who set the notification up, for those who get it and don't want it (RFC 5436 §2.7.1)."""
    address = owner.addresses[0] if owner.addresses else owner.recipient
    try:
        quoted = mailbox(address)[1:-1]
    except GrammarError:
        quoted = ""
    if not quoted or not quoted.isascii():
        return "Auto-Submitted: auto-notified"
    quoted = quoted.replace("\\", "\\\\").replace('"', '\\"')
    return f'Auto-Submitted: auto-notified; owner-email="{quoted}"'


def _subject(notify: Notify, uri: Mailto, headers: Headers) -> str:
    """In the order of RFC 5436 §2.7: what the script says, what the URI says, the message's own."""
    for text in (notify.message, uri.subject, headers.text(b"subject")):
        found = clean(text or "", SUBJECT_CHARS)
        if found:
            return found
    return "New message"


def _asked_for(uri: Mailto) -> list[str]:
    """The other fields that the URI asks for, each once."""
    found: dict[str, str] = {}
    for name, value in uri.fields:
        key = name.lower()
        if not _FIELD_NAME.match(name) or key in _NOT_FROM_URI or key in found:
            continue
        if clean(value):
            shown = "-".join(word[:1].upper() + word[1:] for word in name.split("-"))
            found[key] = unstructured(shown, value, FIELD_CHARS)
    return list(found.values())


def _body(notify: Notify, headers: Headers) -> str:
    """What a notification says where neither script nor URI gives it a text."""
    lines = [notify.message, ""] if notify.message else []
    lines.append("You have new mail.")
    lines.append("")
    for label, name in (("From", b"from"), ("Subject", b"subject"), ("Date", b"date")):
        value = clean(headers.text(name) or "", SHOWN_CHARS)
        if value:
            lines.append(f"{label}: {value}")
    return "\n".join(lines) + "\n"
