"""Refusing a message for a script (RFC 5429): in the words of SMTP, or by a report of its own.

Pure.
"""

from pillarbox.base.errors import GrammarError
from pillarbox.formats.address import parse_path
from pillarbox.formats.mdn import Disposition, build_deleted
from pillarbox.formats.mime.compose import clean, mailbox
from pillarbox.pipeline.filtering.outgoing import OutgoingMail, Owner, Stamp

REPLY_OCTETS = 1500
"""More than this is for a report: some clients cut replies, or refuse them."""
REASON_CHARS = 10_000


def reply_text(reason: str, *, utf8: bool = False) -> str | None:
    """The reason on one line for an SMTP reply, `None` where it can't be said so.

    That is where it has other characters than ASCII, but for a client that has SMTPUTF8 (`utf8`),
    and where it is too long (RFC 5429 §2.1.2). The reply may fold it into several lines.
    """
    text = clean(reason, REPLY_OCTETS)
    if len(reason) > REPLY_OCTETS or not (utf8 or text.isascii()):
        return None
    if len(text.encode("utf-8", "replace")) > REPLY_OCTETS:
        return None
    return text or "The recipient does not want this message"


def rejection_report(
    reason: str, content: bytes, reverse_path: str, owner: Owner, stamp: Stamp
) -> OutgoingMail:
    """The report that a message was refused, for where SMTP can't say it any more.

    `content` is the message as it came. Whether the sender may be told says
    `suppression.why_unanswered`. Raises `GrammarError` where the reverse-path is no address.
    """
    to = str(parse_path(reverse_path).normalized())
    recipient = _ascii_if_needed(owner, to)
    shown = clean(recipient, 500)
    text = (
        f"Your message to {shown} was refused by the mail filter of its recipient.\n"
        f"Nobody has read it, and it was not kept.\n\n"
        f"The reason that was given:\n\n{reason[:REASON_CHARS].rstrip()}\n"
    )
    about = Disposition(
        recipient, to, text, stamp.hostname, stamp.message_id, stamp.now, subject="Rejected"
    )
    report = build_deleted(content, about)
    head = report.partition(b"\r\n\r\n")[0]
    return OutgoingMail(report, "", (to,), not head.isascii(), recipient.rpartition("@")[2])


def _ascii_if_needed(owner: Owner, to: str) -> str:
    """The address it came to; for senders that have no other, one in ASCII if the user has it."""
    candidates = (owner.recipient, *owner.addresses)
    if to.isascii():
        candidates = tuple(sorted(candidates, key=lambda one: not one.isascii()))
    for one in candidates:
        try:
            mailbox(one)
        except GrammarError:
            continue
        return str(parse_path(one).normalized())
    raise GrammarError("no address of the recipient can be read")
