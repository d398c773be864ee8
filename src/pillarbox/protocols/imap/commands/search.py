"""SEARCH and UID SEARCH: compiles the keys, answers from the view where that is enough.

(RFC 9051 §6.4.4, RFC 4731, RFC 5182, RFC 7162 §3.1.5, RFC 9394)
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from pillarbox.base.errors import Busy
from pillarbox.base.ids import EmailId
from pillarbox.domain.mail import threads
from pillarbox.domain.mail.query import Query
from pillarbox.pipeline.mail_search import Found
from pillarbox.protocols.imap.commands.search_query import (
    Places,
    compile_key,
    count_keys,
    object_ids,
    uses_modseq,
    uses_numbers,
)
from pillarbox.protocols.imap.commands.search_view import matching
from pillarbox.protocols.imap.errors import UID_REQUIRED, BadCommand, RefusedCommand
from pillarbox.protocols.imap.reply import Reply
from pillarbox.protocols.imap.updates import loaded_view, look
from pillarbox.protocols.imap.view import View
from pillarbox.storage.tx import Tx
from pillarbox.wire.imap.parse.partial import PartialRange
from pillarbox.wire.imap.parse.search import Search
from pillarbox.wire.imap.parse.search_keys import SearchKey
from pillarbox.wire.imap.respond import search as respond

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

_JUDGED_ON_LOOP = 500_000
"""Messages times keys: more would keep the other sessions waiting for 10 ms and longer."""
PRINTED_ON_LOOP = 5_000
"""Numbers: likewise."""


async def search(session: ImapSession, args: Search) -> Reply:
    """Tell which messages the keys hold for."""
    if args.charset is not None and "UTF8=ACCEPT" in session.enabled:
        raise BadCommand("With UTF8=ACCEPT a search has no charset")
    view = await opened(session, args.key, uid=args.uid)
    returns = args.returns
    if returns is None and session.rev2:
        returns = frozenset({"ALL"})
    saves = returns is not None and "SAVE" in returns
    found = await found_by(session, view, args.key, saves=saves)
    by_modseq = uses_modseq(args.key)
    if returns is None:
        numbers = found.uids if args.uid else numbers_of(view, found.uids)
        modseq = highest_modseq(view, found.uids) if by_modseq else None
        session.write(await printed(len(numbers), respond.search, numbers, modseq))
        return Reply("SEARCH completed")
    await tell_extended(
        session, view, found, returns, args.partial, uid=args.uid, by_modseq=by_modseq
    )
    return Reply("SEARCH completed")


async def opened(session: ImapSession, key: SearchKey, *, uid: bool) -> View:
    """The selected mailbox as it is now, for a search by these keys."""
    if session.uidonly and uses_numbers(key):
        raise BadCommand("Messages have no numbers here", UID_REQUIRED)
    view = await loaded_view(session)
    await look(session, expunge=uid)
    session.condstore |= uses_modseq(key)
    return view


async def found_by(
    session: ImapSession, view: View, key: SearchKey, *, saves: bool = False
) -> Found:
    """What the keys hold for of the messages in a view, by UID.

    With `saves` a search that fails leaves an empty `$` (RFC 5182 §2.1).
    """
    places: Places = {}
    if (wanted := object_ids(key)) and len(view):
        places = await session.services.database.read(_places, view, wanted)
    arguments = (key, view, session.services.clock.now_ms(), places)
    if len(view) * count_keys(key) < _JUDGED_ON_LOOP:
        query, indexes = _judge(*arguments)
    else:
        query, indexes = await asyncio.to_thread(_judge, *arguments)
    if saves:
        view.saved = array("I")
    if indexes is not None:
        return Found([view.uids[index] for index in indexes])
    try:
        found = await session.services.search.find(
            view.account_id,
            view.mailbox_id,
            query,
            session.progress.tell,
            session.progress.is_wanted,
        )
    except Busy as error:
        if saves:
            raise RefusedCommand(error.public, "NOTSAVED") from error
        raise
    known = [view.uids[index] for index in view.indexes_of(found.uids)]
    return Found(known, found.relevancy)


async def tell_extended(
    session: ImapSession,
    view: View,
    found: Found,
    returns: Collection[str],
    partial: PartialRange | None,
    *,
    uid: bool,
    by_modseq: bool,
    in_order: bool = False,
    mailbox: respond.Correlated | None = None,
) -> None:
    """Write the ESEARCH response, and keep the result where that was asked for.

    `found.uids` come in the order of a sort with `in_order`, else ascending.
    """
    uids = found.uids
    page = None if partial is None else partial.within(len(uids))
    told = _told(uids, returns, page)
    if "SAVE" in returns:
        view.saved = array("I", sorted(told))
    if set(returns) == {"SAVE"}:
        return
    answer = respond.Result(
        uids if uid else numbers_of(view, uids),
        frozenset(returns),
        uid=uid,
        in_order=in_order,
        page=None if partial is None or page is None else (partial.to_bytes(), *page),
        relevancy=[found.relevancy.get(one, 100) for one in uids]
        if "RELEVANCY" in returns
        else None,
        modseq=highest_modseq(view, told) if by_modseq else None,
        mailbox=mailbox,
    )
    session.write(await printed(len(uids), respond.esearch, session.tag, answer))


def _told(
    uids: Sequence[int], returns: Collection[str], page: tuple[int, int] | None
) -> Sequence[int]:
    """The UIDs an answer is about: all, unless only the ends or a page were asked for.

    (RFC 4731 §3.2, RFC 5182 §2.1, RFC 9394 §3.2)
    """
    ends = {"MIN", "MAX"} & set(returns)
    if not uids or {"ALL", "COUNT"} & set(returns) or not (ends or page):
        return uids
    told = set(uids[page[0] : page[1]]) if page else set()
    if "MIN" in ends:
        told.add(uids[0])
    if "MAX" in ends:
        told.add(uids[-1])
    return list(told)


def numbers_of(view: View, uids: Sequence[int]) -> list[int]:
    """The message numbers of UIDs that are in the view, in the same order."""
    if len(uids) * 4 < len(view):
        return [view.index_of(uid) + 1 for uid in uids]
    numbers = {uid: number for number, uid in enumerate(view.uids, 1)}
    return [numbers[uid] for uid in uids]


def highest_modseq(view: View, uids: Sequence[int]) -> int:
    """The highest modseq of messages that are in the view; 0 for none."""
    return max((view.modseqs[view.index_of(uid)] for uid in uids), default=0)


async def printed(count: int, respond_with: respond.Printer, *args: object) -> bytes:
    """A response with so many numbers; long ones are made in a thread."""
    if count < PRINTED_ON_LOOP:
        return respond_with(*args)
    return await asyncio.to_thread(respond_with, *args)


def _places(tx: Tx, view: View, wanted: Sequence[tuple[str, int]]) -> Places:
    """The UIDs that emails and threads have in the view's mailbox."""
    return {
        (kind, value): threads.uids_of_email(tx, view.mailbox_id, EmailId(value))
        if kind == "M"
        else threads.uids_of_thread(tx, view.mailbox_id, value)
        for kind, value in wanted
    }


def _judge(
    key: SearchKey, view: View, now_ms: int, places: Places
) -> tuple[Query, list[int] | None]:
    """The query, and the indexes it holds for where the view can tell."""
    query = compile_key(key, view, now_ms, places)
    return query, matching(query, view)
