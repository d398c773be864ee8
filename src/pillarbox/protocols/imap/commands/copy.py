"""COPY and MOVE with their UID forms (RFC 9051 §6.4.7, §6.4.8, RFC 4315)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.base.errors import NotFound
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.mail import copy as mail_copy
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.mail.model import Copied
from pillarbox.domain.mail.placement import UidRanges
from pillarbox.protocols.imap.errors import RefusedCommand
from pillarbox.protocols.imap.reply import Reply
from pillarbox.protocols.imap.updates import change, loaded_view, look, tell
from pillarbox.storage.tx import Tx
from pillarbox.wire.imap.parse.copy import Copy, Move
from pillarbox.wire.imap.respond.replies import copy_uid_code, status_response

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession


async def copy(session: ImapSession, args: Copy) -> Reply:
    """Place messages in another mailbox too."""
    view = await loaded_view(session)
    if args.uid:
        await look(session, expunge=True)
    ranges = view.uid_ranges(view.resolve(args.sequence, uid=args.uid))
    try:
        copied = await session.services.database.write(
            _copy, view.account_id, view.mailbox_id, ranges, args.mailbox
        )
    except NotFound as failure:
        raise RefusedCommand(failure.public, "TRYCREATE") from failure
    if not copied.uids:
        return Reply("COPY completed")
    return Reply("COPY completed", _copyuid(copied))


async def move(session: ImapSession, args: Move) -> Reply:
    """Place messages in another mailbox and take them from this one, in one transaction."""
    view = await loaded_view(session, writable=True)
    if args.uid:
        await look(session, expunge=True)
    ranges = view.uid_ranges(view.resolve(args.sequence, uid=args.uid))
    arguments = (view.account_id, view.mailbox_id, ranges, args.mailbox)
    try:
        if args.mailbox == view.name:
            # New messages come into the view: they are found by looking, as are the old ones.
            copied = await session.services.database.write(_move, *arguments)
        else:
            copied = await change(session, view, _move, *arguments)
            view.gone.update(copied.source_uids)
    except NotFound as failure:
        raise RefusedCommand(failure.public, "TRYCREATE") from failure
    if copied.uids:
        # Before the EXPUNGE responses, so that the client can tell where they went.
        session.write(status_response("OK", "Moved", code=_copyuid(copied)))
        tell(session, view, expunge=True)
    return Reply("MOVE completed")


def _copyuid(copied: Copied) -> bytes:
    pairs = zip(copied.source_uids, copied.uids, strict=True)
    return copy_uid_code(copied.uidvalidity, pairs)


def _copy(tx: Tx, account: AccountId, mailbox: MailboxId, ranges: UidRanges, name: str) -> Copied:
    return mail_copy.copy(tx, account, mailbox, ranges, _target(tx, account, name))


def _move(tx: Tx, account: AccountId, mailbox: MailboxId, ranges: UidRanges, name: str) -> Copied:
    return mail_copy.move(tx, account, mailbox, ranges, _target(tx, account, name))


def _target(tx: Tx, account: AccountId, name: str) -> MailboxId:
    target = mailboxes.by_name(tx, account, name)
    if target is None:
        raise NotFound("There is no such mailbox")
    return target.id
