"""STORE and UID STORE, with UNCHANGEDSINCE (RFC 9051 §6.4.6, RFC 7162 §3.1.3)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from pillarbox.domain.mail.flags import FlagChange
from pillarbox.protocols.imap.flagsets import flag_set
from pillarbox.protocols.imap.reply import Reply
from pillarbox.protocols.imap.updates import change_flags, flag_lines, loaded_view, look, tell
from pillarbox.protocols.imap.view import View
from pillarbox.wire.imap.parse.store import Store, StoreMode
from pillarbox.wire.imap.respond.fetch import MODSEQ_FORM, UID_FORM, Column, fetch_columns
from pillarbox.wire.imap.respond.replies import modified_code

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

_HOW = MappingProxyType(
    {
        StoreMode.REPLACE: FlagChange.SET,
        StoreMode.ADD: FlagChange.ADD,
        StoreMode.REMOVE: FlagChange.REMOVE,
    }
)


async def store(session: ImapSession, args: Store) -> Reply:
    """Change the flags of messages, and tell them unless silent."""
    view = await loaded_view(session, writable=True)
    await look(session, expunge=args.uid)
    session.condstore |= args.unchanged_since is not None
    ranges = view.uid_ranges(view.resolve(args.sequence, uid=args.uid))
    flags = flag_set(args.flags)
    if not ranges:
        return Reply("STORE completed")
    changed, indexes = await change_flags(
        session, view, ranges, _HOW[args.mode], flags, args.unchanged_since
    )
    tell(session, view, expunge=args.uid)
    if args.uid:
        # Numbers may have moved just now.
        indexes = view.indexes_of([row[0] for row in changed.rows])
    if not args.silent:
        session.write(flag_lines(view, indexes, uid=args.uid, modseq=session.condstore))
    elif session.condstore:
        session.write(_modseq_lines(view, indexes, changed.modseq))
    if changed.refused:
        return Reply("Some had changed", _refused(view, changed.refused, args.uid))
    return Reply("STORE completed")


def _modseq_lines(view: View, indexes: list[int], modseq: int) -> bytes:
    """The modseq of what a silent STORE changed (RFC 7162 §3.1.3)."""
    changed = [index for index in indexes if view.modseqs[index] == modseq]
    uids = [view.uids[index] for index in changed]
    columns = (Column(UID_FORM, uids), Column(MODSEQ_FORM, [modseq] * len(uids)))
    return fetch_columns([index + 1 for index in changed], columns)


def _refused(view: View, uids: tuple[int, ...], by_uid: bool) -> bytes:
    if by_uid:
        return modified_code(uids)
    return modified_code([index + 1 for index in view.indexes_of(uids)])
