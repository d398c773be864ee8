"""Notifications by mail (RFC 5436). Pure."""

from pillarbox.formats.mime.header import Headers
from pillarbox.formats.sieve.actions import Notify
from pillarbox.pipeline.filtering.outgoing import OutgoingMail, Owner, Stamp


def why_untold(headers: Headers) -> str | None:
    """Why there is no notification of a message, in words; `None` where there may be one."""
    raise NotImplementedError


def mail_notice(
    notify: Notify, headers: Headers, reverse_path: str, owner: Owner, stamp: Stamp
) -> OutgoingMail:
    """The notification of a message with this header, to whom the `mailto:` URI says.

    Raises `GrammarError` where that can't be read.
    """
    raise NotImplementedError
