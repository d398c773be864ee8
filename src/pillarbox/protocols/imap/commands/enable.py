"""ENABLE: extensions that change what a client is told (RFC 9051 §6.3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.protocols.imap.capability import ENABLED_BY_NAME
from pillarbox.protocols.imap.reply import Reply
from pillarbox.wire.imap.parse.enable import Enable
from pillarbox.wire.imap.respond.any_state import enabled

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession


async def enable(session: ImapSession, args: Enable) -> Reply:
    """Switch on what is known of the names; the others are passed over."""
    names = [name for name in args.capabilities if name in ENABLED_BY_NAME]
    session.enabled.update(names)
    # Whoever resynchronises wants modseqs too (RFC 7162 §3.2.3).
    session.condstore |= not session.enabled.isdisjoint(("CONDSTORE", "QRESYNC"))
    session.utf8 |= not session.enabled.isdisjoint(("UTF8=ACCEPT", "IMAP4REV2"))
    if session.rev2 and session.view is not None:
        session.view.forget_recent()
    session.write(enabled(ENABLED_BY_NAME[name] for name in names))
    return Reply("ENABLE completed")
