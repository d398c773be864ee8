"""STATUS, and the figures LIST can tell along (RFC 9051 §6.3.11, RFC 5819)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.base.ids import public_id
from pillarbox.domain.mail.model import Mailbox
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing.access import Right
from pillarbox.protocols.imap.reply import Reply
from pillarbox.wire.imap.parse.status import Status
from pillarbox.wire.imap.respond import status as respond

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession


async def status(session: ImapSession, args: Status) -> Reply:
    """Tell figures of a mailbox from its counters."""
    actor = session.require_actor()
    found = await session.services.database.lookup(access.require, actor, args.mailbox, Right.READ)
    session.condstore |= "HIGHESTMODSEQ" in args.items
    limit = session.services.options.max_message_size_bytes
    session.write(status_line(found.seen, args.items, utf8=session.utf8, append_limit_bytes=limit))
    return Reply("STATUS completed")


def status_line(
    mailbox: Mailbox, items: tuple[str, ...], *, utf8: bool, append_limit_bytes: int
) -> bytes:
    """A STATUS response."""
    values: dict[str, int | str] = {
        "MESSAGES": mailbox.total,
        # Expunged ones among them aren't known without a look at the rows.
        "RECENT": min(mailbox.total, mailbox.uidnext - mailbox.recent_uid),
        "UIDNEXT": mailbox.uidnext,
        "UIDVALIDITY": mailbox.uidvalidity,
        "UNSEEN": mailbox.unseen,
        "DELETED": mailbox.deleted,
        "SIZE": mailbox.size_bytes,
        "HIGHESTMODSEQ": mailbox.modseq,
        "APPENDLIMIT": append_limit_bytes,
        "MAILBOXID": public_id("F", mailbox.id),
    }
    return respond.status(mailbox.name, [(item, values[item]) for item in items], utf8=utf8)
