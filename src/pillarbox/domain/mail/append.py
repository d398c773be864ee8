"""Putting a message into a mailbox: the one way in, for delivery, APPEND and every other face.

`store_blob` runs once in a transaction, `place` once per mailbox the message goes to.
"""

from sqlalchemy import bindparam, insert

from pillarbox.base.ids import AccountId, EmailId, MailboxId
from pillarbox.domain.mail import imap_events, keywords, sorting, threads
from pillarbox.domain.mail.content import ContentStore, PreparedEmail
from pillarbox.domain.mail.model import Appended, FlagSet
from pillarbox.domain.mail.placement import Tally, count
from pillarbox.domain.mail.tables import emails, messages, uneven
from pillarbox.domain.owners.quota import charge
from pillarbox.storage.statement import Statement, insert_row
from pillarbox.storage.tx import Tx

_EMAIL = insert_row(emails)
INSERT_MESSAGE = insert_row(messages)
_UNEVEN = Statement(
    insert(uneven).values(email_id=bindparam("email"), line_end_bytes=bindparam("lacking"))
)


def store_blob(tx: Tx, store: ContentStore, email: PreparedEmail) -> None:
    """Add the content's row (and its bytes, where they lie in the database).

    For large content `store.save_file` must have run before the transaction.
    """
    store.blobs.insert(tx, email.blob)


def place(
    tx: Tx,
    store: ContentStore,
    account: AccountId,
    mailbox: MailboxId,
    email: PreparedEmail,
    flags: FlagSet,
    internal_ms: int,
) -> Appended:
    """Place a message whose blob is stored into a mailbox of an account.

    Charges the account's quota: `OverQuota` where there is no room. `NotFound` for a mailbox that
    is not the account's. After a failure the transaction must not go on, save in a savepoint.
    """
    return _place(tx, store, account, mailbox, email, flags, internal_ms)[0]


def _place(
    tx: Tx,
    store: ContentStore,
    account: AccountId,
    mailbox: MailboxId,
    email: PreparedEmail,
    flags: FlagSet,
    internal_ms: int,
) -> tuple[Appended, bool]:
    """Where it is placed, and whether the mailbox has a script."""
    charged = charge(tx, account, email.size_bytes, 1)
    tally = Tally(uids=1)
    tally.add(flags.bits, email.size_bytes)
    counted = count(tx, account, mailbox, charged.modseq, tally)
    uid = counted.uidnext - 1
    if flags.keywords:
        keywords.admit(tx, mailbox, flags.keywords)
    email_id = insert_email(tx, store, charged.salt, account, email)
    tx.run(
        INSERT_MESSAGE,
        mailbox_id=mailbox,
        uid=uid,
        email_id=email_id,
        flags=flags.bits,
        keywords=flags.column(),
        modseq=charged.modseq,
        created_modseq=charged.modseq,
        internal_ms=internal_ms,
        saved_ms=tx.now_ms,
        size_bytes=email.size_bytes,
    )
    placed = Appended(mailbox, counted.uidvalidity, uid, email_id, charged.modseq)
    return placed, counted.has_script


def insert_email(
    tx: Tx, store: ContentStore, salt: bytes, account: AccountId, email: PreparedEmail
) -> EmailId:
    """Add the row of an email whose blob is stored, sealed for the account with that salt."""
    email_id = EmailId(tx.next_id())
    sealed = store.seal_row(salt, email_id, email)
    tx.run(
        _EMAIL,
        id=email_id,
        account_id=account,
        blob_id=email.blob.id,
        wrapped_key=sealed.wrapped_key,
        summary=sealed.summary,
        parts=sealed.parts,
        size_bytes=email.size_bytes,
        sent_ms=email.sent_ms,
        received_ms=tx.now_ms,
        has_attachment=int(email.has_attachment),
        sent_offset_min=email.sent_offset_min,
        thread_id=threads.assign(tx, store.keys, salt, account, email_id, email.message_ids),
    )
    if email.line_end_bytes:
        tx.run(_UNEVEN, email=email_id, lacking=email.line_end_bytes)
    return email_id


def append(
    tx: Tx,
    store: ContentStore,
    account: AccountId,
    mailbox: MailboxId,
    email: PreparedEmail,
    flags: FlagSet,
    internal_ms: int,
    by: AccountId | None = None,
) -> Appended:
    """Store the content of a client's message and place it in one mailbox.

    `by` is who does it, if not the owner. Raises what `place` raises. Delivery calls `place`: what
    the server puts into \\Junk is not learnt as spam, and runs no script of the mailbox.
    """
    store_blob(tx, store, email)
    placed, has_script = _place(tx, store, account, mailbox, email, flags, internal_ms)
    sorting.put(tx, account, mailbox, flags, [placed.email_id])
    if has_script:
        imap_events.added(tx, account, mailbox, (placed.uid,), imap_events.Cause.APPEND, by)
    return placed
