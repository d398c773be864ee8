"""How fast mail is indexed and found, and how large the index is: `python bench/search_index.py`.

In one process, without the wire: an account on a new SQLite file in a temporary folder, messages of
`corpus`, then each search several times. `--messages N` (10000), `--size BYTES` (2000).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "src"), str(HERE.parent / "tests")]

import corpus  # noqa: E402

from kit.mail import MailAccount, content_store  # noqa: E402
from pillarbox.base.cache import ByteCache  # noqa: E402
from pillarbox.base.clock import SystemClock  # noqa: E402
from pillarbox.base.cpu import Line  # noqa: E402
from pillarbox.base.ids import BlobId, IdSource, MailboxId  # noqa: E402
from pillarbox.domain.mail import append  # noqa: E402
from pillarbox.domain.mail import query as q  # noqa: E402
from pillarbox.domain.mail.content import prepare  # noqa: E402
from pillarbox.domain.mail.index import store as index  # noqa: E402
from pillarbox.domain.mail.model import Flag, FlagSet  # noqa: E402
from pillarbox.pipeline.extraction import Extraction  # noqa: E402
from pillarbox.pipeline.jobs.indexing import Indexing  # noqa: E402
from pillarbox.pipeline.mail_search import CACHE_BYTES, MailSearch  # noqa: E402
from pillarbox.storage.db import Database  # noqa: E402
from pillarbox.storage.dialect.sqlite import SqliteDialect  # noqa: E402
from pillarbox.storage.migrate import ensure_schema  # noqa: E402

TIMES = 20
SEARCHES: dict[str, q.Query] = {
    "TEXT rare word": q.Text(corpus.RARE_WORD),
    "TEXT part of a rare word": q.Text(corpus.RARE_WORD[2:7]),
    "TEXT absent": q.Text("nowhereatall"),
    "TEXT frequent word": q.Text("bench"),
    "TEXT one letter": q.Text("e"),
    "BODY two rare words": q.Body(f"stands {corpus.RARE_WORD}"),
    "SUBJECT": q.Subject(corpus.RARE_SUBJECT),
    "FROM one of 97": q.Address("from", "sender17@"),
    "FROM word": q.Address("from", "sender17"),
    "HEADER Message-ID": q.Header("message-id", "<77."),
    "HEADER Received word": q.Header("received", "mx3"),
    "HEADER presence": q.Header("received", ""),
    "UNSEEN TEXT": q.And((q.Not(q.HasFlag(Flag.SEEN)), q.Text(corpus.RARE_WORD))),
    "NOT TEXT": q.Not(q.Text(corpus.RARE_WORD)),
    "FUZZY TEXT": q.Fuzzy(q.Text("quokafern")),
}


async def _fill(account: MailAccount, count: int, size_bytes: int) -> int:
    box = MailboxId((await account.box()).id)
    ids = IdSource()
    total = 0

    async def put(number: int) -> int:
        content = corpus.message(number, size_bytes)
        email = prepare(content, BlobId(ids.next()))
        await account.database.write(
            append.append, account.store, account.id, box, email, FlagSet(), 0
        )
        return len(content)

    for first in range(0, count, 64):
        total += sum(await asyncio.gather(*map(put, range(first, min(first + 64, count)))))
    return total


async def _times(account: MailAccount, search: MailSearch, query: q.Query) -> dict[str, Any]:
    box = (await account.box()).id
    took: list[float] = []
    found = 0
    for _ in range(TIMES):
        began = time.perf_counter()
        found = len((await search.find(account.id, box, query)).uids)
        took.append((time.perf_counter() - began) * 1000)
        if sum(took) > 5000:
            break
    cold, warm = took[0], sorted(took[1:] or took)
    return {
        "found": found,
        "cold_ms": round(cold, 1),
        "warm_ms": round(warm[len(warm) // 2], 1),
        "best_ms": round(warm[0], 1),
    }


async def _run(folder: Path, count: int, size_bytes: int) -> dict[str, Any]:
    dialect = SqliteDialect(folder / "mail.db", checkpoint=True)
    ensure_schema(dialect, folder / "lock")
    database = Database(
        dialect,
        clock=SystemClock(),
        ids=IdSource(),
        publish=lambda topic: None,
        lock_path=folder / "lock",
    )
    account = await MailAccount.open(database, content_store(folder / "blobs", 1 << 20))
    result: dict[str, Any] = {"messages": count}
    result["mail_bytes"] = await _fill(account, count, size_bytes)
    extraction = Extraction()
    indexing = Indexing(database, account.store, ByteCache(CACHE_BYTES), extraction, "bench")
    began, cpu = time.perf_counter(), time.process_time()
    await indexing.index(account.id, urgent=True)
    result["indexed_per_s"] = round(count / (time.perf_counter() - began))
    result["indexed_per_cpu_s"] = round(count / (time.process_time() - cpu))
    segments = await database.read(index.segments, account.id)
    result["segments"] = [one.emails for one in segments]
    result["index_bytes"] = sum(one.size_bytes for one in segments)
    result["searches"] = {}
    for name, query in SEARCHES.items():
        fresh = MailSearch(database, account.store, Line(2, 8), ByteCache(CACHE_BYTES), indexing)
        result["searches"][name] = await _times(account, fresh, query)
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    await indexing.close()
    await extraction.close()
    await database.close()
    return result


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--size", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(_run(Path(folder), options.messages, options.size))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
