"""The delivery log: a line for every attempt at a recipient, and for what was done by hand.

Written in the transaction that changes the recipient. Called by `settle` and `steer`, and by the
faces that show it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from pillarbox.base.ids import AccountId, QueueId
from pillarbox.domain.queue.model import LogLine, Outcome, OutgoingRecipient, Way
from pillarbox.domain.queue.tables import delivery_log
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Row, Tx

SEARCH_MAX = 1000
REPLY_MAX = 2000
"""Characters of a reply that are kept."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

_l = delivery_log.c
_COLUMNS = (
    _l.id,
    _l.message_id,
    _l.recipient_id,
    _l.account_id,
    _l.reverse_path,
    _l.address,
    _l.at_ms,
    _l.duration_ms,
    _l.outcome,
    _l.stage,
    _l.code,
    _l.enhanced,
    _l.reply,
    _l.host,
    _l.ip,
    _l.port,
    _l.tls,
    _l.route,
)
_INSERT = insert_row(delivery_log)
_OF_MESSAGE = Statement(
    select(*_COLUMNS)
    .where(_l.message_id == bindparam("message"))
    .order_by(_l.at_ms, _l.id)
    .limit(SEARCH_MAX)
)
_KNOWN = Statement(
    select(_l.id)
    .where(
        _l.message_id == bindparam("message"),
        _l.recipient_id == bindparam("recipient"),
        _l.at_ms == bindparam("at"),
        _l.outcome == bindparam("what"),
    )
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which lines to look for; what is left out matches everything."""

    message_id: QueueId | None = None
    account_id: AccountId | None = None
    sender: str | None = None
    recipient: str | None = None
    domain: str | None = None
    outcome: Outcome | None = None
    since_ms: int | None = None
    until_ms: int | None = None


def append(tx: Tx, lines: Sequence[LogLine]) -> None:
    """Add lines; each with an id of its own (`Tx.next_id`)."""
    tx.run_many(
        _INSERT,
        [
            {
                "id": line.id,
                "message_id": line.message_id,
                "recipient_id": line.recipient_id,
                "account_id": line.account_id,
                "reverse_path": line.reverse_path,
                "address": line.address,
                "domain": OutgoingRecipient(line.address).domain,
                "at_ms": line.at_ms,
                "duration_ms": line.duration_ms,
                "outcome": int(line.outcome),
                "stage": clean(line.stage, 16),
                "code": line.code,
                "enhanced": _clean(line.enhanced, 16),
                "reply": clean(line.reply, REPLY_MAX),
                "host": _clean(line.way.host, 255),
                "ip": _clean(line.way.ip, 45),
                "port": line.way.port,
                "tls": _clean(line.way.tls, 200),
                "route": _clean(line.way.route, 100),
            }
            for line in lines
        ],
    )


def has(tx: Tx, line: LogLine) -> bool:
    """Whether this very attempt is in the log already."""
    return (
        tx.one(
            _KNOWN,
            message=line.message_id,
            recipient=line.recipient_id,
            at=line.at_ms,
            what=int(line.outcome),
        )
        is not None
    )


def of_message(tx: Tx, message_id: QueueId) -> list[LogLine]:
    """A message's lines, the oldest first; at most `SEARCH_MAX`."""
    return [_line(row) for row in tx.all(_OF_MESSAGE, message=message_id)]


def search(
    tx: Tx, filters: LogFilter, after: LogLine | None = None, limit: int = SEARCH_MAX
) -> list[LogLine]:
    """The lines that match, the newest first, from behind the line `after`."""
    wanted = select(*_COLUMNS).order_by(_l.at_ms.desc(), _l.id.desc())
    domain = filters.domain
    if filters.recipient is not None and domain is None:
        domain = OutgoingRecipient(filters.recipient).domain
    for column, value in (
        (_l.message_id, filters.message_id),
        (_l.account_id, filters.account_id),
        (_l.reverse_path, filters.sender),
        (_l.address, filters.recipient),
        (_l.domain, domain),
        (_l.outcome, None if filters.outcome is None else int(filters.outcome)),
    ):
        if value is not None:
            wanted = wanted.where(column == value)
    if filters.since_ms is not None:
        wanted = wanted.where(_l.at_ms >= filters.since_ms)
    if filters.until_ms is not None:
        wanted = wanted.where(_l.at_ms < filters.until_ms)
    if after is not None:
        wanted = wanted.where(
            _l.at_ms <= after.at_ms, (_l.at_ms < after.at_ms) | (_l.id < after.id)
        )
    return [_line(row) for row in tx.select(wanted.limit(min(limit, SEARCH_MAX)))]


def clean(text: str, most: int) -> str:
    """A peer's text as it can be kept and shown: no control characters, at most so many."""
    return _CONTROLS.sub("?", text[:most])


def _clean(text: str | None, most: int) -> str | None:
    return None if text is None else clean(text, most)


def _line(row: Row) -> LogLine:
    number, message_id, recipient_id, account_id, reverse_path, address, at_ms = row[:7]
    duration_ms, outcome, stage, code, enhanced, reply, *way = row[7:]
    return LogLine(
        number,
        QueueId(message_id),
        recipient_id,
        None if account_id is None else AccountId(account_id),
        reverse_path,
        address,
        at_ms,
        duration_ms,
        Outcome(outcome),
        stage,
        code,
        enhanced,
        reply,
        Way(*way),
    )
