"""What the runner writes: destinations taken, attempts settled, destinations given back.

Each is one transaction, and where one thing follows another (an attempt was settled, the next
messages are wanted, there are none) it is the same one. Called by `runner`, `destination` and
`local`; calls `domain/queue`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pillarbox.base.errors import Conflict, Failure
from pillarbox.base.ids import BlobId, public_id
from pillarbox.base.log import logger
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.sweep import release_blob
from pillarbox.domain.queue import lease, settle
from pillarbox.domain.queue.destinations import waiting
from pillarbox.domain.queue.model import (
    Health,
    LeasedDestination,
    LeasedMessage,
    LeasedRecipient,
    Result,
    Settlement,
)
from pillarbox.formats.dsn.model import Action
from pillarbox.pipeline.outbound.reports import PreparedReport
from pillarbox.storage.db import Database
from pillarbox.storage.tx import Tx

PAUSE_AT_FIRST_S, PAUSE_AT_MOST_S = 0.5, 30.0

_log = logger("queue")


class Reporter(Protocol):
    """Tells senders what became of their mail."""

    async def prepare(
        self,
        message: LeasedMessage,
        content: bytes,
        results: tuple[Result, ...],
        kinds: tuple[Action | None, ...],
    ) -> PreparedReport | None: ...

    def file(self, tx: Tx, prepared: PreparedReport) -> None: ...


@dataclass(frozen=True, slots=True)
class Following:
    """What to do with the destination once an attempt is settled.

    Pull up to `pull` recipients; where there are none and `release` is given, give the destination
    back with that health.
    """

    domain: str
    pull: int = 0
    release: Health | None = None
    not_before_ms: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """What came of it: the messages that were pulled, and whether the destination was released."""

    messages: Sequence[LeasedMessage] = ()
    released: bool = False


@dataclass(frozen=True, slots=True)
class Settling:
    """The writing side of the queue for one process, whose name in leases is `owner`."""

    database: Database
    store: ContentStore
    reports: Reporter
    owner: str
    lease_ms: int = 60_000

    async def take(
        self, most: int, pull: int, *, take_over: bool = True
    ) -> list[tuple[LeasedDestination, list[LeasedMessage]]]:
        """Take up to `most` destinations that are due, with their first messages.

        One that turns out to have none is given back at once, and is not among them. Without
        `take_over` only such as nobody was sending to.
        """
        return await self.database.write(_take, self.owner, most, self.lease_ms, pull, take_over)

    async def renew(self) -> frozenset[str]:
        """Hold everything for longer; gives the domains that are still held."""
        return await self.database.write(lease.renew, self.owner, self.lease_ms)

    async def abandon(self, domain: str) -> None:
        """Give back a destination that is held by mistake."""
        await self.database.write(lease.abandon, self.owner, domain)

    async def next_due_ms(self) -> int | None:
        """When there will be a destination to take."""
        return await self.database.lookup(lease.next_due_ms)

    async def is_due(self, domain: str) -> bool:
        """Whether there is something to pull of a destination."""
        return await self.database.lookup(_is_due, domain)

    async def load(self, message: LeasedMessage) -> bytes:
        """The content of a message; small content is opened on the event loop.

        Raises `NotFound` where the message is gone and `Unavailable` where it can't be read.
        """
        get = self.database.lookup if message.size_bytes <= _QUICK_BYTES else self.database.read
        keys, blobs = self.store.keys, self.store.blobs
        return await get(lease.content, keys, blobs, message.id)

    async def settle(
        self,
        message: LeasedMessage,
        settlement: Settlement,
        report: PreparedReport | None,
        following: Following,
    ) -> Step:
        """Write down what an attempt did; tried until it is on disk, whatever the database does.

        Mail that was handed over and not noted would be sent twice.
        """
        pause_s = PAUSE_AT_FIRST_S
        while True:
            try:
                gone, step = await self.database.write(_settle, self, settlement, report, following)
                break
            except Exception as error:
                if not may_pass(error):
                    if report is None:
                        raise
                    _log.exception("a report can't be filed", message=public_id("", message.id))
                    report = None
                    continue
                if pause_s == PAUSE_AT_FIRST_S:  # it is said once, however long it takes
                    _log.warning(
                        "an attempt can't be noted yet",
                        message=public_id("", message.id),
                        why=reason(error),
                    )
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_AT_MOST_S)
        await self.remove_file(message, gone)
        return step

    def settle_in(
        self, tx: Tx, settlement: Settlement, report: PreparedReport | None
    ) -> BlobId | None:
        """The same within a transaction; gives the blob whose file is to be removed after it."""
        settled = settle.settle(tx, settlement)
        if report is not None and settled.applied:
            self.reports.file(tx, report)
        blob = settled.released_blob
        return blob if blob is not None and release_blob(tx, self.store.blobs, blob) else None

    async def remove_file(self, message: LeasedMessage, gone: BlobId | None) -> None:
        """Remove the file of content that is gone; one that stays is swept later."""
        blobs = self.store.blobs
        if gone is None or not blobs.may_be_in_file(message.size_bytes):
            return
        try:
            await asyncio.to_thread(blobs.remove_file, gone)
        except OSError as error:
            _log.warning("a file of sent content stays", why=str(error))

    async def give_back(self, domain: str, untried: Sequence[LeasedRecipient]) -> None:
        """Let recipients of a destination that is held wait again: nothing was tried."""
        ids = tuple(recipient.id for recipient in untried)
        await self.database.write(lease.give_back, self.owner, domain, ids)

    async def go_on(self, following: Following) -> Step:
        """Pull, or give back, with nothing to settle."""
        return await self.database.write(_follow, self, following)

    async def release(
        self,
        domain: str,
        health: Health,
        not_before_ms: int,
        untried: Sequence[LeasedRecipient],
    ) -> None:
        """Give a destination back; an attempt at the `untried` never began."""
        ids = tuple(recipient.id for recipient in untried)
        await self.database.write(_release, self.owner, domain, health, not_before_ms, ids)


_QUICK_BYTES = 64 * 1024


def may_pass(error: Exception) -> bool:
    """Whether the same may succeed when it is done again."""
    return isinstance(error, Failure) and (error.temporary or isinstance(error, Conflict))


def reason(error: Exception) -> str:
    """What the log says of it."""
    return (error.cause or error.public) if isinstance(error, Failure) else str(error)


def _take(
    tx: Tx, owner: str, most: int, lease_ms: int, pull: int, take_over: bool
) -> list[tuple[LeasedDestination, list[LeasedMessage]]]:
    taken = []
    for destination in lease.take_destinations(tx, owner, most, lease_ms, take_over=take_over):
        messages = lease.pull(tx, owner, destination.domain, pull)
        if messages:
            taken.append((destination, messages))
        else:
            lease.release(tx, owner, destination.domain, destination.health)
    return taken


def _is_due(tx: Tx, domain: str) -> bool:
    _, first_ms = waiting(tx, domain)
    return first_ms is not None and first_ms <= tx.now_ms


def _settle(
    tx: Tx,
    settling: Settling,
    settlement: Settlement,
    report: PreparedReport | None,
    following: Following,
) -> tuple[BlobId | None, Step]:
    gone = settling.settle_in(tx, settlement, report)
    return gone, _follow(tx, settling, following)


def _follow(tx: Tx, settling: Settling, following: Following) -> Step:
    domain, owner = following.domain, settling.owner
    messages = lease.pull(tx, owner, domain, following.pull) if following.pull else []
    if messages or following.release is None:
        return Step(messages)
    lease.release(tx, owner, domain, following.release, following.not_before_ms)
    return Step(released=True)


def _release(
    tx: Tx,
    owner: str,
    domain: str,
    health: Health,
    not_before_ms: int,
    untried: tuple[int, ...],
) -> None:
    lease.give_back(tx, owner, domain, untried)
    lease.release(tx, owner, domain, health, not_before_ms)
