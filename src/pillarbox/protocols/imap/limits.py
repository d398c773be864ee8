"""Limits on how many messages one command works on, where the admin has set them (RFC 9738 §3).

What can be done in part is done for the messages with the highest UIDs, and the client is told how
far that went; copies are made of all or of none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pillarbox.protocols.imap.errors import RefusedCommand
from pillarbox.protocols.imap.view import Span, View
from pillarbox.wire.imap.respond.replies import message_limit_code, number_code, status_response

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession


def within_limit(
    session: ImapSession, view: View, spans: Sequence[Span]
) -> tuple[list[Span], bytes | None]:
    """As many of the messages as one command may be for, and the code that tells where it ended.

    The last ones; no code where these are all.
    """
    limit = session.services.options.message_limit
    room = limit
    kept: list[Span] = []
    for start, end in reversed(spans):
        if limit and not room:
            return kept[::-1], message_limit_code(limit, view.uids[kept[-1][0]])
        if limit and end - start > room:
            kept.append((end - room, end))
            return kept[::-1], message_limit_code(limit, view.uids[end - room])
        kept.append((start, end))
        room -= end - start
    return kept[::-1], None


def require_room(session: ImapSession, count: int) -> None:
    """Refuse to store so many messages by one command where that is over the limit."""
    options = session.services.options
    limit = min(filter(None, (options.message_limit, options.save_limit)), default=0)
    if limit and count > limit:
        raise RefusedCommand("Those are too many at once; take fewer", f"MESSAGELIMIT {limit}")


def one_code(session: ImapSession, limit: bytes | None, modseq: int) -> bytes | None:
    """The code for the tagged answer to an expunging command; what finds no place there is sent."""
    code = number_code("HIGHESTMODSEQ", modseq) if session.condstore and modseq else None
    if limit is not None and code is not None:
        session.write(status_response("OK", "Highest modseq", code=code))
    return limit or code
