"""Mail that was refused or put into quarantine: kept for its recipients, and released by them.

Called by `receive`, which runs what `prepare` gives in the transaction that stores or refuses the
message, and by the command line; calls `domain/quarantine`, `domain/rescue` and, to release,
`deliver`.
"""

import asyncio
import re
from dataclasses import dataclass, field
from hashlib import blake2b

from pillarbox.base.errors import Busy, NotFound
from pillarbox.base.ids import AccountId, BlobId
from pillarbox.base.log import logger
from pillarbox.domain.accounts.model import Actor, LocalTarget
from pillarbox.domain.judgement.model import Run, Verdict
from pillarbox.domain.mail import sweep
from pillarbox.domain.quarantine import keep, rows
from pillarbox.domain.quarantine.model import NOBODY, KeepLimits, Kept, KeptMessage, Reason
from pillarbox.domain.rescue import access
from pillarbox.pipeline.inbound.deliver import Copy, Delivery, Parcel
from pillarbox.pipeline.inbound.forward import Forwarding
from pillarbox.pipeline.inbound.judging import Judged, Judgement
from pillarbox.pipeline.inbound.message import Envelope, Origin, Recipient
from pillarbox.pipeline.inbound.records import Extra
from pillarbox.pipeline.prepare import Preparation
from pillarbox.storage.blobs.sealed import SealedBlob, unseal
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.db import Database
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

WHY_MOST = 10
TEXT_CHARS = 300
AT_ONCE = 10
"""So many that are over go before a new one is kept."""
INLINE_BYTES = 256 * 1024
"""Larger messages are hashed in a thread."""

_FIELD_END = re.compile(rb"\r\n(?![ \t])")
# Fields that the hosts on the way write, other ones each time.
_CHANGING = frozenset(
    (b"received", b"return-path", b"delivered-to", b"authentication-results", b"received-spf",
     b"dkim-signature", b"arc-seal", b"arc-message-signature", b"arc-authentication-results"),
)  # fmt: skip

_log = logger("quarantine")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One row to write."""

    account_id: AccountId
    digest: bytes
    kept: Kept


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Keeps and releases; `hostname` is this server's name in the trace of what is released.

    Without `forwarding` mail for addresses elsewhere leaves as it came.
    """

    database: Database
    preparation: Preparation
    delivery: Delivery
    hostname: str
    limits: KeepLimits = field(default_factory=KeepLimits)
    forwarding: Forwarding | None = None

    async def prepare(
        self, message_id: str, envelope: Envelope, judgement: Judgement, head: bytes
    ) -> Extra | None:
        """What keeps a message for those who don't get it; `None` where all do.

        Sealed once for all of them, and not at all where it is kept already.
        """
        judged = _first(judgement.judged)
        if not judged or judgement.content is None:
            return None
        stored = head + judgement.content.data
        if len(stored) > INLINE_BYTES:
            digest = await asyncio.to_thread(essence, stored)
        else:
            digest = essence(stored)
        reason = Reason.QUARANTINED if judgement.refusal is None else Reason.REFUSED
        wanted = tuple(_wanted(one, message_id, envelope, judgement, digest) for one in judged)
        if reason is Reason.REFUSED and len(stored) > self.limits.size_bytes:
            return None
        blob = None
        if not await self.database.lookup(_all_kept, self.preparation.store.keys, wanted):
            await self.tidy(AT_ONCE)
            async with self.preparation.place(len(stored)):
                blob = await self.preparation.blob(stored)

        def write(tx: Tx) -> None:
            self._write(tx, wanted, blob, reason)

        return write

    async def tidy(self, most: int) -> int:
        """Remove up to `most` messages whose time is over or that had to go; gives how many.

        Done before each message that is kept, so that nobody can fill the disk between two runs of
        the upkeep job.
        """
        store = self.preparation.store.blobs
        if not await self.database.lookup(rows.has_expired):
            return 0
        count, gone = await self.database.write(_expire, store, most)
        await self._remove_files(gone)
        return count

    async def content(self, actor: Actor | None, number: int) -> tuple[KeptMessage, bytes]:
        """A kept message and its content; `NotFound` for none, or none to be known of."""
        message, blob_id, key, data = await self.database.read(self._open, actor, number)
        return message, await asyncio.to_thread(unseal, blob_id, key, data)

    async def release(self, actor: Actor | None, number: int) -> KeptMessage:
        """Deliver a kept message as if it had been accepted, into the inbox or to the queue.

        Raises `NotFound`, also for what was released already, `Denied`, and what keeps it from
        being delivered, such as `OverQuota`: then it stays.
        """
        message, content = await self.content(actor, number)
        envelope = _envelope(message, self.hostname)
        copies: tuple[Copy, ...] = ()
        if self.forwarding is not None and message.account_id == NOBODY:
            copies = await self.forwarding.copies(envelope, content)
        gone: set[BlobId] = set()

        def note(tx: Tx, noted: object) -> None:
            keys, blobs = self.preparation.store.keys, self.preparation.store.blobs
            blob_id = access.release(tx, keys, actor, number)
            if message.account_id != NOBODY:
                access.learn_as_wanted(tx, message.account_id, message.kept.detail)
            if sweep.release_blob(tx, blobs, blob_id):
                gone.add(blob_id)

        parcel = Parcel(envelope, b"", content, copies=copies, note=note)
        for failure in await self.delivery.deliver(parcel):
            if failure is not None:
                raise failure
        await self._remove_files(gone)
        _log.info("released", account=message.account_id, id=message.kept.trace_id)
        return message

    async def remove(self, actor: Actor | None, number: int) -> None:
        """Throw a kept message away; raises `NotFound` and `Denied`."""
        await self._remove_files(await self.database.write(self._remove, actor, number))

    def _write(
        self, tx: Tx, wanted: tuple[_Wanted, ...], blob: SealedBlob | None, reason: Reason
    ) -> None:
        store, is_used = self.preparation.store, False
        for one in wanted:
            try:
                outcome = keep.keep(
                    tx, store.keys, one.account_id, blob, one.digest, reason, one.kept, self.limits
                )
            except NotFound:
                continue  # the account is gone since
            is_used = is_used or outcome.in_blob
            if outcome.dropped:
                _log.warning("the oldest had to go", account=one.account_id, count=outcome.dropped)
            if reason is Reason.QUARANTINED and not outcome.is_kept:
                raise Busy("The message can't be kept just now")
        if blob is not None and is_used:
            store.blobs.insert(tx, blob)

    def _open(
        self, tx: Tx, actor: Actor | None, number: int
    ) -> tuple[KeptMessage, BlobId, bytes, bytes]:
        store = self.preparation.store
        message = access.require(tx, store.keys, actor, number)
        found = rows.content_of(tx, store.keys, number)
        return message, found.blob_id, found.content_key, store.blobs.load(tx, found.blob_id)

    def _remove(self, tx: Tx, actor: Actor | None, number: int) -> set[BlobId]:
        store = self.preparation.store
        blob_id = access.remove(tx, store.keys, actor, number)
        return {blob_id} if sweep.release_blob(tx, store.blobs, blob_id) else set()

    async def _remove_files(self, gone: set[BlobId]) -> None:
        for blob_id in gone:
            await asyncio.to_thread(self.preparation.store.blobs.remove_file, blob_id)


def _expire(tx: Tx, store: BlobStore, most: int) -> tuple[int, set[BlobId]]:
    count, candidates = rows.expire(tx, most)
    return count, set(sweep.release_all(tx, store, candidates))


def essence(content: bytes) -> bytes:
    """A digest of what stays the same in a message that its sender tries to deliver again."""
    header, _, body = content.partition(b"\r\n\r\n")
    digest = blake2b(digest_size=32)
    for one in _FIELD_END.split(header):
        if one.partition(b":")[0].strip().lower() not in _CHANGING:
            digest.update(one + b"\r\n")
    digest.update(b"\r\n")
    digest.update(body)
    return digest.digest()


def _first(judged: tuple[Judged, ...]) -> list[Judged]:
    """Those who don't get it: of each account the decision that counts, which is the first."""
    found: dict[object, Judged] = {}
    for one in judged:
        found.setdefault(one.account_id or one.recipient.path, one)
    lost = (Verdict.REFUSE, Verdict.QUARANTINE)
    return [one for one in found.values() if one.decision.verdict in lost]


def _wanted(
    one: Judged, message_id: str, envelope: Envelope, judgement: Judgement, digest: bytes
) -> _Wanted:
    recipient, account_id = one.recipient, one.account_id
    target = next((t for t in recipient.local if t.account_id == account_id), None)
    seen = judgement.content
    kept = Kept(
        reverse_path=envelope.reverse_path,
        path=recipient.path,
        address="" if target is None else target.address,
        detail=None if target is None else target.detail,
        outside=recipient.outside if account_id is None else (),
        sender="" if seen is None else seen.from_address[:TEXT_CHARS],
        subject="" if seen is None else seen.fields.subject[:TEXT_CHARS],
        why=_why(judgement.runs, one),
        because=one.decision.because,
        score=one.decision.score,
        trace_id=message_id,
        ip=envelope.origin.ip,
        smtputf8=envelope.smtputf8,
        eight_bit=envelope.eight_bit,
        binary=envelope.binary,
        require_tls=envelope.require_tls,
    )
    if account_id is None:
        digest = blake2b(digest + recipient.path.lower().encode(), digest_size=32).digest()
    return _Wanted(account_id or NOBODY, digest, kept)


def _why(runs: tuple[Run, ...], one: Judged) -> tuple[str, ...]:
    found = [
        f"{finding.text} ({finding.detail})" if finding.detail else finding.text
        for run in runs
        if run.check not in one.rules.ignored
        for finding in run.findings
        if finding.name in one.decision.because and finding.account_id in (None, one.account_id)
    ]
    return tuple(dict.fromkeys(found))[:WHY_MOST]


def _all_kept(tx: Tx, keys: KeyRing, wanted: tuple[_Wanted, ...]) -> bool:
    return all(keep.is_kept(tx, keys, one.account_id, one.digest) for one in wanted)


def _envelope(message: KeptMessage, hostname: str) -> Envelope:
    kept = message.kept
    local: tuple[LocalTarget, ...] = ()
    if message.account_id != NOBODY:
        local = (LocalTarget(message.account_id, kept.address, kept.detail),)
    return Envelope(
        origin=Origin("", hostname, "LOCAL"),
        reverse_path=kept.reverse_path,
        recipients=(Recipient(kept.path, local, kept.outside, here=True),),
        smtputf8=kept.smtputf8,
        eight_bit=kept.eight_bit,
        binary=kept.binary,
        require_tls=kept.require_tls,
    )
