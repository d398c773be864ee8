"""The order of messages by what they say: SORT's keys (RFC 5256 §3, RFC 5957 §3, RFC 6203 §6).

Rows answer for dates and sizes; summaries are opened only for keys that need them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from heapq import merge
from types import MappingProxyType
from typing import Any

from sqlalchemy import bindparam, select

from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.placement import UidRanges
from pillarbox.domain.mail.read import each_summary
from pillarbox.domain.mail.tables import emails, messages
from pillarbox.formats.mime.base_subject import base_subject
from pillarbox.formats.mime.summary import Correspondent, Fields, fields_of
from pillarbox.formats.text.casemap import casemap
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Tx

Progress = Callable[[int, int], None]
"""Is told how many messages of how many were read; may raise to end the work."""

_RUN = 4_096
_BATCH = 1_024
_GAP = 3

_ROWS = Statement(
    select(messages.c.uid, messages.c.internal_ms, messages.c.size_bytes, emails.c.sent_ms)
    .join_from(messages, emails, emails.c.id == messages.c.email_id)
    .where(
        messages.c.mailbox_id == bindparam("mailbox"),
        messages.c.uid.between(bindparam("first"), bindparam("last")),
    )
    .order_by(messages.c.uid)
)


class SortKey(Enum):
    """What messages are compared by."""

    ARRIVAL = "ARRIVAL"
    CC = "CC"
    DATE = "DATE"
    DISPLAYFROM = "DISPLAYFROM"
    DISPLAYTO = "DISPLAYTO"
    FROM = "FROM"
    RELEVANCY = "RELEVANCY"
    SIZE = "SIZE"
    SUBJECT = "SUBJECT"
    TO = "TO"


@dataclass(frozen=True, slots=True)
class Criterion:
    """A key, and whether it counts the other way round."""

    key: SortKey
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What rows say of messages: columns alike in length and order.

    Columns, for a hundred thousand objects would have to be looked at by the garbage collector.
    `sent_ms` is the internal date where there is no sent one.
    """

    uids: list[int]
    internal_ms: list[int]
    size_bytes: list[int]
    sent_ms: list[int]


def sort(
    tx: Tx,
    store: ContentStore,
    account: AccountId,
    mailbox: MailboxId,
    uids: Sequence[int],
    criteria: Sequence[Criterion],
    relevancy: Mapping[int, int],
    progress: Progress | None = None,
) -> list[int]:
    """These ascending UIDs in the order of the criteria, those that compare equal by UID.

    Messages that are gone are left out. The highest relevancy comes first.
    """
    keys = [criterion.key for criterion in criteria]
    columns: dict[SortKey, Sequence[Any]] = {}
    if not _ROW_KEYS.keys().isdisjoint(keys):
        rows = facts(tx, mailbox, uids)
        uids = rows.uids
        columns.update((key, _ROW_KEYS[key](rows)) for key in keys if key in _ROW_KEYS)
    by_text = {key: _TEXT_KEYS[key] for key in keys if key in _TEXT_KEYS}
    if by_text:
        # In the transaction that read the rows nothing can be gone.
        texts: dict[SortKey, list[str]] = {key: [] for key in by_text}
        present: list[int] = []
        for uid, fields in each_fields(tx, store, account, mailbox, uids, progress):
            present.append(uid)
            for key, read in by_text.items():
                texts[key].append(read(fields))
        uids = present
        columns.update(texts)
    if SortKey.RELEVANCY in keys:
        columns[SortKey.RELEVANCY] = [-relevancy.get(uid, 0) for uid in uids]
    return ordered(
        uids, [columns[key] for key in keys], [criterion.reverse for criterion in criteria]
    )


def ordered(
    items: Sequence[int], columns: Sequence[Sequence[Any]], reverse: Sequence[bool]
) -> list[int]:
    """The items by their values in the columns, the first of which counts most."""
    count = len(items)
    ranks = [0] * count
    for values, backwards in zip(columns, reverse, strict=True):
        places = {value: place for place, value in enumerate(in_order(set(values)))}
        step, last = len(places), len(places) - 1
        if backwards:
            ranks = [
                rank * step + last - places[value]
                for rank, value in zip(ranks, values, strict=True)
            ]
        else:
            ranks = [rank * step + places[value] for rank, value in zip(ranks, values, strict=True)]
    return [
        items[key % count]
        for key in in_order([rank * count + index for index, rank in enumerate(ranks)])
    ]


def in_order(values: Iterable[Any]) -> list[Any]:
    """The values sorted, in turns: one long sort would keep every other thread waiting."""
    every = list(values)
    if len(every) <= _RUN:
        every.sort()
        return every
    runs = [sorted(every[start : start + _RUN]) for start in range(0, len(every), _RUN)]
    return list(merge(*runs))


def facts(tx: Tx, mailbox: MailboxId, uids: Sequence[int]) -> Facts:
    """What the rows say of the messages with these ascending UIDs that are still there."""
    wanted = set(uids)
    found = Facts([], [], [], [])
    for batch in _batches(uids):
        for first, last in _ranges(batch):
            for uid, internal_ms, size_bytes, sent_ms in tx.all(
                _ROWS, mailbox=mailbox, first=first, last=last
            ):
                if uid in wanted:
                    found.uids.append(uid)
                    found.internal_ms.append(internal_ms)
                    found.size_bytes.append(size_bytes)
                    found.sent_ms.append(internal_ms if sent_ms is None else sent_ms)
    return found


def each_fields(
    tx: Tx,
    store: ContentStore,
    account: AccountId,
    mailbox: MailboxId,
    uids: Sequence[int],
    progress: Progress | None = None,
) -> Iterator[tuple[int, Fields]]:
    """The decoded fields of the messages with these ascending UIDs, a batch in memory at once."""
    wanted = set(uids)
    done = 0
    for batch in _batches(uids):
        for uid, stored in each_summary(tx, store, account, mailbox, _ranges(batch)):
            if uid in wanted:
                yield uid, fields_of(stored)
        done += len(batch)
        if progress is not None:
            progress(done, len(uids))


def _batches(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(uids), _BATCH):
        yield uids[start : start + _BATCH]


def _ranges(uids: Sequence[int]) -> UidRanges:
    """Ranges that hold the UIDs, and few others: a message more costs less than a query more."""
    ranges: list[tuple[int, int]] = []
    first = last = uids[0]
    for uid in uids:
        if uid - last > _GAP:
            ranges.append((first, last))
            first = uid
        last = uid
    return [*ranges, (first, last)]


def _local_part(group: str, listed: Sequence[Correspondent]) -> str:
    """The name of the group a list begins with, or its first mailbox without the domain.

    What ENVELOPE has as `addr-mailbox` of its first address (RFC 5256 §3); empty without one.
    """
    if group or not listed:
        return casemap(group)
    address = listed[0].address
    return casemap(address.rpartition("@")[0] or address)


def _display(group: str, listed: Sequence[Correspondent]) -> str:
    """What a program would show of the first address, maybe a group (RFC 5957 §3)."""
    if group or not listed:
        return casemap(group)
    return casemap(listed[0].name or listed[0].address)


_ROW_KEYS: Mapping[SortKey, Callable[[Facts], list[int]]] = MappingProxyType(
    {
        SortKey.ARRIVAL: lambda rows: rows.internal_ms,
        SortKey.DATE: lambda rows: rows.sent_ms,
        SortKey.SIZE: lambda rows: rows.size_bytes,
    }
)
_TEXT_KEYS: Mapping[SortKey, Callable[[Fields], str]] = MappingProxyType(
    {
        SortKey.CC: lambda fields: _local_part(fields.leading_groups[2], fields.cc),
        SortKey.FROM: lambda fields: _local_part(fields.leading_groups[0], fields.from_),
        SortKey.TO: lambda fields: _local_part(fields.leading_groups[1], fields.to),
        SortKey.DISPLAYFROM: lambda fields: _display(fields.leading_groups[0], fields.from_),
        SortKey.DISPLAYTO: lambda fields: _display(fields.leading_groups[1], fields.to),
        SortKey.SUBJECT: lambda fields: casemap(base_subject(fields.subject)[0]),
    }
)
