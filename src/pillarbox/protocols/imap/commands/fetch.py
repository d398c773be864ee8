"""FETCH and UID FETCH: reads what the items need, a slice of messages at a time.

Flags, UIDs and modseqs come from the view; rows, stored summaries and content from the database
(RFC 9051 §6.4.5). Slices bound what is in memory at once, and let other sessions in between.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pillarbox.domain.mail import read, threads
from pillarbox.domain.mail.flags import FlagChange
from pillarbox.domain.mail.model import Flag, FlagSet
from pillarbox.domain.mail.placement import UidRanges
from pillarbox.domain.sharing.access import Right
from pillarbox.formats.mime.part import Part
from pillarbox.protocols.imap.commands.fetch_columns import Plan, Row, Slice, Source, plan
from pillarbox.protocols.imap.errors import BadCommand, RefusedCommand
from pillarbox.protocols.imap.limits import within_limit
from pillarbox.protocols.imap.reply import Reply
from pillarbox.protocols.imap.resync import RANGES_PER_LINE, vanished
from pillarbox.protocols.imap.updates import (
    aside,
    change_flags,
    flag_lines,
    loaded_view,
    look,
    tell,
)
from pillarbox.protocols.imap.view import Span, View
from pillarbox.wire.imap.parse.fetch import Attribute, Fetch
from pillarbox.wire.imap.parse.partial import partial
from pillarbox.wire.imap.respond.expunge import vanished_earlier
from pillarbox.wire.imap.respond.fetch import (
    FETCH,
    UID_FORM,
    UIDFETCH,
    Column,
    fetch_columns,
    fetch_pieces,
)
from pillarbox.wire.imap.sets import SequenceSet

if TYPE_CHECKING:
    from pillarbox.protocols.imap.session import ImapSession

_SLICE_MESSAGES = 4_096
_SUMMARY_MESSAGES = 1_024
_CONTENT_MESSAGES = 256
_CONTENT_BYTES = 4 << 20
_RESPONSE_BYTES = 16 << 20
_PIECE_BYTES = 32 << 10
_DECODED_ON_LOOP_BYTES = 256 << 10


async def fetch(session: ImapSession, args: Fetch) -> Reply:
    """Tell data of messages; sections without PEEK make them \\Seen."""
    if args.vanished and not session.qresync:
        raise BadCommand("Say ENABLE QRESYNC first")
    view = await loaded_view(session)
    await look(session, expunge=args.uid)
    by_modseq = args.changed_since is not None
    session.condstore |= by_modseq or Attribute.MODSEQ in args.items
    spans = view.resolve(args.sequence, uid=args.uid)
    if args.changed_since is not None:
        if args.vanished:
            await _tell_vanished(session, view, args.sequence, args.changed_since)
        spans = await aside(len(view), _changed_since, view, spans, args.changed_since)
    if args.partial is not None:
        spans = partial(spans, args.partial)
    spans, limit = within_limit(session, view, spans)
    # UIDFETCH tells the UID anyway.
    uid = args.uid and not session.uidonly
    wanted = plan(args.items, uid=uid, modseq=by_modseq)
    complete = await tell_items(session, view, spans, wanted, uid=uid)
    if wanted.sets_seen and not view.read_only and Right.SEEN in view.rights:
        await _set_seen(session, view, spans, uid=args.uid)
    if not complete:
        raise RefusedCommand("Some of the messages have been expunged", "EXPUNGEISSUED")
    return Reply("FETCH completed", limit)


async def tell_items(
    session: ImapSession, view: View, spans: Sequence[Span], wanted: Plan, *, uid: bool
) -> bool:
    """Send what is wanted of some messages; `False` where not all of them were there any more."""
    complete = True
    async for part, whole in _slices(session, view, spans, wanted):
        complete &= whole
        numbers = _numbers(session, part)
        async for columns in _responses(part, wanted, uid=uid):
            await _send(session, numbers, columns, apart=bool(part.contents))
        # The next slice is read when nothing of this one is in memory any more.
        del part
    return complete


def _numbers(session: ImapSession, part: Slice) -> list[int]:
    """What the client knows the messages by."""
    if session.uidonly:
        return [part.view.uids[index] for index in part.indexes]
    return [index + 1 for index in part.indexes]


async def _tell_vanished(
    session: ImapSession, view: View, sequence: SequenceSet, modseq: int
) -> None:
    """Tell which of the UIDs were expunged since a modseq (RFC 7162 §3.2.6)."""
    known = [(uid, uid) for uid in view.saved]
    if not sequence.saved:
        known = list(sequence.resolve(max(view.uidnext - 1, 1)))
    database = session.services.database
    gone = await database.read(read.vanished_since, view.mailbox_id, modseq)
    missed = await asyncio.to_thread(vanished, view, gone, known)
    for start in range(0, len(missed), RANGES_PER_LINE):
        session.write(vanished_earlier(missed[start : start + RANGES_PER_LINE]))
    await session.flush()


async def _send(
    session: ImapSession, numbers: Sequence[int], columns: list[Column], *, apart: bool
) -> None:
    verb = UIDFETCH if session.uidonly else FETCH
    if not apart:
        session.write(fetch_columns(numbers, columns, verb))
        await session.flush()
        return
    for piece in fetch_pieces(numbers, columns, verb):
        session.write(piece)
        if len(piece) >= _PIECE_BYTES:
            await session.flush()
    columns.clear()
    await session.flush()


async def _responses(part: Slice, wanted: Plan, *, uid: bool) -> AsyncIterator[list[Column]]:
    """The columns to send together: the same content asked for many times is sent in turns."""
    columns: list[Column] = []
    held_bytes = fresh = 0
    large = sum(len(content) for content, _ in part.contents) > _DECODED_ON_LOOP_BYTES
    for make in wanted.makers:
        apart = large and make in wanted.decoders
        columns.append(await asyncio.to_thread(make, part) if apart else make(part))
        fresh += 1
        if part.contents or part.summaries:
            values = columns[-1].values
            held_bytes += sum(len(value) for value in values if not isinstance(value, int))
            if held_bytes > _RESPONSE_BYTES:
                yield columns
                columns, held_bytes, fresh = [], 0, 0
                if uid:  # each answer to UID FETCH tells the UID
                    columns.append(Column(UID_FORM, [part.view.uids[at] for at in part.indexes]))
    if fresh:
        yield columns


def _changed_since(view: View, spans: Sequence[Span], modseq: int) -> list[Span]:
    modseqs = view.modseqs
    return view.spans_of_indexes(
        [index for start, end in spans for index in range(start, end) if modseqs[index] > modseq]
    )


async def _set_seen(session: ImapSession, view: View, spans: Sequence[Span], *, uid: bool) -> None:
    """One change for all that were not seen yet, told with their new flags."""
    unseen = await aside(_count(spans), _unseen, view, spans)
    if not unseen:
        return
    ranges = view.uid_ranges(unseen)
    _, indexes = await change_flags(session, view, ranges, FlagChange.ADD, FlagSet(Flag.SEEN))
    view.announced.difference_update([view.uids[index] for index in indexes])
    lines = await aside(len(indexes), lambda: flag_lines(session, view, indexes, uid=uid))
    session.write(lines)
    await tell(session, view, expunge=False)


def _unseen(view: View, spans: Sequence[Span]) -> list[Span]:
    seen = [bool(bits & Flag.SEEN) for bits, _ in view.sets.sets]
    return view.spans_of_indexes(
        [index for start, end in spans for index in range(start, end)
         if not seen[view.flags[index]]]
    )  # fmt: skip


async def _slices(
    session: ImapSession, view: View, spans: Sequence[Span], wanted: Plan
) -> AsyncIterator[tuple[Slice, bool]]:
    """The messages in slices with what the plan needs, and whether all were still there."""
    services, sources = session.services, wanted.sources
    database, mailbox = services.database, view.mailbox_id
    most = _SLICE_MESSAGES if max(sources) <= Source.THREADS else _SUMMARY_MESSAGES
    for piece in _pieces(spans, most):
        ranges = view.uid_ranges(piece)
        rows: list[Row] = []
        sizes: dict[int, int] = {}
        if Source.ROWS in sources:
            rows = await database.read(read.rows, mailbox, ranges)
            sizes = {row[0]: row[5] for row in rows}
        elif Source.CONTENT in sources and _count(piece) > 1:
            sizes = await database.read(read.sizes, mailbox, ranges)
        joined: list[tuple[int, int]] = []
        if Source.THREADS in sources:
            joined = await database.read(threads.of_messages, mailbox, ranges)
        async for some, summaries in _summaries(session, view, piece, sources):
            if Source.CONTENT not in sources:
                yield _joined(view, some, sources, rows, joined, summaries, [])
                continue
            for smaller in _by_size(view, some, sizes):
                contents = await database.read(
                    read.contents,
                    services.content,
                    view.account_id,
                    mailbox,
                    view.uid_ranges(smaller),
                    wanted.parts,
                )
                yield _joined(view, smaller, sources, rows, joined, summaries, contents)
                del contents


async def _summaries(
    session: ImapSession, view: View, piece: list[Span], sources: frozenset[Source]
) -> AsyncIterator[tuple[list[Span], list[tuple[int, bytes]]]]:
    """The piece in parts whose summaries fit into memory, with them if they are needed."""
    if Source.SUMMARIES not in sources:
        yield piece, []
        return
    services = session.services
    ranges: UidRanges = view.uid_ranges(piece)
    while ranges:
        found, ranges = await services.database.read(
            read.summaries, services.content, view.account_id, view.mailbox_id, ranges
        )
        if not ranges:
            break
        middle = bisect_left(view.uids, ranges[0][0])
        yield [(start, min(end, middle)) for start, end in piece if start < middle], found
        piece = [(max(start, middle), end) for start, end in piece if end > middle]
    yield piece, found


def _joined(
    view: View,
    piece: Sequence[Span],
    sources: frozenset[Source],
    rows: list[Row],
    joined: list[tuple[int, int]],
    summaries: list[tuple[int, bytes]],
    contents: list[tuple[int, bytes, Part | None]],
) -> tuple[Slice, bool]:
    """What was read, brought in line; messages that are gone by now are left out."""
    indexes: Sequence[int] = [index for start, end in piece for index in range(start, end)]
    asked = len(indexes)
    uids: list[list[int]] = []
    if Source.ROWS in sources:
        uids.append([row[0] for row in rows])
    if Source.THREADS in sources:
        uids.append([one[0] for one in joined])
    if Source.SUMMARIES in sources:
        uids.append([one[0] for one in summaries])
    if Source.CONTENT in sources:
        uids.append([one[0] for one in contents])
    if any(len(found) != asked for found in uids):
        kept = set.intersection(*map(set, uids)) & {view.uids[index] for index in indexes}
        indexes = [index for index in indexes if view.uids[index] in kept]
        rows = [row for row in rows if row[0] in kept]
        joined = [one for one in joined if one[0] in kept]
        summaries = [one for one in summaries if one[0] in kept]
        contents = [one for one in contents if one[0] in kept]
    part = Slice(
        view,
        indexes,
        rows,
        [thread for _, thread in joined],
        [summary for _, summary in summaries],
        [(content, root) for _, content, root in contents],
    )
    return part, len(indexes) == asked


def _count(spans: Iterable[Span]) -> int:
    return sum(end - start for start, end in spans)


def _pieces(spans: Iterable[Span], most: int) -> Iterator[list[Span]]:
    """The same spans, in groups of at most so many messages."""
    piece: list[Span] = []
    room = most
    for start, end in spans:
        while start < end:
            middle = min(end, start + room)
            piece.append((start, middle))
            room -= middle - start
            start = middle
            if not room:
                yield piece
                piece, room = [], most
    if piece:
        yield piece


def _by_size(view: View, piece: list[Span], sizes: dict[int, int]) -> Iterator[list[Span]]:
    """A piece in parts whose content fits into memory; one message always does."""
    total_bytes = sum(sizes.values())
    if not sizes or (len(sizes) <= _CONTENT_MESSAGES and total_bytes <= _CONTENT_BYTES):
        yield piece
        return
    batch: list[int] = []
    held_bytes = 0
    for start, end in piece:
        for index in range(start, end):
            size_bytes = sizes.get(view.uids[index], 0)
            if batch and (
                len(batch) == _CONTENT_MESSAGES or held_bytes + size_bytes > _CONTENT_BYTES
            ):
                yield view.spans_of_indexes(batch)
                batch, held_bytes = [], 0
            batch.append(index)
            held_bytes += size_bytes
    if batch:
        yield view.spans_of_indexes(batch)
