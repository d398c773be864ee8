"""SELECT, EXAMINE, CLOSE, UNSELECT and CHECK (RFC 9051 §6.3.2, §6.4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.base.errors import Busy, Unavailable
from pillarbox.base.ids import public_id
from pillarbox.domain.mail import expunge, mailboxes, read
from pillarbox.domain.mail.model import Flag, Mailbox
from pillarbox.protocols.imap.errors import RefusedCommand
from pillarbox.protocols.imap.reply import Reply
from pillarbox.protocols.imap.updates import load
from pillarbox.protocols.imap.view import View
from pillarbox.wire.imap.parse.select import Check, Close, Select, Unselect
from pillarbox.wire.imap.respond import select as respond
from pillarbox.wire.imap.respond.replies import (
    mailbox_id_code,
    number_code,
    permanent_flags_code,
    status_response,
)

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession


async def select(session: ImapSession, args: Select) -> Reply:
    """Open a mailbox and tell what is in it."""
    account = session.require_actor().account_id
    database = session.services.database
    if session.view is not None:
        session.view = None
        session.write(_ok(b"CLOSED", "The other mailbox is closed"))
    if args.qresync is not None:
        raise RefusedCommand("QRESYNC is not offered", "CANNOT")
    mailbox = await database.lookup(mailboxes.by_name, account, args.mailbox)
    if mailbox is None:
        raise RefusedCommand("There is no such mailbox", "NONEXISTENT")
    session.condstore |= args.condstore
    first_recent, end = mailbox.recent_uid, mailbox.uidnext
    if first_recent < end and not args.read_only:
        first_recent = await _claim_recent(session, mailbox)
        mailbox = await database.lookup(mailboxes.by_name, account, args.mailbox) or mailbox
        # Those that came after the claim are recent to whoever claims them next.
        end = mailbox.recent_uid
    view = View(mailbox, read_only=args.read_only, recent_uids=(first_recent, end))
    if mailbox.total <= session.services.options.small_mailbox_messages:
        await load(session, view)
        view.take_expunged()
        view.told = len(view)
        view.keywords_told = len(view.sets.keywords)
    elif first_recent < end:
        view.recent = len(await database.read(read.rows, mailbox.id, [(first_recent, end - 1)]))
    session.view = view
    session.write(_opened(view, mailbox))
    if args.read_only:
        return Reply("EXAMINE completed", b"READ-ONLY")
    return Reply("SELECT completed", b"READ-WRITE")


async def _claim_recent(session: ImapSession, mailbox: Mailbox) -> int:
    """The first recent UID; a store that can't be written must not keep anyone from reading."""
    try:
        return await session.services.database.write(mailboxes.claim_recent, mailbox.id)
    except (Busy, Unavailable):
        return mailbox.recent_uid


def _opened(view: View, mailbox: Mailbox) -> bytes:
    flags = view.sets.names()
    permanent = () if view.read_only else (*flags, "\\*")
    lines = [
        respond.flags(flags),
        _ok(permanent_flags_code(permanent), "Flags that are kept"),
        respond.exists(view.told),
        respond.recent(view.recent),
        _ok(number_code("UIDVALIDITY", view.uidvalidity), "UIDs valid"),
        _ok(number_code("UIDNEXT", view.uidnext), "Next UID"),
        _ok(number_code("HIGHESTMODSEQ", view.modseq), "Highest modseq"),
        _ok(mailbox_id_code(public_id("F", view.mailbox_id)), "Object id"),
    ]
    unseen = _first_unseen(view) if mailbox.unseen and view.loaded else 0
    if unseen:
        lines.append(_ok(number_code("UNSEEN", unseen), "First unseen"))
    return b"".join(lines)


def _ok(code: bytes, text: str) -> bytes:
    return status_response("OK", text, code=code)


def _first_unseen(view: View) -> int:
    unseen = {number for number, (bits, _) in enumerate(view.sets.sets) if not bits & Flag.SEEN}
    return next((at for at, number in enumerate(view.flags, 1) if number in unseen), 0)


async def close(session: ImapSession, args: Close) -> Reply:
    """Expunge without a word, and leave the mailbox."""
    view = session.require_view()
    session.view = None
    if not view.read_only:
        await session.services.database.write(
            expunge.expunge, view.account_id, view.mailbox_id, None
        )
    return Reply("CLOSE completed")


async def unselect(session: ImapSession, args: Unselect) -> Reply:
    """Leave the mailbox as it is."""
    session.view = None
    return Reply("UNSELECT completed")


async def check(session: ImapSession, args: Check) -> Reply:
    """Everything is on disk already."""
    return Reply("CHECK completed")
