"""IDLE: how long after an APPEND is acknowledged do idle connections hear of the message.

Several connections watch, so that with several workers some sit in another process than the
one that stores. A notice that comes before the OK counts as 0 ms.

    python bench/imap_idle.py --imap-port 1143 --user a@example.test --password x
"""

from __future__ import annotations

import selectors
import sys
import time

import corpus
import target
from imap_wire import ImapRefused, ImapWire
from metrics import Metrics, percentile

MAILBOX = b"watched"
NOTICE_TIMEOUT_S = 35.0
ROUND_PAUSE_S = 0.02


def start_idle(imap: ImapWire) -> None:
    imap.socket.sendall(imap.tag() + b" IDLE\r\n")
    if not (line := imap.read_line()).startswith(b"+"):
        raise ImapRefused(repr(line))


def one_round(
    writer: ImapWire, watchers: list[ImapWire], content: bytes
) -> tuple[list[float], float]:
    """Append once; give each watcher's delay after the OK, and the seconds to that OK."""
    heard: dict[ImapWire, float] = {}
    said: dict[ImapWire, bytes] = dict.fromkeys((writer, *watchers), b"")
    with selectors.DefaultSelector() as selector:
        for imap in said:
            selector.register(imap.socket, selectors.EVENT_READ, imap)
        tag = writer.tag()
        begun = time.perf_counter()
        head = b"%s APPEND %s {%d+}\r\n" % (tag, MAILBOX, len(content))
        writer.socket.sendall(head + content + b"\r\n")
        end = begun + NOTICE_TIMEOUT_S
        while len(heard) < len(said):
            ready = selector.select(max(0.0, end - time.perf_counter()))
            if not ready:
                raise SystemExit(f"no notice in {NOTICE_TIMEOUT_S} s")
            for key, _ in ready:
                imap = key.data
                said[imap] += (octets := imap.socket.recv(65536))
                if not octets:
                    raise SystemExit("a connection was closed")
                wanted = tag + b" OK" if imap is writer else b" EXISTS\r\n"
                if wanted in said[imap]:
                    heard.setdefault(imap, time.perf_counter())
                elif imap is writer and said[imap].startswith((tag + b" NO", tag + b" BAD")):
                    raise SystemExit(repr(said[imap]))
    delays_s = [max(0.0, heard[watcher] - heard[writer]) for watcher in watchers]
    return delays_s, heard[writer] - begun


def main() -> None:
    parser = target.parser(__doc__)
    parser.add_argument("--watchers", type=int, default=4)
    parser.add_argument("--notices", type=int, default=20)
    options = parser.parse_args()
    at = target.of(options)
    notices = min(options.notices, 5) if options.quick else options.notices
    content = corpus.message(3, 600)
    connections = [
        ImapWire(at.host, at.imap_port, target.TIMEOUT_S) for _ in range(options.watchers + 1)
    ]
    writer, *watchers = connections
    for imap in connections:
        imap.login(at.user, at.password)
    writer.make_empty(MAILBOX)
    for watcher in watchers:
        watcher.command(b"SELECT " + MAILBOX)
        start_idle(watcher)
    delays_s: list[float] = []
    worst_s: list[float] = []
    for number in range(notices):
        found_s, _ = one_round(writer, watchers, content)
        delays_s += found_s
        worst_s.append(max(found_s))
        print(f"imap_idle {number + 1}/{notices}", file=sys.stderr)
        time.sleep(ROUND_PAUSE_S)
    for imap in connections:
        imap.close()
    metrics = Metrics()
    metrics.add("notice.p50", percentile(delays_s, 0.5) * 1000, "ms")
    metrics.add("notice.p99", percentile(delays_s, 0.99) * 1000, "ms")
    metrics.add("notice.worst_p50", percentile(worst_s, 0.5) * 1000, "ms")
    metrics.print_json("imap_idle")


if __name__ == "__main__":
    main()
