"""Indexing mail for searches, some time after it came in.

Delivery and every other change of a mailbox only leave their usual hint. A moment later, when no
more come, what lies above the mailbox's mark is read, indexed outside of any write transaction, and
stored in a short one. A few messages are left alone for a while: a search reads those itself.
Each account is worked at under a lease. Done at leisure, except when a search waits for it.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from pillarbox.base.cache import ByteCache
from pillarbox.base.errors import Busy, Conflict, Failure, NotFound, Unavailable
from pillarbox.base.ids import AccountId, EmailId
from pillarbox.base.log import logger
from pillarbox.domain.mail.content import ContentStore
from pillarbox.domain.mail.index import catch_up
from pillarbox.domain.mail.index import store as index
from pillarbox.domain.mail.index.build import build
from pillarbox.domain.mail.index.catch_up import Batch, Limits
from pillarbox.domain.mail.index.documents import Attached, without_text
from pillarbox.domain.mail.index.store import SealedSegment
from pillarbox.pipeline.extraction import Extraction
from pillarbox.storage import leases
from pillarbox.storage.db import Database
from pillarbox.storage.keys import Sealer

Progress = Callable[[int, int], None]

LOOK_EVERY_S = 600
UPKEEP_EVERY_S = 24 * 3600
TIDY_EVERY_S = 1.0
QUIET_S = 2.0
NOTED_AT_MOST_S = 20.0
FEW = 32
"""So few messages above a mark are left there, for `FEW_WAIT_S` at most."""
FEW_WAIT_S = 300.0
LEASE_MS = 60_000
RENEW_AFTER_S = 15.0
REST = 2.0
"""At leisure, so much longer a pause than the work before it."""
REST_AT_MOST_S = 5.0
SWEEP_STEP = 50
TEXT_CHARACTERS = 1 << 20
"""Of the text inside all attachments of an email."""
SLOW_FROM_S, SLOW_MOST = 5.0, 3
"""Of an email with so many documents that took so long for nothing the others are left out."""

_ACCOUNT = "account:"
_log = logger("indexing")


@dataclass(slots=True)
class _Noted:
    """When an account's hints began, and when the latest came (monotonic seconds)."""

    first_s: float
    last_s: float
    looked: bool = False


@dataclass(slots=True)
class _Run:
    """The indexing of an account under way; `urgent` once somebody waits for it."""

    task: "asyncio.Task[bool]"
    urgent: asyncio.Event = field(default_factory=asyncio.Event)
    listeners: list[Progress] = field(default_factory=list)


class Indexing:
    """Keeps the search index of every account; one for a process, with a name of its own."""

    def __init__(
        self,
        database: Database,
        content: ContentStore,
        cache: ByteCache,
        extraction: Extraction,
        owner: str,
        limits: Limits | None = None,
    ) -> None:
        self._database = database
        self._content = content
        self._cache = cache
        self._extraction = extraction
        self._owner = owner
        self._limits = limits or Limits()
        self._noted: dict[AccountId, _Noted] = {}
        self._runs: dict[AccountId, _Run] = {}

    def note(self, topic: str) -> None:
        """Hear of a hint that this process publishes; those of accounts may mean new mail."""
        if not topic.startswith(_ACCOUNT):
            return
        account = AccountId(int(topic[len(_ACCOUNT) :]))
        now_s = time.monotonic()
        noted = self._noted.get(account)
        if noted is None:
            self._noted[account] = _Noted(now_s, now_s)
        else:
            noted.last_s = now_s

    async def run(self) -> None:
        """Index what was noted, one account at a time, until cancelled."""
        while True:
            await asyncio.sleep(TIDY_EVERY_S)
            try:
                await self.run_noted()
            except Failure as failure:
                _log.warning("mail can't be indexed now", why=failure.cause or failure.public)
            except Exception:
                _log.exception("mail can't be indexed")  # searches read what is not indexed

    async def run_noted(self) -> None:
        """Index every account whose hints have been quiet for a moment."""
        now_s = time.monotonic()
        for account, noted in tuple(self._noted.items()):
            waited_s, quiet_s = now_s - noted.first_s, now_s - noted.last_s
            if quiet_s < QUIET_S and waited_s < NOTED_AT_MOST_S:
                continue
            if noted.looked and quiet_s > NOTED_AT_MOST_S and waited_s < FEW_WAIT_S:
                continue
            behind = await self._behind(account)
            if 0 < behind < FEW and waited_s < FEW_WAIT_S:
                noted.looked = True
                continue
            self._noted.pop(account, None)
            if behind:
                await self.index(account)

    async def look(self) -> None:
        """Note every account with mail that is not indexed; a periodic job of one process."""
        behind = await self._database.read(index.lagging)
        long_ago_s = time.monotonic() - FEW_WAIT_S
        for account in behind:
            if account not in self._noted:
                self._noted[account] = _Noted(long_ago_s, long_ago_s)

    async def upkeep(self) -> None:
        """Remove what belongs to nobody, and what segments hold of deleted mail."""
        while await self._database.write(index.sweep, SWEEP_STEP) == SWEEP_STEP:
            pass
        for account in await self._database.read(catch_up.bloated):
            with suppress(NotFound):
                await self._compact(account)

    async def index(
        self, account: AccountId, *, urgent: bool = False, progress: Progress | None = None
    ) -> bool:
        """Index an account to its end; `False` where another process is at it.

        `urgent`: somebody waits, so there are no pauses. Raises what the database raises.
        """
        run = self._runs.get(account)
        if run is None:
            task = asyncio.ensure_future(self._index_leased(account))
            run = self._runs[account] = _Run(task)
            task.add_done_callback(lambda done: self._ended(account, done))
        if urgent:
            run.urgent.set()
        if progress is not None:
            run.listeners.append(progress)
        try:
            return await asyncio.shield(run.task)
        finally:
            if progress is not None:
                run.listeners.remove(progress)

    async def know_attachments(
        self, account: AccountId, emails: Sequence[EmailId], go_on: Callable[[], bool]
    ) -> None:
        """Have the text inside the attachments of some emails taken out and kept.

        What can't be had now is left for later, and told in the log; so are those left when
        `go_on`, asked before each email, says no.
        """
        for email in emails:
            if not go_on():
                _log.warning("attachments take too long to read", account=account)
                return
            missing = await self._database.read(
                without_text, self._content, self._cache, account, [email]
            )
            for attached in missing:
                sealer = await self._database.read(index.sealer_of, self._content.keys, account)
                await self._keep_text(attached, sealer)

    async def close(self) -> None:
        """Stop what is under way; it is taken up again later."""
        tasks = [run.task for run in self._runs.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, account: AccountId, done: "asyncio.Task[bool]") -> None:
        self._runs.pop(account, None)
        if not done.cancelled():
            done.exception()  # it was raised to those who wait, if there were any

    async def _behind(self, account: AccountId) -> int:
        rows = await self._database.lookup(index.lag, account)
        return sum(last - mark for _, mark, last in rows)

    async def _index_leased(self, account: AccountId) -> bool:
        lease = f"index {account}"
        if not await self._database.write(leases.take, lease, self._owner, LEASE_MS):
            return False
        try:
            await self._index(account, lease)
        except NotFound:
            return True  # the account is gone
        finally:
            await asyncio.shield(self._database.write(leases.remove, lease, self._owner))
        return True

    async def _index(self, account: AccountId, lease: str) -> None:
        done, total = 0, await self._behind(account)
        renewed_s = time.monotonic()
        while True:
            began_s = time.monotonic()
            batch = await self._database.read(
                catch_up.next_batch, self._content, self._cache, account, self._limits
            )
            if batch is None:
                break
            await self._store(account, batch)
            await self._merge(account)
            done += sum(move.new - move.old for move in batch.moves)
            run = self._runs.get(account)
            for listener in tuple(run.listeners) if run is not None else ():
                listener(min(done, total), max(done, total))
            if time.monotonic() - renewed_s > RENEW_AFTER_S:
                renewed_s = time.monotonic()
                if not await self._database.write(leases.renew, lease, self._owner, LEASE_MS):
                    break
            await self._rest(account, time.monotonic() - began_s)

    async def _store(self, account: AccountId, batch: Batch) -> None:
        documents = dict(zip(batch.emails, batch.documents, strict=True))
        for attached in batch.attached:
            text = await self._keep_text(attached, batch.sealer)
            document = documents[attached.email]
            if text is not None and document is not None:
                documents[attached.email] = document.with_attached(text)
        segment: SealedSegment | None = None
        if documents:
            segment_id = self._database.ids.next()

            def made() -> SealedSegment:
                sections = build(documents.values())
                return index.seal(batch.sealer, segment_id, list(documents), sections)

            segment = await asyncio.to_thread(made)
        with suppress(Conflict):  # somebody else has indexed it: look again
            await self._database.write(index.add, account, segment, batch.moves)

    async def _merge(self, account: AccountId) -> None:
        while True:
            merge = await self._database.read(catch_up.next_merge, self._content, account)
            if merge is None:
                return
            began_s = time.monotonic()
            merged = await asyncio.to_thread(merge.run, self._database.ids.next())
            try:
                if not await self._database.write(index.replace, account, merge.segments, merged):
                    return
            except Conflict:
                return
            await self._rest(account, time.monotonic() - began_s)

    async def _compact(self, account: AccountId) -> None:
        """Make segments anew that hold much of what was deleted."""
        mostly_gone = await self._database.read(catch_up.mostly_gone, self._content, account)
        for segment in mostly_gone:
            merge = await self._database.read(
                catch_up.next_merge, self._content, account, [segment]
            )
            if merge is not None:
                merged = await asyncio.to_thread(merge.run, self._database.ids.next())
                with suppress(Conflict):
                    await self._database.write(index.replace, account, merge.segments, merged)

    async def _rest(self, account: AccountId, worked_s: float) -> None:
        run = self._runs.get(account)
        if run is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(min(worked_s * REST, REST_AT_MOST_S)):
                await run.urgent.wait()

    async def _keep_text(self, attached: Attached, sealer: Sealer) -> str | None:
        """Take the text out of an email's attachments and keep it; `None` if it can't be had."""
        texts: list[str] = []
        left, slow = TEXT_CHARACTERS, 0
        try:
            for part in attached.parts:
                data = await asyncio.to_thread(part.content)
                began_s = time.monotonic()
                text = await self._extraction.text(part.content_type, part.filename, data)
                if text and left > 0:
                    texts.append(text[:left])
                    left -= len(texts[-1])
                slow += not text and time.monotonic() - began_s >= SLOW_FROM_S
                if slow >= SLOW_MOST or not left:
                    break  # its sender must not keep everybody's documents waiting
        except (Busy, Unavailable) as failure:
            _log.warning("attachments can't be read now", why=failure.cause or failure.public)
            return None
        whole = "\n".join(texts)
        sealed = await asyncio.to_thread(index.seal_attached, sealer, attached.email, whole)
        kept = await self._database.write(index.save_attached, attached.email, sealed)
        return whole if kept else await self._database.read(index.attached, sealer, attached.email)
