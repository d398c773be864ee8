"""Bringing the view up to date with the mailbox and telling the client (RFC 9051 §7.5, §5.2).

Called by `session` after commands, by the commands that read the view before they answer, and by
IDLE. What the session changes itself goes through `change`, so that it is not told twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, TypeVarTuple

from pillarbox.base.errors import NotFound
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.mail import flags, read
from pillarbox.domain.mail.flags import FlagChange, FlagsChanged
from pillarbox.domain.mail.model import FlagSet
from pillarbox.domain.mail.placement import UidRanges
from pillarbox.domain.owners.quota import lock
from pillarbox.protocols.imap.view import FlagRow, View
from pillarbox.storage.tx import Tx
from pillarbox.wire.imap.respond import select as respond
from pillarbox.wire.imap.respond.expunge import expunged, vanished
from pillarbox.wire.imap.respond.fetch import fetch_flags

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

_LOADED_ON_LOOP = 10_000
"""Larger mailboxes would keep the other sessions waiting for milliseconds."""

_UIDS_PER_LINE = 1_000

R = TypeVar("R")
Ts = TypeVarTuple("Ts")


async def look(session: ImapSession, *, expunge: bool) -> None:
    """Take in what others changed and tell it; with `expunge`, messages may lose their numbers."""
    view = session.view
    if view is None:
        return
    database = session.services.database
    try:
        modseq, _ = await database.lookup(read.position, view.mailbox_id)
        if modseq == view.modseq:
            pass
        elif view.loaded:
            take_in(view, await database.read(read.changed, view.mailbox_id, view.modseq))
        else:
            await load(session, view)
    except NotFound:
        # Deleted by someone else: to this client it has become empty.
        if not view.loaded:
            view.load_deleted()
        view.gone.update(view.uids)
    if view.loaded:
        tell(session, view, expunge=expunge)


async def load(session: ImapSession, view: View) -> None:
    """Load a view that is not loaded; the client is told later of what changed till now."""
    if view.loaded:
        return
    found = await session.services.database.read(_load, view.mailbox_id, view.modseq)
    if len(found[0]) < _LOADED_ON_LOOP:
        view.load(*found)
    else:
        await asyncio.to_thread(view.load, *found)


async def loaded_view(session: ImapSession, *, writable: bool = False) -> View:
    """The selected mailbox with all its messages, for commands that name some."""
    view = session.require_view(writable=writable)
    try:
        await load(session, view)
    except NotFound:
        view.load_deleted()
    return view


def _load(tx: Tx, mailbox_id: MailboxId, since: int) -> tuple[list[FlagRow], list[int], int, int]:
    modseq, uidnext = read.position(tx, mailbox_id)
    gone = read.expunged_since(tx, mailbox_id, since, None) if modseq != since else []
    return read.select_rows(tx, mailbox_id), gone, modseq, uidnext


def take_in(view: View, changed: read.Changed) -> None:
    """Put what changed into the view."""
    view.apply([row[:4] for row in changed.rows], changed.gone, changed.uidnext)
    view.modseq = changed.modseq


def tell(session: ImapSession, view: View, *, expunge: bool) -> None:
    """Write what the client has not been told yet."""
    if len(view.sets.keywords) != view.keywords_told:
        view.keywords_told = len(view.sets.keywords)
        session.write(respond.flags(view.sets.names()))
    if expunge and view.gone:
        session.write(expunged_lines(session, *view.take_expunged()))
    if view.told != len(view):
        view.told = len(view)
        session.write(respond.exists(len(view)))
    if view.announced:
        indexes = view.indexes_of(sorted(view.announced))
        view.announced = set()
        session.write(flag_lines(view, indexes, uid=True, modseq=session.condstore))


def expunged_lines(session: ImapSession, indexes: Sequence[int], uids: Sequence[int]) -> bytes:
    """What tells this client that messages are gone: by number or by UID (RFC 7162 §3.2.10)."""
    if session.qresync or session.uidonly:
        return b"".join(
            vanished(uids[start : start + _UIDS_PER_LINE])
            for start in range(0, len(uids), _UIDS_PER_LINE)
        )
    return expunged([index + 1 - before for before, index in enumerate(indexes)])


def flag_lines(view: View, indexes: Sequence[int], *, uid: bool, modseq: bool) -> bytes:
    """FETCH responses with the flags of some messages; UID goes along with modseqs."""
    texts, flags = view.sets.texts, view.flags
    return fetch_flags(
        [index + 1 for index in indexes],
        [view.uids[index] for index in indexes] if uid or modseq else None,
        [texts[flags[index]] for index in indexes],
        [view.modseqs[index] for index in indexes] if modseq else None,
    )


@dataclass(frozen=True, slots=True)
class _Done(Generic[R]):
    """A change by this session, and what others had changed before it."""

    result: R
    others: read.Changed | None
    modseq: int


async def change(session: ImapSession, view: View, fn: Callable[[Tx, *Ts], R], *args: *Ts) -> R:
    """Run a change of the selected mailbox; the caller puts its own effects into the view.

    Not for changes that add messages to the mailbox. Raises what `fn` raises, and `NotFound` when
    the mailbox is gone.
    """
    done: _Done[R] = await session.services.database.write(
        _with_others, view.account_id, view.mailbox_id, view.modseq, fn, args
    )
    if done.others is not None:
        take_in(view, done.others)
    view.modseq = done.modseq
    return done.result


async def change_flags(
    session: ImapSession,
    view: View,
    ranges: UidRanges,
    how: FlagChange,
    which: FlagSet,
    unchanged_since: int | None = None,
) -> tuple[FlagsChanged, list[int]]:
    """Change the flags of messages of the selected mailbox, and take that into the view.

    Gives the indexes of the messages that have the flags now; nobody was told of them yet.
    """
    changed = await change(
        session,
        view,
        flags.change_flags,
        view.account_id,
        view.mailbox_id,
        ranges,
        how,
        which,
        unchanged_since,
    )
    indexes = view.set_rows(changed.rows)
    view.announced.difference_update(row[0] for row in changed.rows)
    return changed, indexes


def _with_others(
    tx: Tx,
    account: AccountId,
    mailbox_id: MailboxId,
    since: int,
    fn: Callable[..., R],
    args: tuple[Any, ...],
) -> _Done[R]:
    # First: what others commit while this one waits for its turn must be among what is read.
    lock(tx, account)
    modseq, _ = read.position(tx, mailbox_id)
    others = read.changed(tx, mailbox_id, since) if modseq != since else None
    result = fn(tx, *args)
    return _Done(result, others, read.position(tx, mailbox_id)[0])
