"""STATUS, and the figures LIST can tell along (RFC 9051 §6.3.11, RFC 5819)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.base.ids import public_id
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.mail import read
from pillarbox.domain.mail.model import Mailbox
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing.access import Access, Right
from pillarbox.protocols.imap.reply import Reply
from pillarbox.storage.tx import Tx
from pillarbox.wire.imap.parse.status import Status
from pillarbox.wire.imap.respond import status as respond

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession


async def status(session: ImapSession, args: Status) -> Reply:
    """Tell figures of a mailbox from its counters."""
    actor = session.require_actor()
    found, deleted_bytes = await session.services.database.lookup(_require, actor, args)
    session.condstore |= "HIGHESTMODSEQ" in args.items
    limit = session.services.options.max_message_size_bytes
    session.write(
        status_line(
            found.seen,
            args.items,
            utf8=session.utf8,
            append_limit_bytes=limit,
            deleted_bytes=deleted_bytes,
        )
    )
    return Reply("STATUS completed")


def _require(tx: Tx, actor: Actor, args: Status) -> tuple[Access, int]:
    found = access.require(tx, actor, args.mailbox, Right.READ)
    return found, deleted_bytes_of(tx, found.mailbox, args.items)


def deleted_bytes_of(tx: Tx, mailbox: Mailbox, items: tuple[str, ...]) -> int:
    """What the messages with \\Deleted take, if that is asked for and there are any."""
    if "DELETED-STORAGE" not in items or not mailbox.deleted:
        return 0
    return read.deleted_bytes(tx, mailbox.id)


def status_line(
    mailbox: Mailbox,
    items: tuple[str, ...],
    *,
    utf8: bool,
    append_limit_bytes: int,
    deleted_bytes: int = 0,
) -> bytes:
    """A STATUS response; `deleted_bytes` is what `deleted_bytes_of` gave."""
    values: dict[str, int | str] = {
        "MESSAGES": mailbox.total,
        # Expunged ones among them aren't known without a look at the rows.
        "RECENT": min(mailbox.total, mailbox.uidnext - mailbox.recent_uid),
        "UIDNEXT": mailbox.uidnext,
        "UIDVALIDITY": mailbox.uidvalidity,
        "UNSEEN": mailbox.unseen,
        "DELETED": mailbox.deleted,
        "DELETED-STORAGE": deleted_bytes,
        "SIZE": mailbox.size_bytes,
        "HIGHESTMODSEQ": mailbox.modseq,
        "APPENDLIMIT": append_limit_bytes,
        "MAILBOXID": public_id("F", mailbox.id),
    }
    return respond.status(mailbox.name, [(item, values[item]) for item in items], utf8=utf8)
