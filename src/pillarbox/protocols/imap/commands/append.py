"""APPEND: messages put into a mailbox by the client, all or none (RFC 9051 §6.3.12, RFC 3502)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.base.errors import NotFound
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.mail import append as mail_append
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.model import Appended
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing.access import Right
from pillarbox.domain.sharing.rights import kept_flags
from pillarbox.protocols.imap.commands.incoming import New, check, largest_bytes, prepare, target
from pillarbox.protocols.imap.errors import RefusedCommand
from pillarbox.protocols.imap.limits import require_room
from pillarbox.protocols.imap.reply import Reply
from pillarbox.storage.tx import Tx
from pillarbox.wire.imap.parse.append import Append
from pillarbox.wire.imap.respond.replies import append_uid_code

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession


async def append(session: ImapSession, args: Append) -> Reply:
    """Store the messages as they are."""
    services, actor = session.services, session.require_actor()
    require_room(session, len(args.messages))
    await target(session, args.mailbox)
    flags = check(session, args.messages)
    try:
        async with services.preparation.place(largest_bytes(session, args.messages)):
            new = await prepare(session, args.messages, flags)
            placed = await services.database.write(
                _append, services.content, actor, args.mailbox, new
            )
    except NotFound as failure:
        raise RefusedCommand(failure.public, "TRYCREATE") from failure
    code = append_uid_code(placed[0].uidvalidity, [one.uid for one in placed])
    return Reply("APPEND completed", code)


def _append(tx: Tx, store: ContentStore, actor: Actor, name: str, new: list[New]) -> list[Appended]:
    found = access.require(tx, actor, name, Right.INSERT)
    owner, mailbox, rights = found.mailbox.account_id, found.mailbox.id, found.rights
    return [
        mail_append.append(
            tx,
            store,
            owner,
            mailbox,
            email,
            kept_flags(rights, flags),
            internal_ms,
            actor.account_id,
        )
        for email, flags, internal_ms in new
    ]
