"""Memory of the server's process tree: as it stands, and for each connection that idles.

Idle means logged in, INBOX selected, in IDLE. Needs --pid. Sizes are proportional (PSS): pages
that several processes share are counted once.

    python bench/memory.py --imap-port 1143 --rcpt a@example.test --password x --pid 4711
"""

from __future__ import annotations

import sys
import time

import target
from imap_idle import start_idle
from imap_wire import ImapWire
from metrics import Metrics
from proctree import pss_bytes, tree

SETTLE_S = 1.0
SETTLE_TRIES = 10
SETTLED_BYTES = 256 << 10
MIB = 1 << 20


def open_idle(at: target.Target, count: int) -> list[ImapWire]:
    """Open so many idle connections, spread over all accounts known."""
    made: list[ImapWire] = []
    for number in range(count):
        imap = ImapWire(at.host, at.imap_port, target.TIMEOUT_S)
        made.append(imap)
        imap.login(at.users[number % len(at.users)], at.password)
        imap.command(b"SELECT INBOX")
        start_idle(imap)
    return made


def settled_pss(at: target.Target) -> int:
    """Give the tree's PSS once it has stopped moving, as memory of logins is given back late."""
    last = pss_bytes(at.pids)
    for _ in range(SETTLE_TRIES):
        time.sleep(SETTLE_S)
        now = pss_bytes(at.pids)
        if abs(now - last) < SETTLED_BYTES:
            return now
        last = now
    return last


def main() -> None:
    parser = target.parser(__doc__)
    parser.add_argument("--connections", type=int, default=200, help="0: only as it stands")
    parser.add_argument("--label", default="idle", help="what the tree has been doing")
    options = parser.parse_args()
    at = target.of(options)
    if not at.pids:
        raise SystemExit("memory needs --pid")
    count = min(options.connections, 50) if options.quick else options.connections
    metrics = Metrics()
    before = settled_pss(at)
    metrics.add(f"pss_{options.label}", before / MIB, "MiB")
    metrics.add(f"processes_{options.label}", len(tree(at.pids)), "")
    if count:
        print(f"memory: opening {count} connections", file=sys.stderr)
        # The first connection of each account loads code and account; that is no per-connection
        # cost, so it is paid before the base is taken.
        first = open_idle(at, min(count, len(at.users)))
        base = settled_pss(at)
        begun = time.perf_counter()
        rest = open_idle(at, count)
        metrics.add("open_idle", (time.perf_counter() - begun) * 1000 / count, "ms")
        grown = settled_pss(at) - base
        metrics.add("per_idle_connection", grown / count / 1024, "KiB")
        for imap in first + rest:
            imap.close()
    metrics.print_json("memory")


if __name__ == "__main__":
    main()
