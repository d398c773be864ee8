"""GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208).

An account's mailboxes share one quota root, named by the account's address; an account without a
limit has none, as clients can't read a QUOTA response without resources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.base.errors import NotFound
from pillarbox.base.ids import AccountId
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.owners import quota
from pillarbox.domain.owners.quota import Usage
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing.access import Right
from pillarbox.protocols.imap.errors import RefusedCommand
from pillarbox.protocols.imap.reply import Reply
from pillarbox.storage.tx import Tx
from pillarbox.wire.imap.parse.quota import GetQuota, GetQuotaRoot, SetQuota
from pillarbox.wire.imap.respond import quota as respond

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

_UNIT_BYTES = 1024  # of STORAGE (RFC 9208 §5.1)


async def getquota(session: ImapSession, args: GetQuota) -> Reply:
    """Tell use and limit of a root: the client's own, or one of mailboxes it may read."""
    actor = session.require_actor()
    found = await session.services.database.read(_of_root, actor, args.root)
    if not found.quota_bytes:
        raise NotFound("There is no such quota root")
    session.write(_line(args.root, found))
    return Reply("GETQUOTA completed")


async def getquotaroot(session: ImapSession, args: GetQuotaRoot) -> Reply:
    """Tell a mailbox's root with its use and limit."""
    actor = session.require_actor()
    name, root, found = await session.services.database.read(_of_mailbox, actor, args.mailbox)
    roots = [root] if found.quota_bytes else []
    session.write(respond.quota_root(name, roots, utf8=session.utf8))
    if roots:
        session.write(_line(root, found))
    return Reply("GETQUOTAROOT completed")


async def setquota(session: ImapSession, args: SetQuota) -> Reply:
    """Refuse: quotas are set by those who run the server, not over IMAP."""
    raise RefusedCommand("Quotas are set by the administrator", "NOPERM")


def _of_root(tx: Tx, actor: Actor, root: str) -> Usage:
    if root.lower() == actor.address.lower():
        return _usage(tx, actor.account_id)
    for one in access.visible(tx, actor):
        place = access.place_of(one.name)
        if place is not None and place.address == root.lower() and Right.READ in one.rights:
            return _usage(tx, one.mailbox.account_id)
    raise NotFound("There is no such quota root")


def _of_mailbox(tx: Tx, actor: Actor, name: str) -> tuple[str, str, Usage]:
    found = access.require(tx, actor, name, Right.READ)
    owner = found.mailbox.account_id
    place = None if owner == actor.account_id else access.place_of(found.name)
    root = actor.address if place is None else place.address
    return found.name, root, _usage(tx, owner)


def _usage(tx: Tx, account: AccountId) -> Usage:
    found = quota.usage(tx, account)
    if found is None:
        raise NotFound("There is no such account")
    return found


def _line(root: str, usage: Usage) -> bytes:
    used, limit = -(-usage.used_bytes // _UNIT_BYTES), usage.quota_bytes // _UNIT_BYTES
    return respond.quota(root, [("STORAGE", used, limit)])
