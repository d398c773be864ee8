"""REPLACE and UID REPLACE: a message in place of another, both or neither (RFC 8508)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.base.errors import NotFound
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.mail import append as mail_append
from pillarbox.domain.mail import expunge as mail_expunge
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.model import Appended
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing.access import Right
from pillarbox.domain.sharing.rights import kept_flags
from pillarbox.protocols.imap.commands.incoming import New, check, largest_bytes, prepare, target
from pillarbox.protocols.imap.errors import BadCommand, RefusedCommand
from pillarbox.protocols.imap.reply import Reply
from pillarbox.protocols.imap.updates import loaded_view, look
from pillarbox.protocols.imap.view import View
from pillarbox.storage.tx import Tx
from pillarbox.wire.imap.parse.replace import Replace
from pillarbox.wire.imap.respond.replies import append_uid_code, status_response

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession


async def replace(session: ImapSession, args: Replace) -> Reply:
    """Store the message and remove the one it stands for, in one transaction."""
    services, actor = session.services, session.require_actor()
    view = await loaded_view(session, writable=True)
    if args.uid:
        await look(session, expunge=True)
    uid = _replaced(view, args)
    await target(session, args.mailbox)
    messages = (args.message,)
    flags = check(session, messages)
    try:
        async with services.preparation.place(largest_bytes(session, messages)):
            (new,) = await prepare(session, messages, flags)
            placed = await services.database.write(
                _replace,
                services.content,
                actor,
                (view.account_id, view.mailbox_id, uid),
                args.mailbox,
                new,
            )
    except NotFound as failure:
        raise RefusedCommand(failure.public, "TRYCREATE") from failure
    # Before the old message is told to be gone, so that the client knows what stands for it.
    code = append_uid_code(placed.uidvalidity, [placed.uid])
    session.write(status_response("OK", "The new message is stored", code=code))
    return Reply("REPLACE completed")


def _replaced(view: View, args: Replace) -> int:
    """The UID of the message to be removed."""
    if args.uid:
        index = view.index_of(args.number or 0)
        if index < 0:
            raise RefusedCommand("There is no message with that UID")
    else:
        index = (len(view) if args.number is None else args.number) - 1
        if not 0 <= index < len(view):
            raise BadCommand("There is no message with that number")
    uid = view.uids[index]
    if uid in view.gone:
        raise _expunged()
    return uid


def _replace(
    tx: Tx,
    store: ContentStore,
    actor: Actor,
    old: tuple[AccountId, MailboxId, int],
    name: str,
    new: New,
) -> Appended:
    owner, mailbox_id, uid = old
    wanted = Right.DELETE_MESSAGES | Right.EXPUNGE
    access.check(tx, actor, owner, mailbox_id, wanted)
    found = access.require(tx, actor, name, Right.INSERT)
    mailbox = found.mailbox
    # First, so that only the difference has to fit the quota.
    if not mail_expunge.remove(tx, owner, mailbox_id, ((uid, uid),)):
        raise _expunged()
    email, flags, internal_ms = new
    flags = kept_flags(found.rights, flags)
    owner, by = mailbox.account_id, actor.account_id
    return mail_append.append(tx, store, owner, mailbox.id, email, flags, internal_ms, by)


def _expunged() -> RefusedCommand:
    return RefusedCommand("The message has been expunged", "EXPUNGEISSUED")
