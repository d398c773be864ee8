"""EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3, §6.4.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.domain.mail import expunge as mail_expunge
from pillarbox.domain.mail.placement import UidRanges
from pillarbox.domain.sharing.access import Right
from pillarbox.protocols.imap.limits import one_code, within_limit
from pillarbox.protocols.imap.reply import Reply
from pillarbox.protocols.imap.updates import change, loaded_view, look, tell
from pillarbox.wire.imap.parse.expunge import Expunge

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession


async def expunge(session: ImapSession, args: Expunge) -> Reply:
    """Remove what has \\Deleted, of all or of the given UIDs."""
    view = await loaded_view(session, writable=True)
    ranges: UidRanges | None = None
    limit: bytes | None = None
    if args.uids is not None:
        await look(session, expunge=True)
        spans, limit = within_limit(session, view, view.resolve(args.uids, uid=True))
        ranges = view.uid_ranges(spans)
        if not ranges:
            return Reply("EXPUNGE completed")
    gone = await change(
        session,
        view,
        mail_expunge.expunge,
        view.account_id,
        view.mailbox_id,
        ranges,
        right=Right.EXPUNGE,
    )
    view.gone.update(gone)
    await tell(session, view, expunge=True)
    return Reply("EXPUNGE completed", one_code(session, limit, view.complete_modseq if gone else 0))
