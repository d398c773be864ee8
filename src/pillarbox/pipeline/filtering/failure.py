"""The mail to a user whose script failed. Pure; that it is sent once a day sees its caller to."""

from collections.abc import Sequence

from pillarbox.formats.address import parse_path
from pillarbox.formats.mime.compose import (
    address_field,
    clean,
    mailbox,
    message,
    text_part,
    unstructured,
)
from pillarbox.formats.mime.date import format_date
from pillarbox.formats.mime.header import Headers
from pillarbox.formats.sieve.errors import Problem
from pillarbox.pipeline.filtering.outgoing import OutgoingMail, Owner, Stamp

PROBLEMS_MAX = 10
NAME_CHARS = 200
TEXT_CHARS = 500
SENDER = "postmaster"


def failure_notice(
    script: str, problems: Sequence[Problem], headers: Headers, owner: Owner, stamp: Stamp
) -> OutgoingMail:
    """What went wrong in which script, where, with which message, and what to do now.

    `script` is its name, empty for the active one; it goes to `owner.addresses[0]`.
    """
    to = str(parse_path(owner.addresses[0]).normalized())
    domain = to.rpartition("@")[2]
    name = clean(script, NAME_CHARS)
    lines = [
        f"Date: {format_date(stamp.now)}",
        address_field("From", (mailbox(f"{SENDER}@{domain}", "Mail server"),)),
        address_field("To", (mailbox(to),)),
        unstructured("Subject", f'Your mail filter "{name}" failed' if name else _UNNAMED),
        f"Message-ID: <{stamp.message_id}>",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        "MIME-Version: 1.0",
    ]
    text = "\n".join(_text(name, problems, headers))
    smtputf8 = not "".join(lines).isascii()
    return OutgoingMail(message(lines, text_part(text)), "", (to,), smtputf8, domain)


_UNNAMED = "Your mail filter failed"


def _text(name: str, problems: Sequence[Problem], headers: Headers) -> list[str]:
    which = f'The script "{name}" of your mail filter' if name else "The script of your mail filter"
    lines = [f"{which} failed when it looked at a message:", ""]
    for problem in problems[:PROBLEMS_MAX]:
        if problem.line:  # else it is nothing that stands in the script
            lines.append(f"    line {problem.line}, column {problem.column}:")
        lines.append(f"    {clean(problem.text, TEXT_CHARS)}")
        lines.append("")
    more = len(problems) - PROBLEMS_MAX
    if more > 0:
        lines.extend((f"    and {more} more", ""))
    lines.extend(("The message was:", ""))
    for label, key in (("From", b"from"), ("Subject", b"subject"), ("Date", b"date")):
        value = clean(headers.text(key) or "", TEXT_CHARS)
        lines.append(f"    {label + ':':<9}{value or '(none)'}")
    lines += [
        "",
        "Nothing is lost: the message is where it would be without the script, and nothing of",
        "what the script wanted was done with it. That goes for every message with which it",
        "fails, until you change the script.",
        "",
        "What you can do: open your filter where you made it (the filter settings of your mail",
        "program or of the webmail) and correct what is named above; or switch the filter off.",
        "If you did not make it, ask your administrator.",
        "",
        "You are told of this once a day at most.",
    ]
    return lines
