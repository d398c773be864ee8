"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE and NAMESPACE (RFC 9051 §6.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.base.errors import GrammarError
from pillarbox.base.ids import public_id
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.sharing import trees
from pillarbox.domain.sharing.trees import HasChildren
from pillarbox.protocols.imap.errors import RefusedCommand
from pillarbox.protocols.imap.reply import Reply
from pillarbox.wire.imap.names import SEPARATOR, check_name
from pillarbox.wire.imap.parse.mailboxes import Create, Delete, Namespace, Rename, Subscribe
from pillarbox.wire.imap.respond import list as respond
from pillarbox.wire.imap.respond.replies import mailbox_id_code

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession


async def create(session: ImapSession, args: Create) -> Reply:
    """Make a mailbox, with a special use if one is asked for (RFC 6154 §3)."""
    actor = session.require_actor()
    uses = args.special_uses
    if len(uses) > 1 or any(use not in mailboxes.SPECIAL_USES for use in uses):
        raise RefusedCommand("A mailbox can't have that use here", "USEATTR")
    use = uses[0] if uses else None
    mailbox = await session.services.database.write(trees.create, actor, _fit(args.mailbox), use)
    return Reply("CREATE completed", mailbox_id_code(public_id("F", mailbox.id)))


async def delete(session: ImapSession, args: Delete) -> Reply:
    """Delete a mailbox and its messages; mailboxes below it stay."""
    actor = session.require_actor()
    name = args.mailbox.removesuffix(SEPARATOR)
    try:
        await session.services.database.write(trees.delete, actor, name)
    except HasChildren as failure:
        raise RefusedCommand(failure.public, "HASCHILDREN") from failure
    return Reply("DELETE completed")


async def rename(session: ImapSession, args: Rename) -> Reply:
    """Give a mailbox and those below it another name."""
    actor = session.require_actor()
    name, target = args.mailbox.removesuffix(SEPARATOR), _fit(args.target)
    await session.services.database.write(trees.rename, actor, name, target)
    return Reply("RENAME completed")


async def subscribe(session: ImapSession, args: Subscribe) -> Reply:
    """Begin or end a subscription; the name need not exist."""
    account = session.require_actor().account_id
    name = args.mailbox.removesuffix(SEPARATOR)
    if args.on:
        await session.services.database.write(mailboxes.subscribe, account, name)
        return Reply("SUBSCRIBE completed")
    await session.services.database.write(mailboxes.unsubscribe, account, name)
    return Reply("UNSUBSCRIBE completed")


async def namespace(session: ImapSession, args: Namespace) -> Reply:
    """Personal mailboxes have no prefix; those of other users and of groups do (RFC 2342)."""
    others, shared = ([(prefix + SEPARATOR, SEPARATOR)] for prefix in mailboxes.NAMESPACES)
    session.write(respond.namespace([("", SEPARATOR)], others, shared, utf8=session.utf8))
    return Reply("NAMESPACE completed")


def _fit(name: str) -> str:
    try:
        return check_name(name)
    except GrammarError as error:
        raise RefusedCommand(error.text.capitalize(), "CANNOT") from None
