"""Several writer processes on one SQLite file: commits a second, latency and fairness.

For choosing the default number of workers and the way they take turns. Not for measuring the
mail server itself: a unit here is the rows of one delivery, without parsing or sealing.

Turns are taken in one of three ways, each before `BEGIN IMMEDIATE`:
`busy` leaves waiting to SQLite's busy handler (it sleeps and polls), `flock` blocks on a lock of
a side file, `turnstile` blocks on two side files so that who releases cannot overtake who waits.

    python bench/sqlite_writers.py --seconds 2
"""

from __future__ import annotations

import argparse
import fcntl
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    import pysqlite3 as sqlite3
except ImportError:
    import sqlite3

if TYPE_CHECKING:
    from collections.abc import Iterator

METHODS = ("busy", "flock", "turnstile")
HEADER = (
    "method     procs group think_us commits/s  units/s   p50ms   p99ms    maxms cpu/commit fair"
)
SCHEMA = """
CREATE TABLE accounts (id INTEGER PRIMARY KEY, modseq INTEGER NOT NULL);
CREATE TABLE emails (id INTEGER PRIMARY KEY, account_id INTEGER, sealed BLOB, summary BLOB);
CREATE TABLE messages (id INTEGER PRIMARY KEY, account_id INTEGER, mailbox_id INTEGER,
  uid INTEGER, flags INTEGER, modseq INTEGER, email_id INTEGER);
CREATE INDEX messages_by_uid ON messages (mailbox_id, uid);
CREATE TABLE changes (account_id INTEGER, modseq INTEGER, kind INTEGER, object_id INTEGER,
  PRIMARY KEY (account_id, modseq)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Case:
    method: str
    processes: int
    group: int
    think_us: int
    sealed_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; latencies run from asking for the turn to the end of COMMIT."""

    method: str
    processes: int
    group: int
    think_us: int
    commits_s: float
    units_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_ms_per_commit: float
    fairness: float
    busy_errors: int


def connect(path: Path) -> Any:
    db = sqlite3.connect(str(path), isolation_level=None, timeout=30.0)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA busy_timeout=30000")
    return db


@contextmanager
def _flock(fd: int) -> Iterator[None]:
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)


@contextmanager
def _turnstile(door_fd: int, room_fd: int) -> Iterator[None]:
    fcntl.flock(door_fd, fcntl.LOCK_EX)
    try:
        fcntl.flock(room_fd, fcntl.LOCK_EX)
    finally:
        fcntl.flock(door_fd, fcntl.LOCK_UN)
    try:
        yield
    finally:
        fcntl.flock(room_fd, fcntl.LOCK_UN)


def turn_taker(method: str, path: Path) -> Callable[[], AbstractContextManager[None]]:
    """Give the function whose context is held around one transaction."""
    if method == "busy":
        return nullcontext
    room_fd = os.open(f"{path}.writer", os.O_RDWR | os.O_CREAT, 0o600)
    if method == "flock":
        return lambda: _flock(room_fd)
    door_fd = os.open(f"{path}.door", os.O_RDWR | os.O_CREAT, 0o600)
    return lambda: _turnstile(door_fd, room_fd)


def write_unit(db: Any, account: int, sealed: bytes, summary: bytes) -> None:
    db.execute("SAVEPOINT unit")
    (modseq,) = db.execute(
        "UPDATE accounts SET modseq = modseq + 1 WHERE id = ? RETURNING modseq", (account,)
    ).fetchone()
    email = db.execute(
        "INSERT INTO emails (account_id, sealed, summary) VALUES (?, ?, ?)",
        (account, sealed, summary),
    ).lastrowid
    message = db.execute(
        "INSERT INTO messages (account_id, mailbox_id, uid, flags, modseq, email_id)"
        " VALUES (?, ?, ?, 0, ?, ?)",
        (account, account, modseq, modseq, email),
    ).lastrowid
    db.execute("INSERT INTO changes VALUES (?, ?, 1, ?)", (account, modseq, message))
    db.execute("RELEASE unit")


def spin(think_us: int) -> None:
    end = time.thread_time() + think_us / 1e6
    while time.thread_time() < end:
        pass


def writer(path: Path, case: Case, account: int, gate: Any, out: Any) -> None:
    """Commit groups of units until the time is over; then put latencies and counts into `out`."""
    db = connect(path)
    take_turn = turn_taker(case.method, path)
    sealed = os.urandom(case.sealed_bytes)
    summary = os.urandom(300)
    waits_s: list[float] = []
    busy_errors = 0
    gate.wait(30)
    cpu_start = time.process_time()
    end = time.perf_counter() + case.seconds
    while (asked := time.perf_counter()) < end:
        if case.think_us:
            spin(case.think_us * case.group)
            asked = time.perf_counter()
        try:
            with take_turn():
                db.execute("BEGIN IMMEDIATE")
                for _ in range(case.group):
                    write_unit(db, account, sealed, summary)
                db.execute("COMMIT")
        except sqlite3.OperationalError:
            busy_errors += 1
            if db.in_transaction:
                db.execute("ROLLBACK")
            continue
        waits_s.append(time.perf_counter() - asked)
    out.put((waits_s, busy_errors, time.process_time() - cpu_start))
    db.close()


def measure(case: Case, folder: Path) -> Row:
    """Run one case on a fresh file; check afterwards that every acknowledged unit is there."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        path = Path(name) / "writers.db"
        db = connect(path)
        db.executescript(SCHEMA)
        db.executemany("INSERT INTO accounts VALUES (?, 0)", [(i,) for i in range(case.processes)])
        db.close()
        context = multiprocessing.get_context("fork")
        gate = context.Barrier(case.processes)
        out = context.Queue()
        children = [
            context.Process(target=writer, args=(path, case, number, gate, out), daemon=True)
            for number in range(case.processes)
        ]
        for child in children:
            child.start()
        results = [out.get(timeout=case.seconds + 60) for _ in children]
        for child in children:
            child.join(30)
        db = connect(path)
        (stored,) = db.execute("SELECT count(*) FROM messages").fetchone()
        db.close()
    commits = [len(waits_s) for waits_s, _, _ in results]
    if stored != sum(commits) * case.group:
        raise SystemExit(f"{case}: {stored} units on disk, {sum(commits) * case.group} counted")
    return _row(case, results, commits)


def _row(case: Case, results: list[Any], commits: list[int]) -> Row:
    waits_s = sorted(wait for part, _, _ in results for wait in part)
    total = len(waits_s)
    if not total:
        raise SystemExit(f"{case}: not one commit")
    return Row(
        method=case.method,
        processes=case.processes,
        group=case.group,
        think_us=case.think_us,
        commits_s=round(total / case.seconds, 1),
        units_s=round(total * case.group / case.seconds, 1),
        p50_ms=round(waits_s[total // 2] * 1000, 3),
        p99_ms=round(waits_s[min(total - 1, int(total * 0.99))] * 1000, 3),
        max_ms=round(waits_s[-1] * 1000, 3),
        cpu_ms_per_commit=round(sum(cpu for _, _, cpu in results) * 1000 / total, 3),
        fairness=round(min(commits) / max(commits), 3),
        busy_errors=sum(errors for _, errors, _ in results),
    )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Raw)
    parser.add_argument("--processes", type=_numbers, default=(1, 2, 4))
    parser.add_argument("--groups", type=_numbers, default=(1, 10, 50))
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--think-us", type=_numbers, default=(0,), help="CPU before each unit")
    parser.add_argument("--sealed-bytes", type=int, default=2048)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    print(f"SQLite {sqlite3.sqlite_version}, WAL, synchronous=FULL", file=sys.stderr)
    if not options.json:
        print(HEADER)
    rows: list[Row] = []
    for think_us in options.think_us:
        for group in options.groups:
            for processes in options.processes:
                for method in options.methods.split(","):
                    case = Case(
                        method, processes, group, think_us, options.sealed_bytes, options.seconds
                    )
                    row = measure(case, options.dir)
                    rows.append(row)
                    if not options.json:
                        print(_line(row), flush=True)
    if options.json:
        json.dump([asdict(row) for row in rows], sys.stdout, indent=1)


def _line(row: Row) -> str:
    return (
        f"{row.method:10} {row.processes:5} {row.group:5} {row.think_us:8} {row.commits_s:9.0f}"
        f" {row.units_s:8.0f} {row.p50_ms:7.2f} {row.p99_ms:7.2f} {row.max_ms:8.1f}"
        f" {row.cpu_ms_per_commit:10.3f} {row.fairness:.2f}"
        + (f"  {row.busy_errors} busy errors" if row.busy_errors else "")
    )


class _Raw(argparse.RawDescriptionHelpFormatter):
    pass


if __name__ == "__main__":
    main()
