"""COPY and MOVE with their UID forms (RFC 9051 §6.4.7, §6.4.8, RFC 4315)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pillarbox.base.errors import Conflict, NotFound
from pillarbox.domain.accounts.model import Actor
from pillarbox.domain.mail import copy as mail_copy
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.copy import Box, Emails, Expunged
from pillarbox.domain.mail.model import Copied
from pillarbox.domain.mail.placement import UidRanges
from pillarbox.domain.sharing import access
from pillarbox.domain.sharing.access import Right
from pillarbox.domain.sharing.rights import changeable
from pillarbox.protocols.imap.errors import RefusedCommand
from pillarbox.protocols.imap.limits import one_code, require_room, within_limit
from pillarbox.protocols.imap.reply import Reply
from pillarbox.protocols.imap.updates import change, loaded_view, look, tell
from pillarbox.protocols.imap.view import View
from pillarbox.storage.tx import Tx
from pillarbox.wire.imap.parse.copy import Copy, Move
from pillarbox.wire.imap.respond.replies import copy_uid_code, status_response

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession


@dataclass(frozen=True, slots=True)
class _Task:
    """What goes where; `opened` where the target is another account's.

    `expected` is how many messages there must still be, `None` if any number will do.
    """

    store: ContentStore
    actor: Actor
    source: Box
    ranges: UidRanges
    target: str
    opened: Emails | None
    expected: int | None
    moving: bool
    limit: bytes | None
    """The code to tell that not all that was asked for is done."""


async def copy(session: ImapSession, args: Copy) -> Reply:
    """Place messages in another mailbox too, all or none."""
    view = await loaded_view(session)
    if args.uid:
        await look(session, expunge=True)
    try:
        task, _ = await _task(session, view, args)
        copied = await session.services.database.write(_run, task)
    except NotFound as failure:
        raise RefusedCommand(failure.public, "TRYCREATE") from failure
    except Expunged as failure:
        raise RefusedCommand(failure.public, "EXPUNGEISSUED") from failure
    if not copied.uids:
        return Reply("COPY completed")
    return Reply("COPY completed", _copyuid(copied))


async def move(session: ImapSession, args: Move) -> Reply:
    """Place messages in another mailbox and take them from this one, in one transaction."""
    view = await loaded_view(session, writable=True)
    if args.uid:
        await look(session, expunge=True)
    moved = False
    try:
        task, target = await _task(session, view, args)
        if task.opened is not None or target == task.source:
            # What changed here is found by looking: new messages too, or two accounts locked.
            copied = await session.services.database.write(_run, task)
        else:
            copied = await change(session, view, _run, task)
            moved = True
            view.gone.update(copied.source_uids)
    except NotFound as failure:
        raise RefusedCommand(failure.public, "TRYCREATE") from failure
    except Expunged as failure:
        raise RefusedCommand(failure.public, "EXPUNGEISSUED") from failure
    if copied.uids:
        # Before the EXPUNGE responses, so that the client can tell where they went.
        session.write(status_response("OK", "Moved", code=_copyuid(copied)))
        await tell(session, view, expunge=True)
    return Reply(
        "MOVE completed",
        one_code(session, task.limit, view.complete_modseq if moved and copied.uids else 0),
    )


async def _task(session: ImapSession, view: View, args: Copy | Move) -> tuple[_Task, Box]:
    """What is to be done, and where the messages are to come; `NotFound` where that is nowhere."""
    services, actor = session.services, session.require_actor()
    found = await services.database.lookup(access.require, actor, args.mailbox, Right.INSERT)
    target = Box(found.mailbox.account_id, found.mailbox.id)
    source = Box(view.account_id, view.mailbox_id)
    spans = view.resolve(args.sequence, uid=args.uid)
    limit: bytes | None = None
    if isinstance(args, Move):
        spans, limit = within_limit(session, view, spans)
    else:
        require_room(session, sum(end - start for start, end in spans))
    ranges = view.uid_ranges(spans)
    opened: Emails | None = None
    if target.account != source.account:
        opened = await services.database.read(
            mail_copy.open_emails, services.content, source.account, source.mailbox, ranges
        )
    # UIDs of messages that are gone are passed over, numbers are not (RFC 9051 §6.4.9).
    expected = None if args.uid else sum(end - start for start, end in spans)
    task = _Task(
        services.content,
        actor,
        source,
        ranges,
        args.mailbox,
        opened,
        expected,
        isinstance(args, Move),
        limit,
    )
    return task, target


def _copyuid(copied: Copied) -> bytes:
    pairs = zip(copied.source_uids, copied.uids, strict=True)
    return copy_uid_code(copied.uidvalidity, pairs)


def _run(tx: Tx, task: _Task) -> Copied:
    source = task.source
    needed = Right.READ
    if task.moving:
        needed |= Right.DELETE_MESSAGES | Right.EXPUNGE
    access.check(tx, task.actor, source.account, source.mailbox, needed)
    found = access.require(tx, task.actor, task.target, Right.INSERT)
    target, may = found.mailbox, changeable(found.rights)
    if target.account_id == source.account:
        run = mail_copy.move if task.moving else mail_copy.copy
        where = (source.account, source.mailbox, task.ranges, target.id)
        return run(tx, *where, may, task.expected, task.actor.account_id)
    if task.opened is None:
        raise Conflict("The mailbox changed owners; try again")
    return mail_copy.copy_across(
        tx,
        task.store,
        source,
        task.ranges,
        Box(target.account_id, target.id),
        task.opened,
        may,
        task.expected,
        task.moving,
        task.actor.account_id,
    )
