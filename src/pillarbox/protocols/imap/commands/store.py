"""STORE and UID STORE, with UNCHANGEDSINCE (RFC 9051 §6.4.6, RFC 7162 §3.1.3)."""

from __future__ import annotations

from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING

from pillarbox.domain.mail.flag_names import flag_set
from pillarbox.domain.mail.flags import FlagChange, FlagsChanged
from pillarbox.protocols.imap.errors import BadCommand
from pillarbox.protocols.imap.flagsets import RECENT
from pillarbox.protocols.imap.limits import within_limit
from pillarbox.protocols.imap.reply import Reply
from pillarbox.protocols.imap.updates import (
    aside,
    change_flags,
    flag_lines,
    loaded_view,
    look,
    tell,
)
from pillarbox.protocols.imap.view import View
from pillarbox.wire.imap.parse.store import Store, StoreMode
from pillarbox.wire.imap.respond.fetch import MODSEQ_FORM, UID_FORM, UIDFETCH, Column, fetch_columns
from pillarbox.wire.imap.respond.replies import modified_code, status_response

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

_HOW = MappingProxyType(
    {
        StoreMode.REPLACE: FlagChange.SET,
        StoreMode.ADD: FlagChange.ADD,
        StoreMode.REMOVE: FlagChange.REMOVE,
    }
)
_MOST_KNOWN = 10_000


async def store(session: ImapSession, args: Store) -> Reply:
    """Change the flags of messages, and tell them unless silent."""
    view = await loaded_view(session, writable=True)
    known = _known(view, args)
    await look(session, expunge=args.uid)
    session.condstore |= args.unchanged_since is not None
    spans, limit = within_limit(session, view, view.resolve(args.sequence, uid=args.uid))
    ranges = view.uid_ranges(spans)
    flags = flag_set(args.flags)
    if not ranges:
        return Reply("STORE completed")
    changed, indexes = await change_flags(
        session, view, ranges, _HOW[args.mode], flags, args.unchanged_since, known
    )
    if not args.silent:
        # These are told now; a silent client still has to hear what others changed before.
        view.announced.difference_update(row[0] for row in changed.rows)
    await tell(session, view, expunge=args.uid)
    session.write(await aside(len(indexes), _told, session, view, args, changed, indexes))
    if changed.refused:
        if limit is not None:
            session.write(status_response("OK", "Not all were taken", code=limit))
        return Reply("Some had changed", _refused(view, changed.refused, args.uid))
    return Reply("STORE completed", limit)


def _known(view: View, args: Store) -> dict[int, tuple[int, str | None]] | None:
    """The flags of messages as the client knew them when it said UNCHANGEDSINCE."""
    modseq = args.unchanged_since
    if modseq is None or args.mode is StoreMode.REPLACE:
        return None
    try:
        spans = view.resolve(args.sequence, uid=args.uid)
    except BadCommand:
        return None
    indexes = islice((at for start, end in spans for at in range(start, end)), _MOST_KNOWN)
    states = view.sets.sets
    return {
        view.uids[at]: (states[view.flags[at]][0] & ~RECENT, states[view.flags[at]][1])
        for at in indexes
        if view.modseqs[at] <= modseq
    }


def _told(
    session: ImapSession, view: View, args: Store, changed: FlagsChanged, indexes: list[int]
) -> bytes:
    """What tells the client the flags, or of a silent change the modseqs."""
    if args.uid:
        # Numbers may have moved just now.
        indexes = view.indexes_of([row[0] for row in changed.rows])
    if not args.silent:
        return flag_lines(session, view, indexes, uid=args.uid)
    if not session.condstore:
        return b""
    if args.unchanged_since is None:
        indexes = [index for index in indexes if view.modseqs[index] == changed.modseq]
    return _modseq_lines(session, view, indexes)


def _modseq_lines(session: ImapSession, view: View, indexes: list[int]) -> bytes:
    """The modseqs that a silent STORE left behind (RFC 7162 §3.1.3)."""
    uids = [view.uids[index] for index in indexes]
    column = Column(MODSEQ_FORM, [view.modseqs[index] for index in indexes])
    if session.uidonly:
        return fetch_columns(uids, (column,), UIDFETCH)
    return fetch_columns([index + 1 for index in indexes], (Column(UID_FORM, uids), column))


def _refused(view: View, uids: tuple[int, ...], by_uid: bool) -> bytes:
    if by_uid:
        return modified_code(uids)
    return modified_code([index + 1 for index in view.indexes_of(uids)])
