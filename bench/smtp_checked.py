"""Mail from many servers, with all checks on: signed, of mixed sizes, two messages a session.

As `smtp_in`, but the clients are the 500 servers of `senders`, by way of a proxy; the server under
test checks SPF, DKIM, DMARC, block lists and content, and asks the name server of the bench. A run
counts only if the mailbox says that all of it passed.

    python bench/smtp_checked.py --port 2525 --imap-port 1143 --names-port 5353 \\
        --data /var/tmp/bench --rcpt a@example.test --password x
"""

from __future__ import annotations

import sys
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "servers")]

import corpus  # noqa: E402
import senders  # noqa: E402
import target  # noqa: E402
import uvloop  # noqa: E402
from cost import CostWatch  # noqa: E402
from foreground import PROXY  # noqa: E402
from imap_wire import ImapWire  # noqa: E402
from metrics import Metrics, percentile  # noqa: E402
from names import questions  # noqa: E402
from smtp_in import (  # noqa: E402
    VISIBLE_TIMEOUT_S,
    Client,
    Load,
    Tally,
    empty_inbox,
    send_all,
    wait_visible,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

LOADS = (
    Load("10x2", 10, 2, 0, 2000),
    Load("1x2", 1, 2, 0, 300),
    Load("50x2", 50, 2, 0, 2000),
)
_PASSED = (b"spf=pass", b"dkim=pass", b"dmarc=pass")


def clients(at: target.Target) -> list[Client]:
    """The senders, each with a message."""
    key = senders.key_in(at.data)
    recipient = at.recipients[0]
    made = []
    for number in range(senders.COUNT):
        one = senders.Sender(number)
        made.append(
            Client(
                f"MAIL FROM:<{one.address}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode(),
                [corpus.transparent(senders.letter(one, key, recipient))],
                one.host,
                f"PROXY TCP4 {one.ip} 127.0.0.1 {40_000 + number} 25\r\n".encode(),
                PROXY,
            )
        )
    return made


def run(at: target.Target, load: Load, who: Iterator[Client], metrics: Metrics) -> None:
    """Send all messages of the load once and add its figures."""
    tally = Tally(load.messages)
    with ImapWire(at.host, at.imap_port, VISIBLE_TIMEOUT_S) as imap:
        imap.login(at.user, at.password)
        before = imap.command(b"EXAMINE INBOX").exists()
        asked = questions(at.names_port)
        watch = CostWatch(at)
        begun = time.perf_counter()
        try:
            sent_s = uvloop.run(send_all(at, load, tally, who, pipelining=True))
        except* Exception as group:
            raise SystemExit(f"{load.name}: {group.exceptions[0]!r}") from None
        exists = wait_visible(imap, before + load.messages)
        visible_s = time.perf_counter() - begun
        watch.note(metrics, load.name, load.messages)
        asked = questions(at.names_port) - asked
        if exists != before + load.messages:
            raise SystemExit(f"{exists - before} messages readable, {load.messages} sent")
        _verify(imap, exists)
    name = load.name
    metrics.add(f"{name}.accepted", tally.accepted / sent_s, "msg/s")
    metrics.add(f"{name}.visible", tally.accepted / visible_s, "msg/s")
    metrics.add(f"{name}.p50", percentile(tally.latencies_s, 0.5) * 1000, "ms")
    metrics.add(f"{name}.p99", percentile(tally.latencies_s, 0.99) * 1000, "ms")
    metrics.add(f"{name}.questions", asked / tally.accepted, "questions/op")


def _verify(imap: ImapWire, number: int) -> None:
    """Look whether the last message is said to have passed."""
    fetch = b"FETCH %d (BODY.PEEK[HEADER.FIELDS (Authentication-Results)])" % number
    said = imap.command(fetch).octets
    missing = [one.decode() for one in _PASSED if one not in said]
    if missing:
        raise SystemExit(f"no {' '.join(missing)} in {said!r}")


def main() -> None:
    parser = target.parser(__doc__)
    parser.add_argument("--only", default="", help=f"of {', '.join(load.name for load in LOADS)}")
    parser.add_argument("--messages", type=int, default=0, help="instead of each load's number")
    options = parser.parse_args()
    at = target.of(options)
    if not at.names_port or not at.data:
        raise SystemExit("give --names-port and --data of a server that was started with --checks")
    metrics = Metrics()
    everybody = clients(at)
    who = (everybody[number % len(everybody)] for number in count())
    for load in LOADS:
        if options.only and load.name not in options.only.split(","):
            continue
        messages = options.messages or (load.messages // 5 if options.quick else load.messages)
        chosen = Load(load.name, load.connections, load.per_session, 0, messages)
        # Once unmeasured: the peer starts the processes it needs only when mail comes.
        run(at, Load(load.name, load.connections, 2, 0, load.connections * 2), who, Metrics())
        for number in range(at.runs):
            print(f"smtp_checked {load.name} {number + 1}/{at.runs}", file=sys.stderr)
            run(at, chosen, who, metrics)
            empty_inbox(at)
    metrics.print_json("smtp_checked")


if __name__ == "__main__":
    main()
