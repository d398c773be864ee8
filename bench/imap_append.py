"""APPEND: one message after another, as mail programs store drafts and sent mail.

python bench/imap_append.py --imap-port 1143 --user a@example.test --password x
"""

from __future__ import annotations

import sys
import time

import corpus
import target
from cost import CostWatch
from imap_fetch import bodies_octets, expect
from imap_wire import ImapWire
from metrics import Metrics

MAILBOX = b"appended"
SMALL = [corpus.message(number * 4 + 3, 600) for number in range(100)]
LARGE = [corpus.message(number * 4 + 3, 50_000) for number in range(20)]


def append_each(imap: ImapWire, at: target.Target, metrics: Metrics) -> None:
    """Append small and large messages waiting for each OK, then small ones without waiting."""
    for name, contents in (("append_100", SMALL), ("append_20_of_50k", LARGE)):
        imap.make_empty(MAILBOX)
        watch = CostWatch(at)
        elapsed_s = sum(imap.append(MAILBOX, content).elapsed_s for content in contents)
        watch.note(metrics, name, len(contents))
        metrics.add(name, elapsed_s * 1000, "ms")
        _verify(imap, name, contents)
    imap.make_empty(MAILBOX)
    begun = time.perf_counter()
    imap.append_many(MAILBOX, SMALL)
    metrics.add("append_100_window", (time.perf_counter() - begun) * 1000, "ms")
    _verify(imap, "append_100_window", SMALL)


def _verify(imap: ImapWire, name: str, contents: list[bytes]) -> None:
    expect(name, imap.command(b"EXAMINE " + MAILBOX).exists(), len(contents))
    octets = imap.command(b"FETCH 1:* (BODY.PEEK[])").octets
    expect(name, bodies_octets(octets), sum(len(content) for content in contents))
    expect(name, contents[-1] in octets, True)
    imap.command(b"UNSELECT" if b"UNSELECT" in imap.offered else b"CLOSE")


def main() -> None:
    options = target.parser(__doc__).parse_args()
    at = target.of(options)
    metrics = Metrics()
    with ImapWire(at.host, at.imap_port, target.TIMEOUT_S) as imap:
        imap.login(at.user, at.password)
        for number in range(at.runs):
            print(f"imap_append {number + 1}/{at.runs}", file=sys.stderr)
            append_each(imap, at, metrics)
    metrics.print_json("imap_append")


if __name__ == "__main__":
    main()
