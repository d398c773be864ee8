"""SEARCH and UID SEARCH: compiles the keys, answers from the view where that is enough.

(RFC 9051 §6.4.4, RFC 4731, RFC 5182, RFC 7162 §3.1.5, RFC 9394)
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

from pillarbox.base.errors import Busy
from pillarbox.base.ids import EmailId
from pillarbox.domain.mail import threads
from pillarbox.domain.mail.query import Query
from pillarbox.pipeline.mail_search import Found
from pillarbox.protocols.imap.commands.search_query import (
    Places,
    compile_key,
    count_keys,
    count_ranges,
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
from pillarbox.wire.imap.parse.sort import Sort
from pillarbox.wire.imap.respond import search as respond

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

_JUDGED_ON_LOOP = 500_000
"""Messages times keys: more would keep the other sessions waiting for 10 ms and longer."""
_PER_RANGE = 120
"""A range takes as long as so many messages."""
MADE_ON_LOOP = 5_000
"""Messages to be told of: likewise."""

R = TypeVar("R")
Ts = TypeVarTuple("Ts")


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
    if returns is None:
        await tell_plainly(session, view, respond.search, found.uids, args)
    else:
        wanted = Wanted(returns, args.partial, uid=args.uid, modseq=uses_modseq(args.key))
        await tell_extended(session, view, found, wanted)
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
    steps = len(view) * count_keys(key) + _PER_RANGE * count_ranges(key, view)
    if steps < _JUDGED_ON_LOOP:
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
    known = await made(len(found.uids), _known, view, found.uids)
    return Found(known, found.relevancy)


def _known(view: View, uids: Sequence[int]) -> list[int]:
    return [view.uids[index] for index in view.indexes_of(uids)]


async def tell_plainly(
    session: ImapSession,
    view: View,
    respond_with: Callable[[Sequence[int], int | None], bytes],
    uids: Sequence[int],
    args: Search | Sort,
) -> None:
    """Write the response of IMAP4rev1 to a search or a sort."""

    def respond_to() -> bytes:
        modseq = highest_modseq(view, uids) if uses_modseq(args.key) else None
        return respond_with(uids if args.uid else numbers_of(view, uids), modseq)

    session.write(await made(len(uids), respond_to))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an ESEARCH response is to tell.

    The UIDs come in the order of a sort with `in_order`, else ascending. `modseq` asks for the
    highest.
    """

    returns: Collection[str]
    partial: PartialRange | None = None
    uid: bool = True
    modseq: bool = False
    in_order: bool = False
    mailbox: respond.Correlated | None = None


async def tell_extended(session: ImapSession, view: View, found: Found, wanted: Wanted) -> None:
    """Write the ESEARCH response, and keep the result where that was asked for."""
    data, told = await made(len(found.uids), _extended, session.tag, view, found, wanted)
    if "SAVE" in wanted.returns:
        view.saved = array("I", sorted(told))
    if set(wanted.returns) != {"SAVE"}:
        session.write(data)


def _extended(tag: str, view: View, found: Found, wanted: Wanted) -> tuple[bytes, Sequence[int]]:
    """The response, and the UIDs it is about."""
    uids, partial = found.uids, wanted.partial
    page = None if partial is None else partial.within(len(uids))
    told = _told(uids, wanted.returns, page)
    relevancy = None
    if "RELEVANCY" in wanted.returns:
        relevancy = [found.relevancy.get(one, 100) for one in uids]
    result = respond.Result(
        uids if wanted.uid else numbers_of(view, uids),
        frozenset(wanted.returns),
        uid=wanted.uid,
        in_order=wanted.in_order,
        page=None if partial is None or page is None else (partial.to_bytes(), *page),
        relevancy=relevancy,
        modseq=highest_modseq(view, told) if wanted.modseq else None,
        mailbox=wanted.mailbox,
    )
    return respond.esearch(tag, result), told


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


async def made(count: int, fn: Callable[[*Ts], R], *args: *Ts) -> R:
    """What `fn` makes of so many messages; of many it does so in a thread."""
    if count < MADE_ON_LOOP:
        return fn(*args)
    return await asyncio.to_thread(fn, *args)


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
