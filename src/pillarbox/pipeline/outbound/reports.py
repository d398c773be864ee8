"""Telling senders what became of their mail: delivery status reports, made and filed.

`prepare` does all that takes time, before the transaction that settles an attempt; `file` is part
of it. Called by `runner`, `inbound/deliver` (as its `also`) and the commands that end a delivery by
hand; calls `formats/dsn`, `notices`, `inbound/recipients`.
"""

import asyncio
import secrets
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pillarbox.base.clock import Clock, from_ms
from pillarbox.base.errors import Failure, GrammarError, Invalid, NotFound, OverQuota, TooLarge
from pillarbox.base.ids import AccountId, public_id
from pillarbox.base.log import logger
from pillarbox.domain.mail import mailboxes
from pillarbox.domain.mail.append import place, store_blob
from pillarbox.domain.mail.content import PREPARE_INLINE_BYTES, PreparedEmail
from pillarbox.domain.mail.model import FlagSet
from pillarbox.domain.queue.enqueue import enqueue
from pillarbox.domain.queue.model import (
    LeasedMessage,
    LeasedRecipient,
    Outcome,
    Outgoing,
    OutgoingRecipient,
    Result,
)
from pillarbox.domain.queue.suppression import suppressed
from pillarbox.formats.dsn.build import Frame, Report, build
from pillarbox.formats.dsn.model import Action, Finding, Subject
from pillarbox.formats.dsn.status import EXPIRED, status_of
from pillarbox.formats.dsn.words import is_judgement
from pillarbox.formats.mailauth.srs import is_srs
from pillarbox.pipeline.inbound.message import Envelope, Recipient
from pillarbox.pipeline.inbound.recipients import Recipients
from pillarbox.pipeline.inbound.trace import return_path_field
from pillarbox.pipeline.outbound.notices import is_automatic, is_wanted, may_be_told, wants_success
from pillarbox.pipeline.prepare import Preparation
from pillarbox.storage.blobs.sealed import SealedBlob
from pillarbox.storage.tx import Tx
from pillarbox.wire.smtp.params import parse_rcpt_params

UNVOUCHED = "sender may be forged"
"""Why nobody is told, beyond that mail could not reach somebody: see `Reports`."""

DOUBLE_BOUNCE = "double bounce"
"""Why nobody is told that a report, or other mail without a sender, failed."""

_log = logger("reports")
_UNREAD = FlagSet()
_SUPPRESSED = "suppressed"


class Signer(Protocol):
    """Makes the DKIM-Signature fields of a domain, none where it has no keys."""

    async def sign(self, domain: str, content: bytes) -> bytes: ...


class Vouching(Protocol):
    """Finds out whether a message is by the domain it says it is from."""

    async def vouches(self, domain: str, content: bytes) -> bool: ...


@dataclass(frozen=True, slots=True)
class PreparedReport:
    """A report ready to be filed: for mailboxes here, for addresses elsewhere, or for both.

    `about` names the message it is about, in the log.
    """

    accounts: tuple[AccountId, ...]
    email: PreparedEmail | None
    outside: tuple[str, ...]
    blob: SealedBlob | None
    smtputf8: bool = False
    eight_bit: bool = False
    require_tls: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class _Reader:
    """To whom a report goes: the address it names, and where that leads."""

    address: str
    accounts: tuple[AccountId, ...]
    outside: tuple[str, ...]


class _NobodyHere(Exception):
    """No mailbox had room for a report: nothing of it may stay."""


class Reports:
    """Makes reports for the senders of messages; one object per process.

    Spam has the addresses of others for its sender, and whoever reports on it to them sends spam
    too. Senders elsewhere for whom nobody vouches are therefore told of failures only, and of none
    that was a judgement on the message. `dropped` counts the reports that nobody got, by why.
    """

    def __init__(
        self,
        hostname: str,
        recipients: Recipients,
        preparation: Preparation,
        signer: Signer | None,
        clock: Clock,
        queue_age_ms: int,
        vouching: Vouching | None = None,
    ) -> None:
        """`queue_age_ms` is for how long sending a report elsewhere is tried.

        Without `vouching` there is nobody who vouches.
        """
        self._hostname = hostname
        self._recipients = recipients
        self._preparation = preparation
        self._signer = signer
        self._clock = clock
        self._queue_age_ms = queue_age_ms
        self._vouching = vouching
        self.dropped: Counter[str] = Counter()

    async def prepare(
        self,
        message: LeasedMessage,
        content: bytes,
        results: tuple[Result, ...],
        kinds: tuple[Action | None, ...],
    ) -> PreparedReport | None:
        """The report of an attempt, `None` where nobody is to be told.

        `kinds` has one entry per result, as `notices.kind_of` gives it; NOTIFY is looked at here.
        Raises nothing but what the disk and the database do.
        """
        queue_id = public_id("", message.id)
        if not message.reverse_path:
            # Reports of ours ask for none (NOTIFY=NEVER), and that they fail is worth a line.
            if Action.FAILED in kinds:
                self._drop(DOUBLE_BOUNCE, queue_id)
            return None
        told = _told(message, content, results, kinds)
        if not told:
            return None
        reader = await self._reader(message.reverse_path, message.account_id, queue_id)
        if reader is None:
            return None
        now = self._clock.now()
        by_id = {recipient.id: recipient for recipient in message.recipients}
        findings = tuple(
            _finding(by_id[result.recipient_id], result, action, now) for result, action in told
        )
        if message.account_id is None:
            findings = await self._fit_for(reader, content, findings, queue_id)
        if not findings:
            return None
        subject = Subject(
            content,
            from_ms(message.created_ms),
            queue_id,
            message.envid,
            _is_full(message),
            message.smtputf8,
            message.binary,
        )
        return await self._written(subject, findings, reader, message.require_tls)

    async def delivered(
        self,
        envelope: Envelope,
        account_id: AccountId | None,
        content: bytes,
        recipients: tuple[Recipient, ...],
        trace_id: str = "",
    ) -> PreparedReport | None:
        """The report of a delivery into mailboxes here, for those who asked for it by SUCCESS.

        `recipients` are those that were served; `trace_id` is what the log calls the message.
        """
        asked = [r for r in recipients if r.local and wants_success(r.notify)]
        if not asked:
            return None
        reader = await self._reader(envelope.reverse_path, account_id, trace_id)
        if reader is None:
            return None
        now = self._clock.now()
        status = status_of(Action.DELIVERED, None, None, "")
        findings = tuple(
            Finding(
                recipient.path,
                Action.DELIVERED,
                status,
                original=_original(recipient.orcpt),
                attempted_at=now,
            )
            for recipient in asked
        )
        if account_id is None and not await self._fit_for(reader, content, findings, trace_id):
            return None
        subject = Subject(
            content, now, trace_id, envelope.envid, False, envelope.smtputf8, envelope.binary
        )
        return await self._written(subject, findings, reader, envelope.require_tls)

    def file(self, tx: Tx, prepared: PreparedReport) -> None:
        """Put a report into the sender's mailbox, or into the queue; never fails what it is in.

        A mailbox that has no room for it does without, and so does an address nothing is sent to.
        """
        if prepared.email is not None:
            try:
                with tx.savepoint():
                    self._place(tx, prepared, prepared.email)
            except _NobodyHere:
                pass
        if prepared.blob is not None:
            refused = suppressed(tx, None, prepared.outside)
            outside = tuple(a for a in prepared.outside if a not in refused)
            if refused:
                self._drop("suppressed", prepared.about)
            if outside:
                self._enqueue(tx, prepared, prepared.blob, outside)

    def _place(self, tx: Tx, prepared: PreparedReport, email: PreparedEmail) -> None:
        store = self._preparation.store
        store_blob(tx, store, email)
        placed = False
        for account in prepared.accounts:
            try:
                with tx.savepoint():
                    inbox = mailboxes.by_name(tx, account, mailboxes.INBOX)
                    if inbox is None:
                        raise NotFound("No inbox")
                    place(tx, store, account, inbox.id, email, _UNREAD, tx.now_ms)
                placed = True
            except (OverQuota, NotFound, TooLarge) as failure:
                self._drop(type(failure).__name__.lower(), prepared.about)
        if not placed:
            raise _NobodyHere

    def _enqueue(
        self, tx: Tx, prepared: PreparedReport, blob: SealedBlob, outside: tuple[str, ...]
    ) -> None:
        """Reports ask for no reports (RFC 3461 §6.1) and have the null reverse-path."""
        store = self._preparation.store
        store.blobs.insert(tx, blob)
        outgoing = Outgoing(
            reverse_path="",
            recipients=tuple(OutgoingRecipient(address, "NEVER") for address in outside),
            smtputf8=prepared.smtputf8,
            eight_bit=prepared.eight_bit,
            require_tls=prepared.require_tls,
        )
        enqueue(tx, store.keys, blob, outgoing, tx.now_ms + self._queue_age_ms)

    async def _reader(
        self, reverse_path: str, account_id: AccountId | None, about: str
    ) -> _Reader | None:
        """Who is to be told, `None` for nobody; says so in the log."""
        if not self._may_be_told(reverse_path, about, ours=account_id is not None):
            return None
        if account_id is not None:
            return _Reader(reverse_path, (account_id,), ())
        try:
            found = await self._recipients.resolve(reverse_path)
        except (NotFound, Invalid, TooLarge) as failure:
            self._drop(type(failure).__name__.lower(), about)
            return None
        if found is None:
            return _Reader(reverse_path, (), (reverse_path,))
        address = reverse_path
        if is_srs(address.rpartition("@")[0]) and len(found.outside) == 1 and not found.local:
            # Mail that was forwarded: its sender is told under the address that is known there.
            (address,) = found.outside
            if not self._may_be_told(address, about, ours=False):
                return None
        accounts = tuple(target.account_id for target in found.local)
        return _Reader(address, accounts, found.outside)

    async def _fit_for(
        self, reader: _Reader, content: bytes, findings: tuple[Finding, ...], about: str
    ) -> tuple[Finding, ...]:
        """What may be told to a sender who did not sign in here."""
        plain = tuple(
            one for one in findings if one.action is Action.FAILED and not is_judgement(one)
        )
        if len(plain) == len(findings) or not reader.outside:
            return findings
        if await self._is_vouched_for(reader.address.rpartition("@")[2], content):
            return findings
        self._drop(UNVOUCHED, about)
        return plain

    async def _is_vouched_for(self, domain: str, content: bytes) -> bool:
        """Not where that can't be found out now: settling must not fail by it."""
        try:
            return self._vouching is not None and await self._vouching.vouches(domain, content)
        except Failure as failure:
            _log.warning("a sender was not looked into", why=failure.cause or failure.public)
            return False

    def _may_be_told(self, address: str, about: str, *, ours: bool) -> bool:
        if may_be_told(address, ours=ours):
            return True
        self._drop("nobody reads" if address else DOUBLE_BOUNCE, about)
        return False

    async def _written(
        self,
        subject: Subject,
        findings: tuple[Finding, ...],
        reader: _Reader,
        require_tls: bool,
    ) -> PreparedReport:
        """The report; it tells of the message, and is protected as that was (RFC 8689 §5)."""
        now = self._clock.now()
        name = f"{public_id('r', secrets.randbits(63))}.{secrets.token_hex(4)}"
        frame = Frame(self._hostname, reader.address, name, now)
        report = await _built(subject, findings, frame)
        email, blob = None, None
        async with self._preparation.place(len(report.content)):
            if reader.accounts:
                return_path = return_path_field("")
                email = await self._preparation.email(return_path, report.content)
            if reader.outside:
                blob = await self._preparation.blob(
                    await self._signature(report.content) + report.content
                )
        return PreparedReport(
            reader.accounts,
            email,
            reader.outside,
            blob,
            report.smtputf8,
            report.eight_bit,
            require_tls,
            subject.queue_id,
        )

    async def _signature(self, content: bytes) -> bytes:
        """None where it can't be had now: a report without it is better than none."""
        if self._signer is None:
            return b""
        try:
            return await self._signer.sign(self._hostname, content)
        except Failure as failure:
            _log.warning("report not signed", why=failure.cause or failure.public)
            return b""

    def _drop(self, why: str, about: str) -> None:
        self.dropped[why] += 1
        _log.info("report dropped", why=why, about=about)


async def _built(subject: Subject, findings: tuple[Finding, ...], frame: Frame) -> Report:
    if len(subject.content) <= PREPARE_INLINE_BYTES and len(findings) <= 100:
        return build(subject, findings, frame)
    return await asyncio.to_thread(build, subject, findings, frame)


def _told(
    message: LeasedMessage,
    content: bytes,
    results: tuple[Result, ...],
    kinds: tuple[Action | None, ...],
) -> list[tuple[Result, Action]]:
    """The results that the sender is told of, each with what is said."""
    by_id = {recipient.id: recipient for recipient in message.recipients}
    told = [
        (result, action)
        for result, action in zip(results, kinds, strict=True)
        if action is not None and is_wanted(message, by_id[result.recipient_id], action)
    ]
    if any(action is Action.DELAYED for _, action in told) and is_automatic(content):
        told = [
            (result, action)
            for result, action in told
            if action is not Action.DELAYED or by_id[result.recipient_id].notify
        ]
    return told


def _is_full(message: LeasedMessage) -> bool | None:
    """Whether the whole message goes back, as RET says.

    Never what demands TLS (RFC 8689 §5), nor what anybody may have sent in another's name.
    """
    if message.ret is None:
        return None
    may_be = message.account_id is not None and not message.require_tls
    return may_be and message.ret.upper() == "FULL"


def _finding(recipient: LeasedRecipient, result: Result, action: Action, now: datetime) -> Finding:
    stage = _SUPPRESSED if result.outcome is Outcome.SUPPRESSED else str(result.stage)
    expired = result.outcome is Outcome.EXPIRED
    delayed = action is Action.DELAYED
    # Whoever handed the message on has an answer; it is of use only where something went wrong.
    bad = delayed or action is Action.FAILED
    return Finding(
        recipient.address,
        action,
        EXPIRED if expired else status_of(action, result.enhanced, result.code, stage),
        result.reply if bad else "",
        result.code if bad else None,
        stage,
        result.way.host,
        result.way.ip,
        _original(recipient.orcpt),
        now,
        from_ms(recipient.expires_ms) if delayed else None,
        expired and not recipient.give_up,
        "" if recipient.give_up else result.enhanced or "",
    )


def _original(orcpt: str | None) -> tuple[str, str] | None:
    """ORCPT decoded, or `None` where there is none that can be read."""
    if not orcpt:
        return None
    try:
        found = parse_rcpt_params(f"ORCPT={orcpt}").orcpt
    except GrammarError:
        return None
    return None if found is None else (found.kind, found.address)
