"""SETACL, DELETEACL, GETACL, LISTRIGHTS and MYRIGHTS (RFC 4314 §3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.base.errors import NotFound
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing import acl as lists
from pillarbox.domain.sharing.acl import RightsChange
from pillarbox.domain.sharing.rights import ALL_RIGHTS, parse_rights, rights_text
from pillarbox.protocols.imap.reply import Reply
from pillarbox.wire.imap.parse.acl import (
    OBSOLETE_RIGHTS,
    RIGHTS,
    DeleteAcl,
    GetAcl,
    ListRights,
    MyRights,
    SetAcl,
)
from pillarbox.wire.imap.respond import acl as respond

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession


async def setacl(session: ImapSession, args: SetAcl) -> Reply:
    """Change what an identifier may do with a mailbox."""
    actor, rights = session.require_actor(), parse_rights(args.rights)
    await session.services.database.write(
        lists.set_rights, actor, args.mailbox, args.identifier, RightsChange(args.sign), rights
    )
    return Reply("SETACL completed")


async def deleteacl(session: ImapSession, args: DeleteAcl) -> Reply:
    """Take an identifier out of the list."""
    actor = session.require_actor()
    await session.services.database.write(
        lists.set_rights, actor, args.mailbox, args.identifier, RightsChange.REMOVE, ALL_RIGHTS
    )
    return Reply("DELETEACL completed")


async def getacl(session: ImapSession, args: GetAcl) -> Reply:
    """Tell who may do what."""
    actor = session.require_actor()
    found, entries = await session.services.database.read(lists.listed, actor, args.mailbox)
    pairs = [(one.identifier, rights_text(one.rights)) for one in entries]
    session.write(respond.acl(found.name, pairs, utf8=session.utf8))
    return Reply("GETACL completed")


async def listrights(session: ImapSession, args: ListRights) -> Reply:
    """Tell what an identifier can be allowed; each right by itself."""
    actor = session.require_actor()
    found, is_owner = await session.services.database.read(
        lists.grantable, actor, args.mailbox, args.identifier
    )
    every = RIGHTS + OBSOLETE_RIGHTS
    required, optional = (every, "") if is_owner else ("", every)
    session.write(
        respond.list_rights(found.name, args.identifier, required, optional, utf8=session.utf8)
    )
    return Reply("LISTRIGHTS completed")


async def myrights(session: ImapSession, args: MyRights) -> Reply:
    """Tell what the client may do."""
    actor = session.require_actor()
    found = await session.services.database.lookup(access.find, actor, args.mailbox)
    if found is None:
        raise NotFound("There is no such mailbox")
    text = rights_text(found.rights)
    session.write(respond.my_rights(found.name, text, utf8=session.utf8))
    return Reply("MYRIGHTS completed")
