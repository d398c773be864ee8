"""The reply of the vacation action (RFC 5230 §5). Pure; whether there is one says `suppression`."""

from pillarbox.base.errors import GrammarError
from pillarbox.formats.address import parse_path
from pillarbox.formats.mime.compose import (
    address_field,
    clean,
    mailbox,
    message,
    relations,
    text_part,
    unstructured,
)
from pillarbox.formats.mime.date import format_date
from pillarbox.formats.mime.header import Headers
from pillarbox.formats.mime.seven_bit import seven_bit_entity
from pillarbox.formats.sieve.actions import Vacation
from pillarbox.formats.sieve.addresses import outgoing_address
from pillarbox.pipeline.filtering.outgoing import OutgoingMail, Owner, Stamp
from pillarbox.pipeline.filtering.suppression import is_own

SUBJECT_CHARS = 250


def vacation_reply(
    vacation: Vacation, headers: Headers, reverse_path: str, owner: Owner, stamp: Stamp
) -> OutgoingMail:
    """The reply to a message with this header; it goes to the reverse-path.

    It is from `vacation.sender` if that is an address of the user's, else from the address the
    message came to. Raises `GrammarError` where the reverse-path is no address.
    """
    to = parse_path(reverse_path).normalized()
    sender, name = author(vacation.sender, owner)
    lines = [
        f"Date: {format_date(stamp.now)}",
        address_field("From", (mailbox(sender, name),)),
        address_field("To", (mailbox(str(to)),)),
        unstructured("Subject", _subject(vacation, headers), SUBJECT_CHARS),
        f"Message-ID: <{stamp.message_id}>",
        *relations(headers),
        "Auto-Submitted: auto-replied (vacation)",
        "X-Auto-Response-Suppress: All",
        "MIME-Version: 1.0",
    ]
    reason = vacation.reason
    entity = text_part(reason) if not vacation.mime else seven_bit_entity(_raw(reason))
    return OutgoingMail(
        message(lines, entity),
        "",
        (str(to),),
        not "".join(lines).isascii(),
        sender.rpartition("@")[2],
    )


def author(given: str, owner: Owner) -> tuple[str, str]:
    """Address and name that a script's message is from; `given` only if it is the user's own."""
    try:
        address, name = outgoing_address(given)
    except GrammarError:
        return _address(owner), owner.name
    if not is_own(str(address), owner.addresses, owner.delimiter):
        return _address(owner), owner.name
    return str(address.normalized()), name.replace('"', "")


def _address(owner: Owner) -> str:
    try:
        return str(parse_path(owner.recipient).normalized())
    except GrammarError:  # a bare postmaster
        return owner.addresses[0]


def _subject(vacation: Vacation, headers: Headers) -> str:
    """RFC 5230 §5.3; a message without a subject has none to repeat."""
    if clean(vacation.subject):
        return vacation.subject
    title = clean(headers.text(b"subject") or "", SUBJECT_CHARS)
    return f"Auto: {title}" if title else "Automatic reply"


def _raw(reason: str) -> bytes:
    return reason.encode("utf-8", "replace")
