"""Purging what nobody can reach any more: expunged mail after its window, files of no blob.

Two jobs of `runner`: `run` for every hour, `run_orphans` to go through all blobs now and then. What
may go is decided by `domain/mail/sweep`. They work in small steps, so that mail on its way in never
waits long for them.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pillarbox.base.clock import Clock
from pillarbox.base.ids import BlobId
from pillarbox.base.log import logger
from pillarbox.domain.mail import sweep
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.db import Database

PURGE_EVERY_S = 3600
STEP = 100
LEFTOVER_AFTER_S = 24 * 3600.0
ORPHANS_EVERY_S = 7 * 24 * 3600
ORPHAN_AFTER_MS = 24 * 3_600_000
# Looking disturbs no writer, so these steps may be longer.
ORPHAN_STEP = 1000

_log = logger("jobs")


@dataclass(frozen=True, slots=True)
class Purge:
    """Removes emails, blobs and files that are of no more use."""

    database: Database
    store: BlobStore
    clock: Clock

    async def run(self) -> None:
        """Purge everything that is due; may be stopped and begun again at any point."""
        until_ms = self.clock.now_ms() - sweep.UNDELETE_WINDOW_MS
        while True:
            looked_at, gone = await self.database.write(sweep.sweep, self.store, until_ms, STEP)
            await asyncio.to_thread(self._remove, gone)
            if looked_at < STEP:
                break
        await self._leftovers()

    async def run_orphans(self) -> None:
        """Remove blobs that neither an email nor a queued message refers to, after a day."""
        before_ms = self.clock.now_ms() - ORPHAN_AFTER_MS
        after: BlobId | None = BlobId(0)
        while after is not None:
            after, found = await self.database.read(sweep.orphans, after, before_ms, ORPHAN_STEP)
            if found:
                gone = await self.database.write(sweep.release_all, self.store, found)
                await asyncio.to_thread(self._remove, gone)
                _log.warning("blobs that nothing refers to were removed", count=len(gone))

    async def _leftovers(self) -> None:
        """Files that were written for a transaction that never came."""
        before_s = time.time() - LEFTOVER_AFTER_S
        files = self.store.files()
        while batch := await asyncio.to_thread(_old, files, before_s):
            for blob, path in batch:
                if blob is None:
                    await asyncio.to_thread(path.unlink, True)
                elif not await self.database.lookup(sweep.is_known, blob):
                    await asyncio.to_thread(self.store.remove_file, blob)

    def _remove(self, gone: list[BlobId]) -> None:
        for blob in gone:
            self.store.remove_file(blob)


def _old(
    files: Iterator[tuple[BlobId | None, Path]], before_s: float
) -> list[tuple[BlobId | None, Path]]:
    """The next old files; an empty list at the end."""
    old = ((blob, path) for blob, path in files if _age_known(path, before_s))
    return list(islice(old, STEP))


def _age_known(path: Path, before_s: float) -> bool:
    try:
        return path.stat().st_mtime < before_s
    except OSError:
        return False
