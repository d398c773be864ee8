"""Storing a message for all its recipients, in one transaction.

The content is prepared once, before the transaction; local mailboxes get it with a Return-Path,
the queue gets it without. Called by `inbound/receive` and `submission/submit`; calls `domain/mail`
and `domain/queue`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol

from pillarbox.base.errors import Busy, Denied, Failure, NotFound, OverQuota
from pillarbox.base.ids import AccountId, MailboxId, QueueId
from pillarbox.base.log import logger
from pillarbox.domain.accounts.model import LocalTarget
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.mail.append import place, store_blob
from pillarbox.domain.mail.content import ContentStore, PreparedEmail
from pillarbox.domain.mail.model import Flag, FlagSet
from pillarbox.domain.owners.quota import lock
from pillarbox.domain.queue.enqueue import enqueue
from pillarbox.domain.queue.model import Outgoing, OutgoingRecipient
from pillarbox.formats.tls_required import is_optional
from pillarbox.pipeline.inbound.message import Envelope, Fate, Recipient
from pillarbox.pipeline.inbound.plan import NO_FLAGS, NO_PLANS, Plans, PutOff
from pillarbox.pipeline.inbound.planned import Carried, Carrier, SealedPlan, seal_plans
from pillarbox.pipeline.inbound.trace import message_id_of, return_path_field
from pillarbox.pipeline.prepare import Preparation
from pillarbox.storage.blobs.sealed import SealedBlob
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx
from pillarbox.wire.smtp.params import MAX_ORCPT_CHARS, OriginalRecipient, orcpt_text

_log = logger("delivery")
_SEEN = FlagSet(Flag.SEEN)
_NO_SAVEPOINT = nullcontext()
_SERVED = (type(None), PutOff)

Outcomes = tuple[Failure | None, ...]
Also = Callable[[Tx], None]
"""Something more to do in the transaction that stores a message, once it is stored."""


@dataclass(frozen=True, slots=True)
class Noted:
    """What came of a message: `waiting` accounts have to wait in the queue; `queued` its ids there.

    `carried` tells of the accounts that have scripts.
    """

    waiting: frozenset[AccountId] = frozenset()
    queued: Sequence[QueueId] = ()
    carried: Mapping[AccountId, Carried] = field(default_factory=lambda: MappingProxyType({}))


Note = Callable[[Tx, Noted], None]
"""`Also`, told what came of the message."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What leaves, instead of the message as it is, for where some recipients here are forwarded.

    `paths` are those recipients; `fields` goes on top.
    """

    paths: tuple[str, ...]
    reverse_path: str
    fields: bytes


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message to store: `trace` and then `content` are what its recipients see.

    `account_id` is who submitted it, if a user did; `sent_copy` goes to that user's \\Sent. With
    `report` senders who asked for it are told of deliveries into mailboxes. `fates` tells which
    accounts get it elsewhere than in the inbox, `kept` which recipients' copies for elsewhere go
    into quarantine; `note` is run as `Also` is. `plans` are what users' scripts want.
    """

    envelope: Envelope
    trace: bytes
    content: bytes
    account_id: AccountId | None = None
    sent_copy: bytes | None = None
    copies: tuple[Copy, ...] = ()
    report: bool = False
    fates: Mapping[AccountId, Fate] = field(default_factory=lambda: MappingProxyType({}))
    kept: frozenset[str] = frozenset()
    note: Note | None = None
    plans: Plans = field(default_factory=lambda: NO_PLANS)

    def is_kept(self, recipient: Recipient) -> bool:
        """Whether all of a recipient's copies here go into quarantine."""
        return all(self.fates.get(one.account_id) is Fate.QUARANTINE for one in recipient.local)


class Reporter(Protocol):
    """Tells senders of deliveries: makes a report, and files it in a transaction."""

    async def delivered(
        self,
        envelope: Envelope,
        account_id: AccountId | None,
        content: bytes,
        recipients: tuple[Recipient, ...],
    ) -> Any: ...

    def file(self, tx: Tx, prepared: Any) -> None: ...


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A parcel ready for the transaction; `copies` in the order of the parcel's."""

    envelope: Envelope
    account_id: AccountId | None
    held: bool
    local: PreparedEmail | None
    plain: SealedBlob | None
    copies: tuple[tuple[Copy, SealedBlob], ...]
    sent: PreparedEmail | None
    message_id: str | None
    tls_optional: bool
    queue_age_ms: int
    also: Also | None
    fates: Mapping[AccountId, Fate]
    kept: frozenset[str]
    note: Note | None
    plans: Mapping[AccountId, SealedPlan]


@dataclass(frozen=True, slots=True)
class _Stored:
    """What came of it; `failed` are the accounts that could not be served."""

    outcomes: Outcomes
    failed: frozenset[AccountId]


class _PlainNeeded(Exception):
    """Something has to be queued, and the content without Return-Path was not sealed."""


class _Refused(Exception):
    """Nobody got the message; the transaction must not happen."""

    def __init__(self, outcomes: Outcomes) -> None:
        super().__init__()
        self.outcomes = outcomes


class Delivery:
    """Stores messages for everybody they are for."""

    def __init__(
        self,
        database: Database,
        preparation: Preparation,
        queue_age_ms: int,
        reporter: Reporter | None = None,
    ) -> None:
        """`queue_age_ms` is for how long the sending of outside copies is tried."""
        self._database = database
        self._preparation = preparation
        self._store = preparation.store
        self._queue_age_ms = queue_age_ms
        self._reporter = reporter

    async def deliver(self, parcel: Parcel, also: Also | None = None) -> Outcomes:
        """Store a message for all recipients; on disk when it returns, one outcome for each.

        Nothing at all is stored, and `also` is not run, when every outcome is a failure; what
        `also` raises undoes everything. Raises `Unavailable` or `Busy` when the database or the
        disk failed.
        """
        async with self._preparation.place(len(parcel.content)):
            try:
                stored = await self._deliver(parcel, also)
            except _Refused as refused:
                return refused.outcomes
        await _after(parcel.plans)
        if parcel.report and self._reporter is not None:
            await self._report(self._reporter, parcel, stored)
        return stored.outcomes

    async def _deliver(self, parcel: Parcel, also: Also | None) -> _Stored:
        envelope = parcel.envelope
        recipients = envelope.recipients
        held = envelope.hold_until_ms is not None
        prepared = self._preparation.email
        outside = held or any(recipient.outside for recipient in recipients)
        plans = {} if held else await seal_plans(self._preparation, parcel.plans)
        is_local = not held and _needs_local(parcel, plans)
        sealed = _Sealed(
            envelope,
            parcel.account_id,
            held,
            await self._local(parcel) if is_local else None,
            await self._plain(parcel) if outside and _needs_plain(parcel, held) else None,
            tuple([(copy, await self._copy(parcel, copy)) for copy in parcel.copies]),
            await prepared(parcel.sent_copy) if parcel.sent_copy else None,
            message_id_of(parcel.content) if outside else None,
            outside and is_optional(parcel.content),
            self._queue_age_ms,
            also,
            parcel.fates,
            parcel.kept,
            parcel.note,
            plans,
        )
        try:
            return await self._database.write(_store, self._store, sealed)
        except _PlainNeeded:
            plain, message_id = await self._plain(parcel), message_id_of(parcel.content)
            sealed = replace(sealed, plain=plain, message_id=message_id)
            return await self._database.write(_store, self._store, sealed)

    async def _local(self, parcel: Parcel) -> PreparedEmail:
        return_path = return_path_field(parcel.envelope.reverse_path)
        return await self._preparation.email(return_path, parcel.trace, parcel.content)

    async def _plain(self, parcel: Parcel) -> SealedBlob:
        return await self._preparation.blob(parcel.trace, parcel.content)

    async def _copy(self, parcel: Parcel, copy: Copy) -> SealedBlob:
        return await self._preparation.blob(copy.fields, parcel.trace, parcel.content)

    async def _report(self, reporter: Reporter, parcel: Parcel, stored: _Stored) -> None:
        """Tell of deliveries. The message is stored: whatever goes wrong here must not undo it."""
        envelope = parcel.envelope
        if envelope.hold_until_ms is not None or not envelope.reverse_path:
            return
        recipients = tuple(
            recipient
            for recipient in envelope.recipients
            if recipient.notify is not None
            and "SUCCESS" in recipient.notify
            and recipient.local
            and not parcel.is_kept(recipient)
            and stored.failed.isdisjoint(target.account_id for target in recipient.local)
        )
        if not recipients:
            return
        try:
            content = parcel.trace + parcel.content
            report = await reporter.delivered(envelope, parcel.account_id, content, recipients)
            if report is not None:
                await self._database.write(reporter.file, report)
        except Exception:
            _log.exception("no report of a delivery", sender=envelope.reverse_path)


async def _after(plans: Plans) -> None:
    """What follows postings. The message is stored: whatever goes wrong here must not undo it."""
    for plan in plans.values():
        for posting in plan.postings:
            if posting.after is not None:
                try:
                    await posting.after()
                except Exception:
                    _log.exception("what follows a posting failed", what=posting.what)


def _needs_plain(parcel: Parcel, held: bool) -> bool:
    """Whether the message as it is goes to somebody outside, and not only its copies."""
    copied = {path for copy in parcel.copies for path in copy.paths}
    return held or any(
        recipient.outside
        and (recipient.path not in copied or len(recipient.forwards) < len(recipient.outside))
        for recipient in parcel.envelope.recipients
    )


def _needs_local(parcel: Parcel, plans: Mapping[AccountId, SealedPlan]) -> bool:
    """Whether the message as it came may go into a mailbox here."""
    return any(
        (target.account_id not in plans or plans[target.account_id].needs_message)
        and parcel.fates.get(target.account_id) is not Fate.QUARANTINE
        for recipient in parcel.envelope.recipients
        for target in recipient.local
    )


def _store(tx: Tx, store: ContentStore, sealed: _Sealed) -> _Stored:
    """The transaction: a placement per local account, queue rows for everything else."""
    placed: dict[AccountId, Failure | None] = {}
    carried: dict[AccountId, Carried] = {}
    carrier = Carrier(tx, store, sealed.local, sealed.queue_age_ms)
    waiting: dict[int | None, _Waiting]
    if sealed.held:
        outcomes: Outcomes = (None,) * len(sealed.envelope.recipients)
        waiting = {None: _held(sealed.envelope)}
    else:
        placed = _place_all(carrier, sealed, carried)
        outcomes, waiting = _outcomes(sealed, placed)
        if all(outcome is not None for outcome in outcomes):
            raise _Refused(outcomes)
    queued = [
        _enqueue(carrier, sealed, number, recipients) for number, recipients in waiting.items()
    ]
    if sealed.sent is not None and sealed.account_id is not None:
        _keep_sent(tx, store, sealed.account_id, sealed.sent)
    if sealed.also is not None:
        sealed.also(tx)
    failed = frozenset(account for account, failure in placed.items() if failure is not None)
    if sealed.note is not None:
        sealed.note(tx, Noted(failed, queued, carried))
    carrier.finish()
    return _Stored(outcomes, failed)


_Waiting = dict[str, OutgoingRecipient]
"""Who has to wait in the queue, by address."""


def _enqueue(
    carrier: Carrier, sealed: _Sealed, number: int | None, recipients: _Waiting
) -> QueueId:
    """Queue the message for some, as it is or as the copy of that number."""
    tx, store, envelope = carrier.tx, carrier.store, sealed.envelope
    if number is None:
        blob, reverse_path = sealed.plain, envelope.reverse_path
    else:
        blob, reverse_path = sealed.copies[number][1], sealed.copies[number][0].reverse_path
    if blob is None:
        raise _PlainNeeded
    store.blobs.insert(tx, blob)
    outgoing = Outgoing(
        reverse_path=reverse_path,
        recipients=tuple(recipients.values()),
        account_id=sealed.account_id,
        smtputf8=envelope.smtputf8,
        eight_bit=envelope.eight_bit,
        ret=envelope.ret,
        envid=envelope.envid,
        binary=envelope.binary,
        require_tls=envelope.require_tls,
        tls_optional=sealed.tls_optional,
        hold_until_ms=envelope.hold_until_ms,
        deliver_by_ms=envelope.deliver_by_ms,
        by_notify=envelope.by_notify,
        message_id=sealed.message_id,
    )
    expires_ms = tx.now_ms + sealed.queue_age_ms
    return enqueue(tx, store.keys, blob, outgoing, expires_ms, carrier.dues)


def _held(envelope: Envelope) -> _Waiting:
    """Everybody: addresses here are looked up when the message is let go."""
    waiting: _Waiting = {}
    for recipient in envelope.recipients:
        addresses: tuple[str, ...] = (recipient.path,)
        if not (recipient.here and recipient.domain):
            addresses = recipient.outside + tuple(target.address for target in recipient.local)
        for address in addresses:
            waiting.setdefault(
                address, OutgoingRecipient(address, recipient.notify, recipient.orcpt)
            )
    return waiting


def _place_all(
    carrier: Carrier, sealed: _Sealed, carried: dict[AccountId, Carried]
) -> dict[AccountId, Failure | None]:
    """Place the message once in every account it leads to; a full mailbox stops nobody else."""
    placed: dict[AccountId, Failure | None] = {}
    recipients, fates, tx = sealed.envelope.recipients, sealed.fates, carrier.tx
    targets: dict[AccountId, LocalTarget] = {}
    for recipient in recipients:
        for target in recipient.local:
            if fates.get(target.account_id) is Fate.QUARANTINE:
                placed[target.account_id] = None
            else:
                targets.setdefault(target.account_id, target)
    # Where this account alone gets it, its failure is everybody's: the transaction won't happen.
    # Those whose copies for elsewhere are kept in quarantine are served whatever comes of it.
    alone = not (len(targets) > 1 or placed or sealed.kept or any(r.outside for r in recipients))
    # Everywhere in one order, and before whatever else is locked: nobody waits in a circle.
    owners = {*targets} if sealed.sent is None else {*targets, sealed.account_id}
    if len(owners) > 1:
        for owner in sorted(one for one in owners if one is not None):
            lock(tx, owner)
    for account, target in targets.items():
        usual = partial(_mailbox, tx, target, fates.get(account, Fate.INBOX))
        plan = sealed.plans.get(account)
        try:
            with _NO_SAVEPOINT if alone else carrier.part():
                if plan is not None:
                    carried[account] = carrier.carry_out(account, plan, usual)
                elif carrier.email is not None:
                    carrier.place(account, usual(), carrier.email, NO_FLAGS)
            placed[account] = None
        except (OverQuota, NotFound, Denied, Busy) as failure:
            placed[account] = failure
    return placed


def _outcomes(
    sealed: _Sealed, placed: dict[AccountId, Failure | None]
) -> tuple[Outcomes, dict[int | None, _Waiting]]:
    """The outcome of each recipient, and who has to wait in the queue for which copy.

    Recipients that share a reply fail together or not at all: whoever could not be served waits
    in the queue, where it is tried again and at last returned to the sender.
    """
    recipients = sealed.envelope.recipients
    outcomes: list[Failure | None] = []
    waiting: dict[int | None, _Waiting] = {}
    queued: set[str] = set()
    groups: Iterable[tuple[Recipient, ...]] = (
        ((recipient,) for recipient in recipients) if sealed.envelope.each else (recipients,)
    )
    for group in groups:
        failed = [
            (recipient, target.address, failure)
            for recipient in group
            for target in recipient.local
            if (failure := placed[target.account_id]) is not None
        ]
        # Who is put off waits for this server, and nobody has to try again for that.
        served = any(
            recipient.outside
            or recipient.path in sealed.kept
            or any(isinstance(placed[t.account_id], _SERVED) for t in recipient.local)
            for recipient in group
        )
        if not served:
            failures = [failure for _, _, failure in failed] or [NotFound("No such user here")]
            # What one of them refuses for good, another one may still have room for.
            failure = next((one for one in failures if one.temporary), failures[0])
            outcomes.extend(failure for _ in group)
            continue
        outcomes.extend(None for _ in group)
        asked = [
            (recipient, address, _copy_for(sealed, recipient, address))
            for recipient in group
            for address in recipient.outside
        ]
        asked += [(recipient, address, None) for recipient, address, _ in failed]
        for recipient, address, number in asked:
            if address not in queued:
                queued.add(address)
                one = OutgoingRecipient(address, recipient.notify, _original(recipient, address))
                waiting.setdefault(number, {})[address] = one
    return tuple(outcomes), waiting


def _copy_for(sealed: _Sealed, recipient: Recipient, address: str) -> int | None:
    for number, (copy, _) in enumerate(sealed.copies):
        if recipient.path in copy.paths and address in recipient.forwards:
            return number
    return None


def _original(recipient: Recipient, address: str) -> str | None:
    """ORCPT; where the address was replaced it is the one that was given (RFC 3461 §5.2.1)."""
    if recipient.orcpt is not None or not recipient.here or "@" not in recipient.path:
        return recipient.orcpt
    if recipient.path.lower() == address.lower() or not recipient.path.isascii():
        return None
    original = orcpt_text(OriginalRecipient("rfc822", recipient.path))
    return original if len(original) <= MAX_ORCPT_CHARS else None


def _mailbox(tx: Tx, target: LocalTarget, fate: Fate) -> MailboxId:
    """The inbox, or the user's own mailbox that the sub-address names (RFC 5233 §1).

    What is to go to \\Junk goes there, or into the inbox of a user who has no such mailbox.
    """
    if fate is Fate.JUNK:
        lock(tx, target.account_id)
        junk = mailboxes.by_special_use(tx, target.account_id, "\\Junk")
        if junk is not None:
            return junk.id
    elif target.detail:
        # Nobody may delete the mailbox between finding and using it.
        lock(tx, target.account_id)
        found = mailboxes.by_detail(tx, target.account_id, target.detail)
        if found is not None:
            return found
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
