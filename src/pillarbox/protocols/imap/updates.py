"""Bringing the view up to date with the mailbox and telling the client (RFC 9051 §7.5, §5.2).

Called by `session` after commands, by the commands that read the view before they answer, and by
IDLE. What the session changes itself goes through `change`, so that it is not told twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, TypeVarTuple

from pillarbox.base.errors import Busy, Denied, NotFound, Unavailable
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.mail import flags, keywords, read, recent
from pillarbox.domain.mail.flags import EVERY_FLAG, FlagChange, FlagsChanged
from pillarbox.domain.mail.model import FLAG_NAMES, FlagSet
from pillarbox.domain.mail.placement import UidRanges
from pillarbox.domain.owners.quota import lock
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing.access import Right
from pillarbox.domain.sharing.rights import changeable
from pillarbox.protocols.imap.errors import HangUp
from pillarbox.protocols.imap.view import FlagRow, View
from pillarbox.storage.tx import Tx
from pillarbox.wire.imap.parse.notify import NotifyEvent
from pillarbox.wire.imap.respond import select as respond
from pillarbox.wire.imap.respond.expunge import expunged, vanished
from pillarbox.wire.imap.respond.fetch import UIDFETCH, fetch_flags
from pillarbox.wire.imap.respond.replies import (
    number_code,
    permanent_flags_code,
    status_response,
)

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

_WORKED_ON_LOOP = 5_000
"""More messages at once would keep the other sessions waiting for milliseconds."""

_UIDS_PER_LINE = 1_000
NO_RIGHT = Right(0)
"""For changes that check rights themselves."""

R = TypeVar("R")
Ts = TypeVarTuple("Ts")


async def look(session: ImapSession, *, expunge: bool) -> None:
    """Take in what others changed and tell it; with `expunge`, messages may lose their numbers."""
    view = session.view
    if view is None or (view.loaded and not session.wants(NotifyEvent.MESSAGE_NEW)):
        return
    database = session.services.database
    try:
        modseq, rights = await database.lookup(_position, session.actor, view)
        if view.withdrawn:
            # What came back has UIDs that the client was told are gone.
            raise HangUp("You may read the mailbox again; select it anew")
        _take_rights(session, view, rights)
        if modseq == view.modseq:
            pass
        elif view.loaded:
            changed = await database.read(read.changed, view.mailbox_id, view.modseq)
            await take_in(view, changed)
        else:
            await load(session, view)
    except NotFound:
        # Deleted by someone else, or no longer to be read: to this client it has become empty.
        if not view.loaded:
            view.load_deleted()
        if view.withdrawn and not view.gone:
            return
        view.withdraw()
    if view.loaded:
        await tell(session, view, expunge=expunge)
    if view.unclaimed and not session.rev2:
        await _claim_recent(session, view)


def _position(tx: Tx, actor: Actor | None, view: View) -> tuple[int, Right]:
    """The mailbox's modseq and what the actor may do; `NotFound` where that is not to read it."""
    rights = view.rights
    if actor is not None and view.account_id != actor.account_id:
        rights = access.rights_on(tx, actor, view.account_id, view.mailbox_id)
        if Right.READ not in rights:
            raise NotFound("The mailbox is gone")
    return read.position(tx, view.mailbox_id)[0], rights


def _take_rights(session: ImapSession, view: View, rights: Right) -> None:
    """Tell the client what it may change now, where that is not what it was (RFC 4314 §5.1.1)."""
    if rights == view.rights:
        return
    view.rights = rights
    session.write(respond.flags(view.sets.names()))
    code = permanent_flags_code(permanent_flags(view))
    session.write(status_response("OK", "Flags that are kept", code=code))


def permanent_flags(view: View) -> list[str]:
    """The flags this client may change and that are kept (RFC 4314 §5.2)."""
    if view.read_only:
        return []
    may = changeable(view.rights)
    names = [name for flag, name in FLAG_NAMES if flag & may.bits]
    return [*names, *view.sets.keywords, "\\*"] if may.keywords else names


async def _claim_recent(session: ImapSession, view: View) -> None:
    """Messages that came meanwhile are \\Recent to whoever is first (RFC 3501 §2.3.2)."""
    database = session.services.database
    try:
        if not await database.lookup(recent.is_unclaimed, view.mailbox_id):
            view.claim((view.uidnext, view.uidnext))
            return
        await session.flush()  # nobody waits for the disk to hear of new mail
        claimed = await database.write(recent.claim, view.mailbox_id)
    except (Busy, Unavailable, NotFound):
        return
    view.claim(claimed)
    if view.loaded and view.recent != view.recent_told:
        view.recent_told = view.recent
        session.write(respond.recent(view.recent))


async def aside(messages: int, fn: Callable[[*Ts], R], *args: *Ts) -> R:
    """Run what works on so many messages: where those are many, in a thread.

    Nothing else touches the view meanwhile: a session does one thing at a time.
    """
    if messages < _WORKED_ON_LOOP:
        return fn(*args)
    return await asyncio.to_thread(fn, *args)


async def load(session: ImapSession, view: View) -> None:
    """Load a view that is not loaded; the client is told later of what changed till now."""
    if view.loaded:
        return
    database = session.services.database
    names, rows, gone, modseq, uidnext = await database.read(_load, view.mailbox_id, view.modseq)
    await aside(len(rows), view.load, rows, gone, modseq, uidnext)
    view.sets.keywords.update(dict.fromkeys(names))


async def loaded_view(session: ImapSession, *, writable: bool = False) -> View:
    """The selected mailbox with all its messages, for commands that name some.

    `Denied` where it is somebody else's that may not be read any more.
    """
    view = session.require_view(writable=writable)
    actor = session.require_actor()
    if view.account_id != actor.account_id:
        await session.services.database.lookup(
            access.check, actor, view.account_id, view.mailbox_id, Right.READ
        )
    try:
        await load(session, view)
    except NotFound:
        view.load_deleted()
    return view


def _load(
    tx: Tx, mailbox_id: MailboxId, since: int
) -> tuple[list[str], list[FlagRow], list[int], int, int]:
    modseq, uidnext = read.position(tx, mailbox_id)
    gone = read.expunged_since(tx, mailbox_id, since, None) if modseq != since else []
    names = keywords.names(tx, mailbox_id)
    return names, read.select_rows(tx, mailbox_id), gone, modseq, uidnext


async def take_in(view: View, changed: read.Changed) -> None:
    """Put what changed into the view."""
    await aside(len(changed.rows) + len(changed.gone), _take_in, view, changed)


def _take_in(view: View, changed: read.Changed) -> None:
    rows = [row[:4] for row in changed.rows]
    view.apply(rows, changed.gone, changed.uidnext, whole=changed.whole)
    view.sets.keywords.update(dict.fromkeys(changed.keywords))
    view.modseq = changed.modseq


async def tell(session: ImapSession, view: View, *, expunge: bool) -> None:
    """Write what the client has not been told yet."""
    messages = len(view.announced) + len(view.gone)
    session.write(await aside(messages, _news, session, view, expunge))


def _news(session: ImapSession, view: View, expunge: bool) -> bytes:
    lines: list[bytes] = []
    if len(view.sets.keywords) != view.keywords_told:
        view.keywords_told = len(view.sets.keywords)
        lines.append(respond.flags(view.sets.names()))
    if expunge and view.gone:
        lines.append(expunged_lines(session, *view.take_expunged()))
        view.recent_told = min(view.recent_told, view.recent)
    if view.told != len(view):
        view.told = len(view)
        lines.append(respond.exists(len(view)))
    if view.announced and not session.wants(NotifyEvent.FLAG_CHANGE):
        view.announced, view.untold = set(), True
    if view.announced:
        indexes = view.indexes_of(sorted(view.announced))
        view.announced = set()
        lines.append(flag_lines(session, view, indexes, uid=True))
    lines.append(_complete_line(session, view))
    return b"".join(lines)


def _complete_line(session: ImapSession, view: View) -> bytes:
    """Keep the client from noting a modseq before it was told what happened till then.

    (RFC 7162 §3.2) That is so while expunged messages still have their numbers, and for good where
    the client did not want to hear of changed flags (RFC 5465 §5.3).
    """
    behind = bool(view.gone) or view.untold
    if not behind:
        view.complete_modseq = view.modseq
    if not session.qresync or not (behind or view.lagging):
        return b""
    view.lagging = behind
    code = number_code("HIGHESTMODSEQ", view.complete_modseq)
    return status_response("OK", "All is told up to here", code=code)


def expunged_lines(session: ImapSession, indexes: Sequence[int], uids: Sequence[int]) -> bytes:
    """What tells this client that messages are gone: by number or by UID (RFC 7162 §3.2.10)."""
    if session.qresync or session.uidonly:
        return b"".join(
            vanished(uids[start : start + _UIDS_PER_LINE])
            for start in range(0, len(uids), _UIDS_PER_LINE)
        )
    return expunged([index + 1 - before for before, index in enumerate(indexes)])


def flag_lines(session: ImapSession, view: View, indexes: Sequence[int], *, uid: bool) -> bytes:
    """What tells this client the flags of some messages; UIDs go along with modseqs."""
    texts, flags, modseq = view.sets.texts, view.flags, session.condstore
    uids = [view.uids[index] for index in indexes]
    values = [texts[flags[index]] for index in indexes]
    modseqs = [view.modseqs[index] for index in indexes] if modseq else None
    if session.uidonly:
        return fetch_flags(uids, None, values, modseqs, UIDFETCH)
    return fetch_flags(
        [index + 1 for index in indexes], uids if uid or modseq else None, values, modseqs
    )


@dataclass(frozen=True, slots=True)
class _Done(Generic[R]):
    """A change by this session, and what others had changed before it."""

    result: R
    others: read.Changed | None
    modseq: int


async def change(
    session: ImapSession,
    view: View,
    fn: Callable[[Tx, *Ts], R],
    *args: *Ts,
    right: Right = NO_RIGHT,
) -> R:
    """Run a change of the selected mailbox; the caller puts its own effects into the view.

    Not for changes that add messages to the mailbox. Raises what `fn` raises, `NotFound` when the
    mailbox is gone, and `Denied` where the client lacks `right` on somebody else's mailbox.
    """
    actor = session.require_actor()
    done: _Done[R] = await session.services.database.write(
        _with_others, actor, right, view.account_id, view.mailbox_id, view.modseq, fn, args
    )
    if done.others is not None:
        await take_in(view, done.others)
    view.modseq = done.modseq
    return done.result


async def change_flags(
    session: ImapSession,
    view: View,
    ranges: UidRanges,
    how: FlagChange,
    which: FlagSet,
    unchanged_since: int | None = None,
    known: Mapping[int, tuple[int, str | None]] | None = None,
) -> tuple[FlagsChanged, list[int]]:
    """Change the flags of messages of the selected mailbox, and take that into the view.

    Of somebody else's mailbox only the flags that the client has the right to change; `Denied`
    where that is none of them (RFC 4314 §4). Gives the indexes of the messages that have the flags
    now; nobody was told of them yet.
    """
    changed = await change(
        session,
        view,
        _change_flags,
        session.require_actor(),
        view.account_id,
        view.mailbox_id,
        ranges,
        how,
        which,
        unchanged_since,
        known,
    )
    indexes = await aside(len(changed.rows), view.set_rows, changed.rows)
    return changed, indexes


def _change_flags(
    tx: Tx,
    actor: Actor,
    owner: AccountId,
    mailbox: MailboxId,
    ranges: UidRanges,
    how: FlagChange,
    which: FlagSet,
    unchanged_since: int | None,
    known: Mapping[int, tuple[int, str | None]] | None,
) -> FlagsChanged:
    may = EVERY_FLAG
    if owner != actor.account_id:
        may = changeable(access.rights_on(tx, actor, owner, mailbox))
        some = which.bits & may.bits or (which.keywords and may.keywords)
        replaced = how is FlagChange.SET and (may.bits or may.keywords)
        if not some and not replaced:
            raise Denied("You may not change these flags here")
    by = actor.account_id
    return flags.change_flags(
        tx, owner, mailbox, ranges, how, which, unchanged_since, may, known, by
    )


def _with_others(
    tx: Tx,
    actor: Actor,
    right: Right,
    account: AccountId,
    mailbox_id: MailboxId,
    since: int,
    fn: Callable[..., R],
    args: tuple[Any, ...],
) -> _Done[R]:
    if right:
        access.check(tx, actor, account, mailbox_id, right)
    # First: what others commit while this one waits for its turn must be among what is read.
    lock(tx, account)
    modseq, _ = read.position(tx, mailbox_id)
    others = read.changed(tx, mailbox_id, since) if modseq != since else None
    result = fn(tx, *args)
    return _Done(result, others, read.position(tx, mailbox_id)[0])
