"""SEARCH and UID SEARCH: compiles the keys, answers from the view where that is enough.

(RFC 9051 §6.4.4, RFC 4731, RFC 5182, RFC 7162 §3.1.5)
"""

from __future__ import annotations

import asyncio
from array import array
from typing import TYPE_CHECKING

from pillarbox.domain.mail.query import Query
from pillarbox.protocols.imap.commands.search_query import compile_key, count_keys, uses_modseq
from pillarbox.protocols.imap.commands.search_view import matching
from pillarbox.protocols.imap.reply import Reply
from pillarbox.protocols.imap.updates import loaded_view, look
from pillarbox.protocols.imap.view import View
from pillarbox.wire.imap.parse.search import Search
from pillarbox.wire.imap.parse.search_keys import SearchKey
from pillarbox.wire.imap.respond import search as respond

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

_JUDGED_ON_LOOP = 500_000
"""Messages times keys: more would keep the other sessions waiting for 10 ms and longer."""


async def search(session: ImapSession, args: Search) -> Reply:
    """Tell which messages the keys hold for."""
    view = await loaded_view(session)
    await look(session, expunge=args.uid)
    saves = args.returns is not None and "SAVE" in args.returns
    by_modseq = uses_modseq(args.key)
    session.condstore |= by_modseq
    arguments = (args.key, view, session.services.clock.now_ms())
    if len(view) * count_keys(args.key) < _JUDGED_ON_LOOP:
        query, indexes = _judge(*arguments)
    else:
        query, indexes = await asyncio.to_thread(_judge, *arguments)
    if saves:
        view.saved = array("I")
    if indexes is None:
        found = await session.services.search.find(view.account_id, view.mailbox_id, query)
        indexes = view.indexes_of(found.uids)
    modseq = max((view.modseqs[index] for index in indexes), default=0) if by_modseq else None
    uids = [view.uids[index] for index in indexes]
    numbers = uids if args.uid else [index + 1 for index in indexes]
    if args.returns is None:
        session.write(respond.search(numbers, modseq))
        return Reply("SEARCH completed")
    if saves:
        _save(view, uids, args.returns)
    if args.returns != {"SAVE"}:
        session.write(
            respond.esearch(session.tag, numbers, args.returns, uid=args.uid, modseq=modseq)
        )
    return Reply("SEARCH completed")


def _judge(key: SearchKey, view: View, now_ms: int) -> tuple[Query, list[int] | None]:
    """The query, and the indexes it holds for where the view can tell."""
    query = compile_key(key, view, now_ms)
    return query, matching(query, view)


def _save(view: View, uids: list[int], returns: frozenset[str]) -> None:
    """Keep the result for `$`; only the ends where no more was asked for (RFC 5182 §2.1)."""
    ends = returns & {"MIN", "MAX"}
    if uids and ends and not returns & {"ALL", "COUNT"}:
        kept = {uids[0]} if "MIN" in ends else set()
        kept |= {uids[-1]} if "MAX" in ends else set()
        uids = sorted(kept)
    view.saved = array("I", uids)
