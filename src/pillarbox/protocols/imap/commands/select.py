"""SELECT, EXAMINE, CLOSE, UNSELECT and CHECK (RFC 9051 §6.3.2, §6.4.1, RFC 7162 §3.2.5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pillarbox.base.errors import Busy, Denied, Failure, Unavailable
from pillarbox.base.ids import MailboxId, public_id
from pillarbox.domain.mail import expunge, keywords, read, recent
from pillarbox.domain.mail.model import Flag, Mailbox
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing.access import Right
from pillarbox.domain.sharing.rights import is_read_only
from pillarbox.protocols.imap.errors import UID_REQUIRED, BadCommand
from pillarbox.protocols.imap.reply import Reply
from pillarbox.protocols.imap.resync import RANGES_PER_LINE, check_matches, highest_match, vanished
from pillarbox.protocols.imap.updates import (
    aside,
    change,
    flag_lines,
    load,
    permanent_flags,
    tell,
)
from pillarbox.protocols.imap.view import Range, View
from pillarbox.storage.tx import Tx
from pillarbox.wire.imap.names import SEPARATOR
from pillarbox.wire.imap.parse.select import Check, Close, QResync, Select, Unselect
from pillarbox.wire.imap.respond import select as respond
from pillarbox.wire.imap.respond.expunge import vanished_earlier
from pillarbox.wire.imap.respond.list import list_response
from pillarbox.wire.imap.respond.replies import (
    mailbox_id_code,
    number_code,
    permanent_flags_code,
    status_response,
)

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

_LINES_AT_ONCE = 4_096


async def select(session: ImapSession, args: Select) -> Reply:
    """Open a mailbox and tell what is in it, and what the client has missed of it."""
    actor = session.require_actor()
    database = session.services.database
    _check(session, args)
    if session.view is not None:
        session.view = None
        session.write(_ok(b"CLOSED", "The other mailbox is closed"))
    found = await database.lookup(access.require, actor, args.mailbox, Right.READ)
    session.condstore |= args.condstore
    read_only = args.read_only or is_read_only(found.rights)
    mailbox = found.mailbox
    claimed = (0, 0) if session.rev2 else (mailbox.recent_uid, mailbox.uidnext)
    if claimed[0] < claimed[1] and not read_only:
        claimed = await _claim_recent(session, mailbox)
        found = await database.lookup(access.require, actor, args.mailbox, Right.READ)
        mailbox = found.mailbox
    view = View(
        mailbox,
        read_only=read_only,
        recent_uids=claimed,
        name=found.name,
        rights=found.rights,
    )
    unseen = await _fill(session, view, mailbox)
    session.view = view
    session.write(_opened(session, view, unseen, args.mailbox))
    if args.qresync is not None and args.qresync.uid_validity == view.uidvalidity:
        try:
            await _resynchronise(session, view, args.qresync)
        except Failure:
            # A mailbox of which SELECT says NO is not selected (RFC 9051 §6.3.2).
            session.view = None
            raise
    if args.read_only or read_only:
        return Reply(f"{'EXAMINE' if args.read_only else 'SELECT'} completed", b"READ-ONLY")
    return Reply("SELECT completed", b"READ-WRITE")


def _check(session: ImapSession, args: Select) -> None:
    """BAD before anything is closed or opened."""
    if args.qresync is None:
        return
    if not session.qresync:
        raise BadCommand("Say ENABLE QRESYNC first")
    if args.qresync.matches is None:
        return
    if session.uidonly:
        raise BadCommand("Messages have no numbers here", UID_REQUIRED)
    check_matches(*args.qresync.matches)


async def _claim_recent(session: ImapSession, mailbox: Mailbox) -> tuple[int, int]:
    """The recent UIDs; a store that can't be written must not keep anyone from reading."""
    try:
        return await session.services.database.write(recent.claim, mailbox.id)
    except (Busy, Unavailable):
        return mailbox.recent_uid, mailbox.uidnext


async def _fill(session: ImapSession, view: View, mailbox: Mailbox) -> int:
    """Load a small mailbox; of a large one read what is to be told. Gives the first unseen."""
    if mailbox.total <= session.services.options.small_mailbox_messages:
        await load(session, view)
        view.take_expunged()
        view.told = len(view)
        view.keywords_told = len(view.sets.keywords)
        view.recent_told = view.recent
        view.complete_modseq = view.modseq
        return _first_unseen(view) if mailbox.unseen else 0
    (first, end) = (0, 0) if session.rev2 else (view.recent_uids[0])
    names, view.recent, unseen = await session.services.database.read(
        _facts, mailbox.id, (first, end), mailbox.total, mailbox.unseen
    )
    view.sets.keywords.update(dict.fromkeys(names))
    view.keywords_told, view.recent_told = len(view.sets.keywords), view.recent
    return unseen


def _facts(
    tx: Tx, mailbox: MailboxId, claimed: tuple[int, int], total: int, unseen: int
) -> tuple[list[str], int, int]:
    first, end = claimed
    count = read.count(tx, mailbox, first, end - 1) if first < end else 0
    return keywords.names(tx, mailbox), count, read.first_unseen(tx, mailbox, total, unseen)


def _opened(session: ImapSession, view: View, unseen: int, asked: str) -> bytes:
    lines = [
        respond.flags(view.sets.names()),
        _ok(permanent_flags_code(permanent_flags(view)), "Flags that are kept"),
        respond.exists(view.told),
    ]
    if not session.rev2:
        lines.append(respond.recent(view.recent))
    lines += [
        _ok(number_code("UIDVALIDITY", view.uidvalidity), "UIDs valid"),
        _ok(number_code("UIDNEXT", view.uidnext), "Next UID"),
        _ok(number_code("HIGHESTMODSEQ", view.modseq), "Highest modseq"),
        _ok(mailbox_id_code(public_id("F", view.mailbox_id)), "Object id"),
    ]
    if session.rev2:
        old_name = asked if asked != view.name else None
        lines.append(list_response([], SEPARATOR, view.name, utf8=session.utf8, old_name=old_name))
    elif unseen and not session.uidonly:
        lines.append(_ok(number_code("UNSEEN", unseen), "First unseen"))
    return b"".join(lines)


def _ok(code: bytes, text: str) -> bytes:
    return status_response("OK", text, code=code)


def _first_unseen(view: View) -> int:
    unseen = {number for number, (bits, _) in enumerate(view.sets.sets) if not bits & Flag.SEEN}
    return next((at for at, number in enumerate(view.flags, 1) if number in unseen), 0)


async def _resynchronise(session: ImapSession, view: View, since: QResync) -> None:
    """Tell what was expunged and what changed since the client was here (RFC 7162 §3.2.5.1)."""
    if since.modseq >= view.modseq:
        return
    await load(session, view)
    known = [(1, view.uidnext - 1)]
    if since.known_uids is not None:
        known = list(since.known_uids.resolve(view.uidnext))
    above = 0 if since.matches is None else highest_match(view, *since.matches)
    gone = await session.services.database.read(read.vanished_since, view.mailbox_id, since.modseq)
    missed = await aside(len(view), vanished, view, gone, known, above)
    for start in range(0, len(missed), RANGES_PER_LINE):
        session.write(vanished_earlier(missed[start : start + RANGES_PER_LINE]))
    changed = await aside(len(view), _changed, view, known, since.modseq)
    for start in range(0, len(changed), _LINES_AT_ONCE):
        some = changed[start : start + _LINES_AT_ONCE]
        session.write(flag_lines(session, view, some, uid=True))
        await session.flush()
    view.announced.difference_update([view.uids[index] for index in changed])
    await tell(session, view, expunge=True)


def _changed(view: View, known: Sequence[Range], modseq: int) -> list[int]:
    # Those that came just now have no number yet.
    return [
        index
        for start, end in view.spans_of_uids(known)
        for index in range(start, min(end, view.told))
        if view.modseqs[index] > modseq
    ]


async def close(session: ImapSession, args: Close) -> Reply:
    """Expunge without a word where that is allowed, and leave the mailbox."""
    view = session.require_view()
    session.view = None
    if not view.read_only:
        try:
            await change(
                session, view, expunge.expunge, view.account_id, view.mailbox_id, None,
                right=Right.EXPUNGE,
            )  # fmt: skip
        except Denied:
            pass
    return Reply("CLOSE completed")


async def unselect(session: ImapSession, args: Unselect) -> Reply:
    """Leave the mailbox as it is."""
    session.view = None
    return Reply("UNSELECT completed")


async def check(session: ImapSession, args: Check) -> Reply:
    """Everything is on disk already."""
    if session.rev2:
        raise BadCommand("IMAP4rev2 has no CHECK; use NOOP")
    return Reply("CHECK completed")
