"""Storing a message for all its recipients, in one transaction.

The content is prepared once, before the transaction; local mailboxes get it with a Return-Path,
the queue gets it without. Called by `inbound/receive` and `submission/submit`; calls `domain/mail`
and `domain/queue`.
"""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace

from pillarbox.base.errors import Failure, NotFound, OverQuota
from pillarbox.base.ids import AccountId, MailboxId
from pillarbox.domain.accounts.model import LocalTarget
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.mail.append import place, store_blob
from pillarbox.domain.mail.content import ContentStore, PreparedEmail
from pillarbox.domain.mail.model import Flag, FlagSet
from pillarbox.domain.owners.quota import lock
from pillarbox.domain.queue.enqueue import enqueue
from pillarbox.domain.queue.model import Outgoing, OutgoingRecipient
from pillarbox.pipeline.inbound.message import Envelope, Recipient
from pillarbox.pipeline.inbound.trace import return_path_field
from pillarbox.pipeline.prepare import Preparation
from pillarbox.storage.blobs.sealed import SealedBlob
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

_NO_FLAGS = FlagSet()
_SEEN = FlagSet(Flag.SEEN)
_NO_SAVEPOINT = nullcontext()

Outcomes = tuple[Failure | None, ...]
Also = Callable[[Tx], None]
"""Something more to do in the transaction that stores a message, once it is stored."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message to store: `trace` and then `content` are what its recipients see.

    `account_id` is who submitted it, if a user did; `sent_copy` goes to that user's \\Sent.
    """

    envelope: Envelope
    trace: bytes
    content: bytes
    account_id: AccountId | None = None
    sent_copy: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A parcel ready for the transaction."""

    envelope: Envelope
    account_id: AccountId | None
    local: PreparedEmail | None
    plain: SealedBlob | None
    sent: PreparedEmail | None
    queue_age_ms: int
    also: Also | None


class _PlainNeeded(Exception):
    """Something has to be queued, and the content without Return-Path was not sealed."""


class _Refused(Exception):
    """Nobody got the message; the transaction must not happen."""

    def __init__(self, outcomes: Outcomes) -> None:
        super().__init__()
        self.outcomes = outcomes


class Delivery:
    """Stores messages for everybody they are for."""

    def __init__(self, database: Database, preparation: Preparation, queue_age_ms: int) -> None:
        """`queue_age_ms` is for how long the sending of outside copies is tried."""
        self._database = database
        self._preparation = preparation
        self._store = preparation.store
        self._queue_age_ms = queue_age_ms

    async def deliver(self, parcel: Parcel, also: Also | None = None) -> Outcomes:
        """Store a message for all recipients; on disk when it returns, one outcome for each.

        Nothing at all is stored, and `also` is not run, when every outcome is a failure; what
        `also` raises undoes everything. Raises `Unavailable` or `Busy` when the database or the
        disk failed.
        """
        async with self._preparation.place(len(parcel.content)):
            try:
                return await self._deliver(parcel, also)
            except _Refused as refused:
                return refused.outcomes

    async def _deliver(self, parcel: Parcel, also: Also | None) -> Outcomes:
        recipients = parcel.envelope.recipients
        prepared = self._preparation.email
        sealed = _Sealed(
            parcel.envelope,
            parcel.account_id,
            await self._local(parcel) if any(r.local for r in recipients) else None,
            await self._plain(parcel) if any(r.outside for r in recipients) else None,
            await prepared(parcel.sent_copy) if parcel.sent_copy else None,
            self._queue_age_ms,
            also,
        )
        try:
            return await self._database.write(_store, self._store, sealed)
        except _PlainNeeded:
            sealed = replace(sealed, plain=await self._plain(parcel))
            return await self._database.write(_store, self._store, sealed)

    async def _local(self, parcel: Parcel) -> PreparedEmail:
        return_path = return_path_field(parcel.envelope.reverse_path)
        return await self._preparation.email(return_path, parcel.trace, parcel.content)

    async def _plain(self, parcel: Parcel) -> SealedBlob:
        return await self._preparation.blob(parcel.trace + parcel.content)


def _store(tx: Tx, store: ContentStore, sealed: _Sealed) -> Outcomes:
    """The transaction: a placement per local account, queue rows for everything else."""
    envelope = sealed.envelope
    placed = _place_all(tx, store, sealed)
    outcomes, waiting = _outcomes(envelope, placed)
    if all(outcome is not None for outcome in outcomes):
        raise _Refused(outcomes)
    if waiting:
        if sealed.plain is None:
            raise _PlainNeeded
        store.blobs.insert(tx, sealed.plain)
        outgoing = Outgoing(
            reverse_path=envelope.reverse_path,
            recipients=tuple(waiting.values()),
            account_id=sealed.account_id,
            smtputf8=envelope.smtputf8,
            eight_bit=envelope.eight_bit,
            ret=envelope.ret,
            envid=envelope.envid,
        )
        enqueue(tx, store.keys, sealed.plain, outgoing, tx.now_ms + sealed.queue_age_ms)
    if sealed.sent is not None and sealed.account_id is not None:
        _keep_sent(tx, store, sealed.account_id, sealed.sent)
    if sealed.also is not None:
        sealed.also(tx)
    return outcomes


def _place_all(tx: Tx, store: ContentStore, sealed: _Sealed) -> dict[AccountId, Failure | None]:
    """Place the message once in every account it leads to; a full mailbox stops nobody else."""
    placed: dict[AccountId, Failure | None] = {}
    email = sealed.local
    if email is None:
        return placed
    store_blob(tx, store, email)
    recipients = sealed.envelope.recipients
    targets: dict[AccountId, LocalTarget] = {}
    for recipient in recipients:
        for target in recipient.local:
            targets.setdefault(target.account_id, target)
    # Where this account alone gets it, its failure is everybody's: the transaction won't happen.
    alone = len(targets) == 1 and not any(recipient.outside for recipient in recipients)
    for account, target in targets.items():
        try:
            with _NO_SAVEPOINT if alone else tx.savepoint():
                mailbox = _mailbox(tx, target)
                place(tx, store, account, mailbox, email, _NO_FLAGS, tx.now_ms)
            placed[account] = None
        except (OverQuota, NotFound) as failure:
            placed[account] = failure
    return placed


def _outcomes(
    envelope: Envelope, placed: dict[AccountId, Failure | None]
) -> tuple[Outcomes, dict[str, OutgoingRecipient]]:
    """The outcome of each recipient, and who has to wait in the queue.

    Recipients that share a reply fail together or not at all: whoever could not be served waits
    in the queue, where it is tried again and at last returned to the sender.
    """
    recipients = envelope.recipients
    outcomes: list[Failure | None] = []
    waiting: dict[str, OutgoingRecipient] = {}
    groups: Iterable[tuple[Recipient, ...]] = (
        ((recipient,) for recipient in recipients) if envelope.each else (recipients,)
    )
    for group in groups:
        failed = {
            target.address: failure
            for recipient in group
            for target in recipient.local
            if (failure := placed[target.account_id]) is not None
        }
        served = any(
            recipient.outside or any(placed[t.account_id] is None for t in recipient.local)
            for recipient in group
        )
        if not served:
            failure = next(iter(failed.values()), None) or NotFound("No such user here")
            outcomes.extend(failure for _ in group)
            continue
        outcomes.extend(None for _ in group)
        for recipient in group:
            for address in recipient.outside:
                waiting.setdefault(
                    address, OutgoingRecipient(address, recipient.notify, recipient.orcpt)
                )
        for address in failed:
            waiting.setdefault(address, OutgoingRecipient(address))
    return tuple(outcomes), waiting


def _mailbox(tx: Tx, target: LocalTarget) -> MailboxId:
    """The inbox, or the user's own mailbox that the sub-address names (RFC 5233 §1)."""
    if target.detail:
        # Nobody may delete the mailbox between finding and using it.
        lock(tx, target.account_id)
        wanted = target.detail.lower()
        for mailbox in mailboxes.all_of(tx, target.account_id):
            if mailbox.special_use is None and mailbox.name.lower() == wanted:
                return mailbox.id
    inbox = mailboxes.by_name(tx, target.account_id, "INBOX")
    if inbox is None:
        raise NotFound("No such user here", f"account {target.account_id} has no inbox")
    return inbox.id


def _keep_sent(tx: Tx, store: ContentStore, account: AccountId, email: PreparedEmail) -> None:
    """A full mailbox must not keep a message from being sent: then there is no copy."""
    mailbox = mailboxes.by_special_use(tx, account, "\\Sent")
    if mailbox is None:
        return
    try:
        with tx.savepoint():
            place(tx, store, account, mailbox.id, email, _SEEN, tx.now_ms)
    except OverQuota:
        return
    store_blob(tx, store, email)
