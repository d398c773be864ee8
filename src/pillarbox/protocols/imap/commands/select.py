"""SELECT, EXAMINE, CLOSE, UNSELECT and CHECK (RFC 9051 §6.3.2, §6.4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pillarbox.base.errors import NotFound
from pillarbox.base.ids import MailboxId, public_id
from pillarbox.domain.mail import expunge, mailboxes, read
from pillarbox.domain.mail.model import Flag, Mailbox
from pillarbox.protocols.imap.errors import RefusedCommand
from pillarbox.protocols.imap.reply import Reply
from pillarbox.protocols.imap.view import FlagRow, View
from pillarbox.storage.tx import Tx
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
    found = await database.lookup(mailboxes.by_name, account, args.mailbox)
    if found is None:
        raise RefusedCommand("There is no such mailbox", "NONEXISTENT")
    session.condstore |= args.condstore
    first_recent = found.recent_uid
    if not args.read_only and found.recent_uid < found.uidnext:
        first_recent = await database.write(mailboxes.claim_recent, found.id)
    try:
        mailbox, rows = await database.read(_open, found.id)
    except NotFound as failure:
        raise RefusedCommand(failure.public, "NONEXISTENT") from failure
    # Those that came after the claim are recent to whoever claims them next.
    end = mailbox.uidnext if args.read_only else mailbox.recent_uid
    view = View(mailbox, rows, read_only=args.read_only, recent=(first_recent, end))
    session.view = view
    session.write(_opened(view, mailbox))
    if args.read_only:
        return Reply("EXAMINE completed", b"READ-ONLY")
    return Reply("SELECT completed", b"READ-WRITE")


def _open(tx: Tx, mailbox_id: MailboxId) -> tuple[Mailbox, list[FlagRow]]:
    mailbox = mailboxes.get(tx, mailbox_id)
    if mailbox is None:
        raise NotFound("There is no such mailbox")
    return mailbox, read.select_rows(tx, mailbox_id)


def _opened(view: View, mailbox: Mailbox) -> bytes:
    flags = view.sets.names()
    permanent = () if view.read_only else (*flags, "\\*")
    lines = [
        respond.flags(flags),
        _ok(permanent_flags_code(permanent), "Flags that are kept"),
        respond.exists(len(view)),
        respond.recent(view.recent),
        _ok(number_code("UIDVALIDITY", view.uidvalidity), "UIDs valid"),
        _ok(number_code("UIDNEXT", view.uidnext), "Next UID"),
        _ok(number_code("HIGHESTMODSEQ", view.modseq), "Highest modseq"),
        _ok(mailbox_id_code(public_id("F", view.mailbox_id)), "Object id"),
    ]
    unseen = _first_unseen(view) if mailbox.unseen else 0
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
