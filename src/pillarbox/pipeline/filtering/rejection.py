"""Refusing a message for a script (RFC 5429): in the words of SMTP, or by a report of its own.

Pure.
"""

from pillarbox.pipeline.filtering.outgoing import OutgoingMail, Owner, Stamp


def reply_text(reason: str, *, utf8: bool = False) -> str | None:
    """The reason on one line for an SMTP reply, `None` where it can't be said so.

    That is where it has other characters than ASCII, but for a client that has SMTPUTF8 (`utf8`),
    and where it is too long (RFC 5429 §2.1.2).
    """
    raise NotImplementedError


def rejection_report(
    reason: str, content: bytes, reverse_path: str, owner: Owner, stamp: Stamp
) -> OutgoingMail:
    """The report that a message was refused, for where SMTP can't say it any more.

    Whether the sender may be told says `suppression.why_unanswered`. Raises `GrammarError` where
    the reverse-path is no address.
    """
    raise NotImplementedError
