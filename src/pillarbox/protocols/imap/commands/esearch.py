"""ESEARCH: one search of several mailboxes, an answer for each that holds something (RFC 7377)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.mail import mailboxes, read
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing.access import ALL_RIGHTS, Access, Right
from pillarbox.protocols.imap.commands.search import Wanted, found_by, opened, tell_extended
from pillarbox.protocols.imap.commands.search_query import uses_modseq, uses_numbers
from pillarbox.protocols.imap.errors import UID_REQUIRED, BadCommand, RefusedCommand
from pillarbox.protocols.imap.reply import Reply
from pillarbox.protocols.imap.view import FlagRow, View
from pillarbox.storage.tx import Tx
from pillarbox.wire.imap.parse.esearch import Esearch, Source, SourceKind
from pillarbox.wire.imap.respond.search import Correlated

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

MAX_MAILBOXES = 1_000
"""More are not searched by one command (RFC 7377 §2.4)."""
_LOADED_ON_LOOP = 10_000


async def esearch(session: ImapSession, args: Esearch) -> Reply:
    """Search the sources and tell of each mailbox what was found there."""
    if args.charset is not None and "UTF8=ACCEPT" in session.enabled:
        raise BadCommand("With UTF8=ACCEPT a search has no charset")
    if session.uidonly and uses_numbers(args.key):
        raise BadCommand("Messages have no numbers here", UID_REQUIRED)
    own: View | None = None
    if any(source.kind is SourceKind.SELECTED for source in args.sources):
        own = await opened(session, args.key, uid=True)
        await _search_one(session, own, args)
    named = [source for source in args.sources if source.kind is not SourceKind.SELECTED]
    if named:
        found = await session.services.database.read(_sources, session.require_actor(), named)
        if len(found) > MAX_MAILBOXES:
            raise RefusedCommand(f"Not more than {MAX_MAILBOXES} mailboxes at once", "LIMIT")
        for one in found:
            if own is None or own.mailbox_id != one.mailbox.id:
                await _search_one(session, await _view(session, one), args)
                await session.flush()
    return Reply("ESEARCH completed")


async def _search_one(session: ImapSession, view: View, args: Esearch) -> None:
    found = await found_by(session, view, args.key, saves="SAVE" in args.returns)
    if not found.uids:
        return
    wanted = Wanted(
        args.returns,
        args.partial,
        modseq=uses_modseq(args.key),
        mailbox=Correlated(view.name, view.uidvalidity, utf8=session.utf8),
    )
    await tell_extended(session, view, found, wanted)


async def _view(session: ImapSession, found: Access) -> View:
    """A mailbox as it is now; none of its messages is \\Recent here."""
    view = View(
        found.mailbox, read_only=True, recent_uids=(0, 0), name=found.name, rights=found.rights
    )
    rows, modseq, uidnext = await session.services.database.read(_rows, view)
    view.told, view.uidnext = len(rows), uidnext
    if len(rows) < _LOADED_ON_LOOP:
        view.load(rows, (), modseq, uidnext)
    else:
        await asyncio.to_thread(view.load, rows, (), modseq, uidnext)
    return view


def _rows(tx: Tx, view: View) -> tuple[list[FlagRow], int, int]:
    rows = read.select_rows(tx, view.mailbox_id)
    if not rows:
        return [], view.modseq, view.uidnext
    return rows, max(row[3] for row in rows), rows[-1][0] + 1


def _sources(tx: Tx, actor: Actor, sources: Sequence[Source]) -> list[Access]:
    """The mailboxes the sources stand for that the actor may read, each once."""
    named: dict[str, Access] = {}
    every: list[Access] | None = None
    for source in sources:
        if source.kind is SourceKind.MAILBOXES:
            some = [access.find(tx, actor, name) for name in source.names]
        else:
            if every is None:
                every = _every(tx, actor)
            some = [*_chosen(tx, actor, source, every)]
        named.update((one.name, one) for one in some if one is not None)
    return [one for one in named.values() if Right.READ in one.rights]


def _every(tx: Tx, actor: Actor) -> list[Access]:
    own = mailboxes.all_of(tx, actor.account_id)
    return [
        *(Access(one, one.name, ALL_RIGHTS) for one in own),
        *access.visible(tx, actor),
    ]


def _chosen(tx: Tx, actor: Actor, source: Source, every: Sequence[Access]) -> list[Access]:
    account = actor.account_id
    match source.kind:
        case SourceKind.INBOXES:
            return [one for one in every if one.name == mailboxes.INBOX]
        case SourceKind.PERSONAL:
            return [one for one in every if one.mailbox.account_id == account]
        case SourceKind.SUBSCRIBED:
            names = mailboxes.subscriptions(tx, account)
            return [one for one in every if one.name in names]
        case SourceKind.SUBTREE | SourceKind.SUBTREE_ONE:
            deep = source.kind is SourceKind.SUBTREE
            tops = frozenset(source.names)
            return [one for one in every if _is_in(one.name, tops, deep=deep)]
        case _:
            return []


def _is_in(name: str, tops: Collection[str], *, deep: bool) -> bool:
    """Whether one of these is the mailbox or above it; of as many as a client likes to name."""
    if name in tops:
        return True
    above = name.rpartition("/")[0]
    while above:
        if above in tops:
            return True
        above = above.rpartition("/")[0] if deep else ""
    return False
