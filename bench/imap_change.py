"""Changing many messages at once: COPY, STORE, MOVE, and deleting with EXPUNGE.

Works on copies, so that the filled mailbox stays as it is.

    python bench/imap_change.py --imap-port 1143 --user a@example.test --password x
"""

from __future__ import annotations

import re
import sys

import filled
import target
from cost import CostWatch
from imap_fetch import expect, fetches
from imap_wire import ImapWire
from metrics import Metrics

STORED = 1000
EXPUNGED = 3000
_VANISHED = re.compile(rb"^\* VANISHED ([\d:,]+)\r$", re.MULTILINE)


def expunged(octets: bytes) -> int:
    """Count the messages told gone, one by one or as a VANISHED set (RFC 7162 §3.2.10)."""
    count = octets.count(b" EXPUNGE\r\n")
    for numbers in _VANISHED.findall(octets):
        for part in numbers.split(b","):
            first, _, last = part.partition(b":")
            count += int(last or first) - int(first) + 1
    return count


class Changer:
    """Sends one command after another, noting time and CPU for each under its name."""

    def __init__(self, imap: ImapWire, at: target.Target, metrics: Metrics) -> None:
        self.imap = imap
        self._at = at
        self._metrics = metrics

    def measure(self, name: str, *commands: bytes) -> bytes:
        """Give all answers; the time of several commands is added up."""
        watch = CostWatch(self._at)
        elapsed_s = 0.0
        octets = b""
        for command in commands:
            answer = self.imap.command(command)
            elapsed_s += answer.elapsed_s
            octets += answer.octets
        self._metrics.add(name, elapsed_s * 1000, "ms")
        watch.note(self._metrics, name, len(commands))
        return octets


def change_all(changer: Changer, source: bytes, stored: int, gone: int) -> None:
    """Go once through all changes, checking what the server tells after each."""
    imap = changer.imap
    # Selected first, so that neither mailbox below is deleted while it is selected.
    expect("select", imap.command(b"SELECT " + source).exists() >= stored + gone, True)
    imap.make_empty(b"work")
    imap.make_empty(b"moved")
    changer.measure("copy", b"COPY 1:%d work" % (stored + gone))
    expect("copy", imap.command(b"SELECT work").exists(), stored + gone)
    octets = changer.measure("store", rb"STORE 1:%d +FLAGS (\Flagged)" % stored)
    expect("store", fetches(octets), stored)
    expect("store", octets.count(rb"\Flagged"), stored)
    octets = changer.measure("store_one", rb"STORE %d +FLAGS (\Answered)" % (stored + gone))
    expect("store_one", fetches(octets), 1)
    octets = changer.measure("move", b"MOVE 1:%d moved" % stored)
    expect("move", expunged(octets), stored)
    octets = changer.measure("expunge", rb"STORE 1:%d +FLAGS.SILENT (\Deleted)" % gone, b"EXPUNGE")
    expect("expunge", expunged(octets), gone)
    expect("expunge", imap.command(b"SELECT work").exists(), 0)
    expect("move", imap.command(b"SELECT moved").exists(), stored)


def main() -> None:
    parser = target.parser(__doc__)
    parser.add_argument("--messages", type=int, default=10_000, help="in the filled mailbox")
    options = parser.parse_args()
    at = target.of(options)
    messages = min(options.messages, 2000) if options.quick else options.messages
    stored, gone = min(STORED, messages // 4), min(EXPUNGED, messages * 3 // 4)
    metrics = Metrics()
    with ImapWire(at.host, at.imap_port, target.TIMEOUT_S) as imap:
        imap.login(at.user, at.password)
        source = filled.fill(imap, messages)
        changer = Changer(imap, at, metrics)
        for number in range(at.runs):
            print(f"imap_change {number + 1}/{at.runs}", file=sys.stderr)
            change_all(changer, source, stored, gone)
    metrics.print_json("imap_change")


if __name__ == "__main__":
    main()
