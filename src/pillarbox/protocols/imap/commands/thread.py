"""THREAD and UID THREAD: a search whose result comes in threads (RFC 5256 §3)."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from pillarbox.domain.mail import threading
from pillarbox.domain.mail.threading import Algorithm
from pillarbox.protocols.imap.commands.search import found_by, made, numbers_of, opened
from pillarbox.protocols.imap.reply import Reply
from pillarbox.wire.imap.parse.thread import Thread
from pillarbox.wire.imap.respond import thread as respond

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

_QUICK = 1_000
"""Up to so many messages are threaded without waiting in line."""


async def thread(session: ImapSession, args: Thread) -> Reply:
    """Tell how the messages the keys hold for hang together."""
    services = session.services
    view = await opened(session, args.key, uid=args.uid)
    uids = (await found_by(session, view, args.key)).uids
    async with services.search.line if len(uids) > _QUICK else nullcontext():
        forest = await services.database.read(
            threading.thread,
            services.content,
            view.account_id,
            view.mailbox_id,
            uids,
            Algorithm(args.algorithm),
            session.progress.tell_or_end,
        )

    def respond_to() -> bytes:
        names = dict(zip(uids, uids if args.uid else numbers_of(view, uids), strict=True))
        return respond.thread(forest.roots, forest.children, names.__getitem__)

    session.write(await made(len(uids), respond_to))
    return Reply("THREAD completed")
