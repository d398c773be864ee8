"""APPEND: messages put into a mailbox by the client, all or none (RFC 9051 §6.3.12, RFC 3502)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.base.clock import to_ms
from pillarbox.base.errors import NotFound
from pillarbox.base.ids import AccountId
from pillarbox.domain.mail import append as mail_append
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.mail.content import ContentStore, PreparedEmail
from pillarbox.domain.mail.model import Appended, FlagSet
from pillarbox.protocols.imap.errors import BadCommand, RefusedCommand
from pillarbox.protocols.imap.flagsets import flag_set
from pillarbox.protocols.imap.reply import Reply
from pillarbox.storage.tx import Tx
from pillarbox.wire.imap.parse.append import Append, AppendMessage
from pillarbox.wire.imap.respond.replies import append_uid_code

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

_New = tuple[PreparedEmail, FlagSet, int]


async def append(session: ImapSession, args: Append) -> Reply:
    """Store the messages as they are."""
    account = session.require_actor().account_id
    services = session.services
    if await services.database.lookup(mailboxes.by_name, account, args.mailbox) is None:
        raise RefusedCommand("There is no such mailbox", "TRYCREATE")
    for message in args.messages:
        if not message.data:
            raise RefusedCommand("An empty message can't be stored", "CANNOT")
        if not message.binary and b"\0" in message.data:
            raise BadCommand("A message with NUL needs a literal8")
    size_bytes = max(len(message.data) for message in args.messages)
    try:
        async with services.preparation.place(size_bytes):
            new = [await _prepare(session, message) for message in args.messages]
            placed = await services.database.write(
                _append, services.content, account, args.mailbox, new
            )
    except NotFound as failure:
        raise RefusedCommand(failure.public, "TRYCREATE") from failure
    code = append_uid_code(placed[0].uidvalidity, [one.uid for one in placed])
    return Reply("APPEND completed", code)


async def _prepare(session: ImapSession, message: AppendMessage) -> _New:
    services = session.services
    date = message.internal_date
    internal_ms = services.clock.now_ms() if date is None else to_ms(date)
    flags = flag_set(message.flags)
    return await services.preparation.email(message.data), flags, internal_ms


def _append(
    tx: Tx, store: ContentStore, account: AccountId, name: str, new: list[_New]
) -> list[Appended]:
    mailbox = mailboxes.by_name(tx, account, name)
    if mailbox is None:
        raise NotFound("There is no such mailbox")
    return [
        mail_append.append(tx, store, account, mailbox.id, email, flags, internal_ms)
        for email, flags, internal_ms in new
    ]
