"""Whether a long queue costs more than a short one: `python bench/queue_deep.py`.

In one process, without the wire: a queue of N messages on a new SQLite file, nine in ten of them
waiting for a later attempt. Then what a process does with it, each several times, and a runner that
sends to hosts which take everything at once. `--messages 1000,100000`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "src"), str(HERE.parent / "tests")]

import corpus  # noqa: E402

from kit.clock import FakeClock  # noqa: E402
from kit.outbound import Post, open_post  # noqa: E402
from pillarbox.base.ids import BlobId, IdSource, QueueId  # noqa: E402
from pillarbox.domain.queue import inspect, lease  # noqa: E402
from pillarbox.domain.queue.enqueue import enqueue  # noqa: E402
from pillarbox.domain.queue.model import Health, Outgoing, OutgoingRecipient  # noqa: E402
from pillarbox.storage.blobs.sealed import SealedBlob, seal  # noqa: E402
from pillarbox.storage.db import Database  # noqa: E402
from pillarbox.storage.dialect.sqlite import SqliteDialect  # noqa: E402
from pillarbox.storage.migrate import ensure_schema  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pillarbox.domain.mail.content import ContentStore
    from pillarbox.storage.tx import Tx

DOMAINS = 50
TIMES = 20
SENT = 2000
LATER_MS = 3_600_000


def _put(tx: Tx, store: ContentStore, blobs: Sequence[tuple[int, SealedBlob]]) -> None:
    for number, blob in blobs:
        store.blobs.insert(tx, blob)
        recipient = OutgoingRecipient(f"u{number}@d{number % DOMAINS}.test")
        hold_ms = tx.now_ms + LATER_MS if number >= SENT else None
        outgoing = Outgoing("a@example.test", (recipient,), hold_until_ms=hold_ms)
        enqueue(tx, store.keys, blob, outgoing, tx.now_ms + 100 * LATER_MS)


async def _fill(post: Post, count: int) -> None:
    ids, content = IdSource(), corpus.message(3, 500)
    for first in range(0, count, 500):
        numbers = range(first, min(first + 500, count))
        blobs = [(number, seal(BlobId(ids.next()), content)) for number in numbers]
        await post.database.write(_put, post.store, blobs)


def _take_and_pull(tx: Tx) -> None:
    (taken,) = lease.take_destinations(tx, "me", 1, 60_000)
    pulled = lease.pull(tx, "me", taken.domain, 50)
    numbers = [one.id for message in pulled for one in message.recipients]
    lease.give_back(tx, "me", taken.domain, numbers)
    lease.release(tx, "me", taken.domain, Health())


def _list(tx: Tx) -> None:
    inspect.list_of(tx, QueueId(0), 100)


async def _took_ms(post: Post, work: Callable[[Tx], object]) -> float:
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        await post.database.write(work)
        took.append((time.perf_counter() - began) * 1000)
    return round(sorted(took)[TIMES // 2], 3)


def _memory_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * 4096 / (1 << 20), 1)


async def _measure(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder, clock = Path(name), FakeClock()
        dialect = SqliteDialect(folder / "mail.db", checkpoint=True)
        ensure_schema(dialect, folder / "lock")
        database = Database(
            dialect,
            clock=clock,
            ids=IdSource(),
            publish=lambda topic: None,
            lock_path=folder / "lock",
        )
        post = open_post(database, folder, clock)
        await _fill(post, count)
        clock.advance(seconds=1)
        found: dict[str, Any] = {
            "messages": count,
            "take, pull 50, give back (ms)": await _took_ms(post, _take_and_pull),
            "next due time (ms)": await _took_ms(post, lease.next_due_ms),
            "list 100 (ms)": await _took_ms(post, _list),
            "destinations (ms)": await _took_ms(post, inspect.destinations),
            "counts (ms)": await _took_ms(post, inspect.counts),
        }
        before_mib, began = _memory_mib(), time.perf_counter()
        await post.work()
        spent_s = time.perf_counter() - began
        sent = min(SENT, count)
        if len(post.hosts.sent) != sent:
            raise SystemExit(f"{len(post.hosts.sent)} of {sent} were sent")
        found["sent (msg/s)"] = round(sent / spent_s)
        found["memory before, grown by (MiB)"] = (
            before_mib,
            round(_memory_mib() - before_mib, 1),
        )
        await database.close()
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", default="2000,100000")
    options = parser.parse_args()
    for count in options.messages.split(","):
        print(json.dumps(asyncio.run(_measure(int(count))), indent=1), flush=True)


if __name__ == "__main__":
    main()
