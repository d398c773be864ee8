"""Complaints of recipients: matched to mail that was sent from here, and acted on where they match.

Anybody can write one, so only one that names a delivery of ours, message and recipient both, keeps
mail from somebody. Filed by `pipeline/inbound/complaints`; read by the command line and the admin
faces.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import bindparam, column, delete, func, select, table

from pillarbox.base.ids import DomainId, QueueId
from pillarbox.domain.complaints.tables import complaints
from pillarbox.domain.queue import inspect, matching, suppression
from pillarbox.domain.queue.model import QueuedMessage, Status
from pillarbox.formats.arf import Feedback
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Row, Tx

KEPT_MS = 365 * 86_400_000
A_DAY_MAX = 1000
"""More are not kept within a day; half of it is for those that are about mail of ours for certain,
so that no number of made-up ones keeps them out."""

LIST_MAX = 1000
STOPPING = frozenset(("abuse", "fraud", "opt-out", "opt-out-list"))
"""Kinds after which nothing more is sent to whoever complains; others are only kept."""

REASON = "complaint"
_TEXT_MAX = 255
_PATH_MAX = 320

# Named, not imported: see `domain/queue/suppression`.
_domains = table("domains", column("id"), column("name"))
_DOMAIN = Statement(select(_domains.c.id).where(_domains.c.name == bindparam("name")))

_c = complaints.c
_INSERT = insert_row(complaints)
_FIND = Statement(select(_c.id).where(_c.digest == bindparam("mark")).limit(1))
_SINCE = Statement(
    select(func.count()).select_from(complaints).where(_c.received_ms > bindparam("since"))
)
_COLUMNS = (
    _c.id,
    _c.received_ms,
    _c.feedback_type,
    _c.reporter,
    _c.sender,
    _c.recipient,
    _c.source_ip,
    _c.incidents,
    _c.queue_id,
    _domains.c.name,
    _c.suppressed,
    _c.report,
)
_LIST = (
    select(*_COLUMNS)
    .select_from(complaints.outerjoin(_domains, _domains.c.id == _c.domain_id))
    .order_by(_c.received_ms.desc(), _c.id.desc())
    .limit(bindparam("most"))
)
_NEWEST = Statement(_LIST)
_NEWEST_OF = Statement(_LIST.where(_c.domain_id == bindparam("of")))
_COUNT = Statement(
    select(func.count())
    .select_from(complaints)
    .where(_c.domain_id == bindparam("of"), _c.received_ms > bindparam("since"))
)
_FORGET = Statement(
    delete(complaints).where(
        _c.id.in_(
            select(_c.id).where(_c.received_ms < bindparam("before")).limit(bindparam("most"))
        )
    )
)


@dataclass(frozen=True, slots=True)
class Complaint:
    """A complaint that came in; `domain` is whose sender's mail it is about, if it is ours."""

    id: int
    received_ms: int
    feedback_type: str
    reporter: str
    sender: str
    recipient: str
    source_ip: str
    incidents: int
    queue_id: QueueId | None
    domain: str | None
    suppressed: bool
    report: Feedback


@dataclass(frozen=True, slots=True)
class Match:
    """The delivery that a complaint is about, and whose sender's.

    `certain` says that only the recipient, or who has its mail, can have known of it: then it may
    be acted on.
    """

    queue_id: QueueId
    sender: str
    recipient: str
    domain_id: DomainId | None
    certain: bool


def match(tx: Tx, keys: KeyRing, feedback: Feedback, vouched: Collection[str] = ()) -> Match | None:
    """What was sent from here that a complaint is about; `None` where nothing is known of it.

    The message is found by its ENVID or Message-ID and must have been delivered to the recipient
    named; where none is named, or another, only one that had a single recipient is. Who else got a
    message knows its Message-ID too, so a complaint for one of several is only certain where the
    domain of that recipient is `vouched` for, that is, DKIM or SPF passed for it. Mail that was
    forwarded is none of the sender's: it is what the complainer asked to have forwarded.
    """
    ids: list[QueueId] = []
    if feedback.original_envelope_id:
        ids += matching.find_by_envid(tx, feedback.original_envelope_id)
    if feedback.original.message_id:
        ids += matching.find_by_message_id(tx, keys, feedback.original.message_id)
    named = feedback.original_mail_from.lower()
    for queue_id in dict.fromkeys(ids):
        message = inspect.get(tx, queue_id)
        if message is None or (named and message.reverse_path.lower() != named):
            continue
        recipient = _recipient(message, feedback)
        if recipient:
            sender = message.reverse_path
            found = tx.scalar(_DOMAIN, name=sender.rpartition("@")[2].lower())
            owner = None if found is None else DomainId(found)
            certain = message.account_id is not None and (
                len(message.recipients) == 1 or _vouches(vouched, recipient)
            )
            return Match(queue_id, sender, recipient, owner, certain)
    return None


def file(tx: Tx, feedback: Feedback, found: Match | None) -> bool:
    """Keep a complaint, and send nothing more to whoever complains of mail from here.

    `False` if it is there already, or too many came within a day.
    """
    report = msgspec.json.encode(feedback)
    digest = hashlib.sha256(report).hexdigest()[:32]
    if tx.one(_FIND, mark=digest) is not None:
        return False
    certain = found is not None and found.certain
    most = A_DAY_MAX if certain else A_DAY_MAX // 2
    if tx.scalar(_SINCE, since=tx.now_ms - 86_400_000) >= most:
        return False
    stops = False
    if found is not None and certain and found.domain_id is not None:
        stops = feedback.kind in STOPPING
        if stops:
            suppression.add(tx, found.domain_id, found.recipient, REASON)
    named = feedback.original_rcpt_to or feedback.removal_recipients or ("",)
    tx.run(
        _INSERT,
        id=tx.next_id(),
        digest=digest,
        received_ms=tx.now_ms,
        feedback_type=feedback.kind[:40],
        reporter=(feedback.reporting_mta or feedback.user_agent)[:_TEXT_MAX],
        sender=(found.sender if found else feedback.original_mail_from)[:_PATH_MAX],
        recipient=(found.recipient if found else named[0])[:_PATH_MAX],
        source_ip=feedback.source_ip,
        incidents=feedback.incidents,
        queue_id=found.queue_id if found else None,
        domain_id=found.domain_id if found else None,
        suppressed=int(stops),
        report=report.decode(),
    )
    return True


def list_of(tx: Tx, domain: DomainId | None = None, most: int = LIST_MAX) -> list[Complaint]:
    """Complaints about mail of one domain, or all of them, the newest first."""
    most = min(most, LIST_MAX)
    rows = (
        tx.all(_NEWEST, most=most) if domain is None else tx.all(_NEWEST_OF, of=domain, most=most)
    )
    return [_complaint(row) for row in rows]


def count(tx: Tx, domain: DomainId, since_ms: int) -> int:
    """How many complaints there were about mail of a domain."""
    return int(tx.scalar(_COUNT, of=domain, since=since_ms) or 0)


def sweep(tx: Tx, most: int) -> bool:
    """Forget a few of the old ones; gives whether there may be more."""
    return tx.run(_FORGET, before=tx.now_ms - KEPT_MS, most=most) == most


def _complaint(row: Row) -> Complaint:
    report = msgspec.json.decode(row[11], type=Feedback)
    values: list[Any] = [*row[:10], bool(row[10]), report]
    return Complaint(*values)


def _vouches(vouched: Collection[str], recipient: str) -> bool:
    domain = recipient.rpartition("@")[2].lower()
    return any(
        domain == one or domain.endswith("." + one) or one.endswith("." + domain)
        for one in vouched
        if "." in one
    )


def _recipient(message: QueuedMessage, feedback: Feedback) -> str:
    """Which of a message's recipients complains; empty: none of them."""
    reached = {
        r.address.lower(): r.address for r in message.recipients if r.status is Status.DELIVERED
    }
    for name in (*feedback.original_rcpt_to, *feedback.removal_recipients):
        if name.lower() in reached:
            return reached[name.lower()]
    # Many leave out or disguise who complains (RFC 6590).
    alone = len(message.recipients) == len(reached) == 1
    return next(iter(reached.values())) if alone else ""
