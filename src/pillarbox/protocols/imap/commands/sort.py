"""SORT and UID SORT: a search whose result comes in an order (RFC 5256 §3, RFC 5267 §3)."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from pillarbox.domain.mail import sort as sorting
from pillarbox.domain.mail.sort import Criterion, SortKey
from pillarbox.pipeline.mail_search import Found
from pillarbox.protocols.imap.commands.search import (
    Wanted,
    found_by,
    opened,
    tell_extended,
    tell_plainly,
)
from pillarbox.protocols.imap.commands.search_query import uses_modseq
from pillarbox.protocols.imap.reply import Reply
from pillarbox.wire.imap.parse.sort import Sort
from pillarbox.wire.imap.respond import search as respond

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

_QUICK = 1_000
"""Up to so many messages are sorted without waiting in line."""


async def sort(session: ImapSession, args: Sort) -> Reply:
    """Tell which messages the keys hold for, in order."""
    services = session.services
    view = await opened(session, args.key, uid=args.uid)
    returns = args.returns
    found = await found_by(session, view, args.key, saves=returns is not None and "SAVE" in returns)
    criteria = [Criterion(SortKey(one.key), one.reverse) for one in args.criteria]
    async with services.search.line if len(found.uids) > _QUICK else nullcontext():
        uids = await services.database.read(
            sorting.sort,
            services.content,
            view.account_id,
            view.mailbox_id,
            found.uids,
            criteria,
            found.relevancy,
            session.progress.tell_or_end,
        )
    if returns is None:
        await tell_plainly(session, view, respond.sort, uids, args)
        return Reply("SORT completed")
    wanted = Wanted(
        returns, args.partial, uid=args.uid, modseq=uses_modseq(args.key), in_order=True
    )
    await tell_extended(session, view, Found(uids, found.relevancy), wanted)
    return Reply("SORT completed")
