"""Which thread an email belongs to, decided once when it comes in (RFC 8474 §5.2).

An email joins the thread of an email of its account that it refers to or that refers to it, else
it starts one, which has the email's own id. Message ids are kept as keyed digests only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, delete, exists, insert, or_, select, update

from pillarbox.base.errors import NotFound
from pillarbox.base.ids import AccountId, EmailId, MailboxId
from pillarbox.domain.mail.placement import UidRanges
from pillarbox.domain.mail.tables import emails, messages, thread_ids
from pillarbox.domain.owners.quota import lock, salt_of
from pillarbox.formats.mime.summary import Fields, fields_of, written_offset_min
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.schema import Big
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Row, Tx

PURPOSE = "threads"
"""What the digests are for; see `KeyRing.digester`."""

_REFERENCES_MAX = 15
_SLOTS = (1, 2, 3, 4, 6, 8, 12, 16)


def _find(names: Sequence[str]) -> Statement:
    return Statement(
        select(thread_ids.c.id_digest, thread_ids.c.thread_id).where(
            thread_ids.c.account_id == bindparam("account"),
            thread_ids.c.id_digest.in_([bindparam(name) for name in names]),
        )
    )


_NAMES = tuple(f"d{slot}" for slot in range(_SLOTS[-1]))
_FIND = tuple((slots, _find(_NAMES[:slots])) for slots in _SLOTS)
_INSERT = insert_row(thread_ids)
_START = Statement(
    insert(thread_ids).from_select(
        ["account_id", "id_digest", "thread_id"],
        select(
            bindparam("account", type_=Big),
            bindparam("digest", type_=Big),
            bindparam("email", type_=Big),
        ).where(
            ~exists().where(
                thread_ids.c.account_id == bindparam("account"),
                thread_ids.c.id_digest == bindparam("digest"),
            )
        ),
    )
)
_FORGET = Statement(
    delete(thread_ids).where(
        thread_ids.c.thread_id == bindparam("thread"),
        ~exists().where(emails.c.thread_id == bindparam("thread")),
    )
)
_FORGET_ACCOUNT = Statement(
    delete(thread_ids).where(thread_ids.c.account_id == bindparam("account"))
)
_UNTHREADED = Statement(
    select(emails.c.id, emails.c.account_id, emails.c.summary)
    .where(emails.c.thread_id == 0, emails.c.id > bindparam("after"))
    .order_by(emails.c.id)
    .limit(bindparam("most"))
)
_JOIN = Statement(
    update(emails)
    .where(emails.c.id == bindparam("email"))
    .values(thread_id=bindparam("thread"), sent_offset_min=bindparam("offset_min"))
)
_IN_RANGE = (
    messages.c.mailbox_id == bindparam("mailbox"),
    messages.c.uid.between(bindparam("first"), bindparam("last")),
)
_THREADS = Statement(
    select(messages.c.uid, emails.c.id, emails.c.thread_id)
    .join_from(messages, emails, emails.c.id == messages.c.email_id)
    .where(*_IN_RANGE)
    .order_by(messages.c.uid)
)
_UIDS = Statement(
    select(messages.c.uid)
    .join_from(messages, emails, emails.c.id == messages.c.email_id)
    .where(
        messages.c.mailbox_id == bindparam("mailbox"),
        or_(
            emails.c.thread_id == bindparam("thread"),
            and_(emails.c.id == bindparam("thread"), emails.c.thread_id == 0),
        ),
    )
    .order_by(messages.c.uid)
)
_UIDS_OF_EMAIL = Statement(
    select(messages.c.uid)
    .where(messages.c.email_id == bindparam("email"), messages.c.mailbox_id == bindparam("mailbox"))
    .order_by(messages.c.uid)
)


@dataclass(frozen=True, slots=True)
class MessageIds:
    """A message's own id, and those it refers to, nearest first; as `Fields` have them."""

    own: str | None = None
    referred: tuple[str, ...] = ()


NO_IDS = MessageIds()


def message_ids_of(fields: Fields) -> MessageIds:
    """The ids that decide the thread; of many references those nearest, and the first."""
    # Old programs wrote words into In-Reply-To.
    answered = [one for one in fields.in_reply_to[:3] if "@" in one]
    nearest = list(dict.fromkeys((*answered, *reversed(fields.references))))
    if len(nearest) > _REFERENCES_MAX:
        nearest[_REFERENCES_MAX - 1 :] = nearest[-1:]
    return MessageIds(fields.message_id, tuple(nearest))


def assign(
    tx: Tx, keys: KeyRing, salt: bytes, account: AccountId, email: EmailId, ids: MessageIds
) -> int:
    """The thread a new email belongs to, for its row; remembers its ids for those to come.

    The caller has locked the account, whose `salt` it is (`charge`).
    """
    if ids.referred:
        values = dict.fromkeys([ids.own, *ids.referred] if ids.own else ids.referred)
    elif ids.own:
        values = {ids.own: None}
    else:
        return email
    digests_of = keys.digester(PURPOSE, salt).digests
    digests = [digests_of(value.encode("utf-8", "replace")) for value in values if value]
    if len(digests) == 1 and len(digests[0]) == 1:
        # Most mail: it refers to nothing, and nothing to it.
        ((digest,),) = digests
        if tx.run(_START, account=account, digest=digest, email=email):
            return email
    known = _known(tx, account, [digest for of_id in digests for digest in of_id])
    threads = [next((known[one] for one in of_id if one in known), None) for of_id in digests]
    thread: int = next((one for one in threads if one is not None), email)
    fresh = {
        of_id[0]: thread if found is None else found
        for of_id, found in zip(digests, threads, strict=True)
        if of_id[0] not in known
    }
    tx.run_many(
        _INSERT,
        [
            {"account_id": account, "id_digest": digest, "thread_id": joined}
            for digest, joined in fresh.items()
        ],
    )
    return thread


def _known(tx: Tx, account: AccountId, digests: Sequence[int]) -> dict[int, int]:
    """The thread of each of these digests that has one."""
    known: dict[int, int] = {}
    most = _SLOTS[-1]
    for start in range(0, len(digests), most):
        some = digests[start : start + most]
        slots, statement = next(found for found in _FIND if found[0] >= len(some))
        padded = [*some, *(some[-1] for _ in range(slots - len(some)))]
        values = dict(zip(_NAMES, padded, strict=False))
        known.update(tx.all(statement, account=account, **values))
    return known


def join_old(tx: Tx, keys: KeyRing, after: EmailId, most: int) -> EmailId | None:
    """Give emails from before threads were kept one, `most` of those behind `after`, by id.

    Gives the last that was looked at, `None` at the end. Emails of accounts that are gone stay as
    they are.
    """
    last: EmailId | None = None
    for number, account_number, sealed in tx.all(_UNTHREADED, after=after, most=most):
        last, account = EmailId(number), AccountId(account_number)
        lock(tx, account)
        try:
            salt = salt_of(tx, account)
        except NotFound:
            continue
        stored = keys.account(salt).open(sealed, b"s" + number.to_bytes(8, "big"))
        thread = assign(tx, keys, salt, account, last, message_ids_of(fields_of(stored)))
        tx.run(_JOIN, email=last, thread=thread, offset_min=written_offset_min(stored))
    return last


def forget(tx: Tx, thread: int) -> None:
    """Forget the ids of a thread that has no email any more."""
    if thread:
        tx.run(_FORGET, thread=thread)


def forget_account(tx: Tx, account: AccountId) -> None:
    """Forget every id of an account."""
    tx.run(_FORGET_ACCOUNT, account=account)


def of_messages(tx: Tx, mailbox: MailboxId, ranges: UidRanges) -> list[tuple[int, int]]:
    """(UID, thread) of messages, by UID."""
    rows: list[Row] = []
    for first, last in ranges:
        rows += tx.all(_THREADS, mailbox=mailbox, first=first, last=last)
    return [(uid, thread or email) for uid, email, thread in rows]


def uids_of_thread(tx: Tx, mailbox: MailboxId, thread: int) -> list[int]:
    """The UIDs of a thread's messages in a mailbox, ascending."""
    return [row[0] for row in tx.all(_UIDS, mailbox=mailbox, thread=thread)]


def uids_of_email(tx: Tx, mailbox: MailboxId, email: EmailId) -> list[int]:
    """The UIDs an email has in a mailbox, ascending: one for each copy."""
    return [row[0] for row in tx.all(_UIDS_OF_EMAIL, mailbox=mailbox, email=email)]
