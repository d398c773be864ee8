"""Finding the messages of a mailbox that a query asks for.

The index tells which emails hold a text, or may; rows tell flags, dates and sizes; what is open
then is judged by the text of the message itself. Above a mailbox's mark nothing is indexed yet:
those messages are judged by their text alone. Both go by `index.document`, so they agree.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import Select, bindparam, cast, null, select

from pillarbox.base.cache import ByteCache
from pillarbox.base.errors import Unavailable
from pillarbox.base.ids import AccountId, EmailId, MailboxId
from pillarbox.domain.mail import query as q
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.index import store as index
from pillarbox.domain.mail.index.documents import Documents
from pillarbox.domain.mail.index.fields import TEXT_QUERIES, leaf_of
from pillarbox.domain.mail.judge import EMAIL, UID, Node, Texts, compiled
from pillarbox.domain.mail.placement import MAX_UID, UidRanges
from pillarbox.domain.mail.tables import emails, messages
from pillarbox.storage.schema import Big
from pillarbox.storage.statement import Statement
from pillarbox.storage.tx import Row, Tx

Report = Callable[[int, int], None]
"""Is told how many messages of how many have been opened; called in a database thread.

A total of 0: only rows have been looked at. What it raises ends the search.
"""

REPORT_EVERY = 32
ROWS_PER_REPORT = 512
UNREADABLE_MAX = 20
"""So many messages whose content is damaged or gone are passed over; more stop the search."""
FEW_EMAILS, FEW_PART = 1000, 5
"""So many, or this part of a mailbox, are asked for by ids; for more all of it is read."""
_AT_ONCE = (8, 64, 512)

_MESSAGE_COLUMNS = (
    messages.c.uid,
    messages.c.flags,
    messages.c.keywords,
    messages.c.modseq,
    messages.c.internal_ms,
    messages.c.size_bytes,
    messages.c.saved_ms,
    messages.c.email_id,
)
_OF_MAILBOX = messages.c.mailbox_id == bindparam("mailbox")
_UIDS = messages.c.uid.between(bindparam("first"), bindparam("last"))
_SELECT = select(*_MESSAGE_COLUMNS, null())
# The time as it is written: its zone is disregarded (RFC 9051 §6.4.4).
_SENT_AS_WRITTEN = emails.c.sent_ms + cast(emails.c.sent_offset_min, Big) * 60_000
_SELECT_SENT = select(*_MESSAGE_COLUMNS, _SENT_AS_WRITTEN).join_from(
    messages, emails, emails.c.id == messages.c.email_id
)


def _by_email(base: "Select[Row]") -> tuple[Statement, ...]:
    """Statements for some emails up to a UID, for each of `_AT_ONCE`.

    A list of any length would have to be compiled each time, which takes longer than it runs. The
    mailbox is asked for in a form that no index answers: SQLite would go through all its messages.
    """
    return tuple(
        Statement(
            base.where(
                messages.c.mailbox_id + 0 == bindparam("mailbox"),
                messages.c.uid <= bindparam("mark"),
                messages.c.email_id.in_([bindparam(f"e{number}") for number in range(count)]),
            )
        )
        for count in _AT_ONCE
    )


_ROWS = Statement(_SELECT.where(_OF_MAILBOX, _UIDS).order_by(messages.c.uid))
_ROWS_SENT = Statement(_SELECT_SENT.where(_OF_MAILBOX, _UIDS).order_by(messages.c.uid))
_ROWS_OF = _by_email(_SELECT)
_ROWS_SENT_OF = _by_email(_SELECT_SENT)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a search found: UIDs in ascending order, and how well fuzzy ones match (1 to 100).

    `missing` are emails that the text inside their attachments, not known yet, would decide on,
    `unreadable` such whose content can't be read: they are not found.
    """

    uids: list[int]
    relevancy: dict[int, int] = field(default_factory=dict)
    missing: list[EmailId] = field(default_factory=list)
    unreadable: list[EmailId] = field(default_factory=list)


def search(
    tx: Tx,
    store: ContentStore,
    cache: ByteCache,
    account: AccountId,
    mailbox: MailboxId,
    query: q.Query,
    report: Report | None = None,
) -> Outcome:
    """The messages that `query` holds for; opens content where it must.

    Raises `Unavailable` where that of more than `UNREADABLE_MAX` messages can't be read.
    """
    texts = None
    if opens_mail(query):
        texts = Texts(tx, store, cache, account, index.mark_of(tx, mailbox))
    return _run(tx, mailbox, query, texts, report)


def scan(
    tx: Tx,
    store: ContentStore,
    cache: ByteCache,
    account: AccountId,
    mailbox: MailboxId,
    query: q.Query,
    report: Report | None = None,
) -> Outcome:
    """The same without the index: opens every message that rows leave open."""
    texts = Texts(tx, store, cache, account, 0) if opens_mail(query) else None
    return _run(tx, mailbox, query, texts, report)


def opens_mail(query: q.Query) -> bool:
    """Whether rows alone can't answer: index or content have to be opened."""
    return any(isinstance(part, TEXT_QUERIES) for part in _parts(query))


def needs_attachments(query: q.Query) -> bool:
    """Whether the text inside attachments may decide."""
    return any(
        isinstance(part, TEXT_QUERIES) and leaf_of(part).needs_attachments for part in _parts(query)
    )


def _run(
    tx: Tx, mailbox: MailboxId, query: q.Query, texts: Texts | None, report: Report | None
) -> Outcome:
    node = compiled(query, texts)
    judge = node.judge
    found: list[int] = []
    unsure: list[Row] = []
    for number, row in enumerate(_rows(tx, mailbox, query, node, texts)):
        if report is not None and not number % ROWS_PER_REPORT:
            report(0, 0)
        holds = judge(row, None)
        if holds is None:
            unsure.append(row)
        elif holds:
            found.append(row[UID])
    unreadable: list[EmailId] = []
    if texts is not None:
        found += _opened(unsure, node, texts.documents, report, unreadable)
    found.sort()
    if texts is None:
        return Outcome(found)
    relevancy = {uid: texts.relevancy.get(uid, 100) for uid in found} if texts.fuzzy else {}
    return Outcome(found, relevancy, list(texts.missing), unreadable)


def _opened(
    unsure: list[Row],
    node: Node,
    documents: Documents,
    report: Report | None,
    unreadable: list[EmailId],
) -> Iterator[int]:
    """The UIDs of those messages whose text decides for them; one is open at a time."""
    for number, row in enumerate(unsure):
        if report is not None and not number % REPORT_EVERY:
            report(number, len(unsure))
        try:
            document = documents.of(EmailId(row[EMAIL]))
        except Unavailable:
            unreadable.append(EmailId(row[EMAIL]))
            if len(unreadable) > UNREADABLE_MAX:
                raise
            continue
        if document is not None and node.judge(row, document):
            yield row[UID]


def _rows(
    tx: Tx, mailbox: MailboxId, query: q.Query, node: Node, texts: Texts | None
) -> Iterator[Row]:
    """The rows of every message that the query may hold for."""
    wants_sent = any(isinstance(part, q.SentBetween) for part in _parts(query))
    statement = _ROWS_SENT if wants_sent else _ROWS
    mark, emails_bound = 0, node.emails
    most = 0 if texts is None else max(FEW_EMAILS, texts.mark // FEW_PART)
    if texts is not None and emails_bound is not None and len(emails_bound) <= most:
        mark = texts.mark
        by_email = _ROWS_SENT_OF if wants_sent else _ROWS_OF
        yield from _rows_of(tx, mailbox, by_email, sorted(emails_bound), mark)
    for first, last in _bounds(query):
        if last > mark:
            yield from tx.all(statement, mailbox=mailbox, first=max(first, mark + 1), last=last)


def _rows_of(
    tx: Tx, mailbox: MailboxId, by_email: tuple[Statement, ...], ids: list[int], mark: int
) -> Iterator[Row]:
    """The rows of some emails up to a UID."""
    start = 0
    while start < len(ids):
        left = len(ids) - start
        place = next((at for at, most in enumerate(_AT_ONCE) if left <= most), -1)
        some = ids[start : start + _AT_ONCE[place]]
        start += len(some)
        some += [some[0]] * (_AT_ONCE[place] - len(some))
        params = {f"e{number}": email for number, email in enumerate(some)}
        yield from tx.all(by_email[place], mailbox=mailbox, mark=mark, **params)


def _parts(query: q.Query) -> Iterator[q.Query]:
    """Every node of the tree."""
    yield query
    if isinstance(query, (q.And, q.Or)):
        for part in query.parts:
            yield from _parts(part)
    elif isinstance(query, (q.Not, q.Fuzzy)):
        yield from _parts(query.part)


def _bounds(query: q.Query) -> UidRanges:
    """Ranges outside of which the query can't hold."""
    if isinstance(query, q.InUids):
        return query.ranges
    if isinstance(query, q.And):
        for part in query.parts:
            if isinstance(part, q.InUids):
                return part.ranges
    return ((1, MAX_UID),)
