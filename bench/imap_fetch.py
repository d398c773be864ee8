"""Reading a large mailbox: SELECT, FETCH of flags, summaries and bodies, SEARCH.

python bench/imap_fetch.py --imap-port 1143 --user a@example.test --password x
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

import corpus
import filled
import target
from cost import CostWatch
from imap_wire import ImapWire
from metrics import Metrics

BODIES = 500
WINDOW = 100
_LITERAL = re.compile(rb"BODY\[\] \{(\d+)\}\r\n")


def expect(name: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise SystemExit(f"{name}: {found} instead of {wanted}")


def found_by_search(octets: bytes) -> int:
    """Count the numbers of the untagged SEARCH lines (a server may send more than one)."""
    return sum(len(line.split()) for line in re.findall(rb"^\* SEARCH ?([\d ]*)\r$", octets, re.M))


def sorted_numbers(octets: bytes) -> int:
    """Count the numbers of the untagged SORT line."""
    return sum(len(line.split()) for line in re.findall(rb"^\* SORT ?([\d ]*)\r$", octets, re.M))


def threaded(octets: bytes) -> int:
    """Count the messages in the threads of the untagged THREAD line."""
    lines = re.findall(rb"^\* THREAD ?([\d ()]*)\r$", octets, re.M)
    return sum(len(re.findall(rb"\d+", line)) for line in lines)


def bodies_octets(octets: bytes) -> int:
    return sum(int(size) for size in _LITERAL.findall(octets))


class Reader:
    """Sends each command a number of times, checks every answer and notes its time."""

    def __init__(self, imap: ImapWire, at: target.Target, metrics: Metrics) -> None:
        self._imap = imap
        self._at = at
        self._metrics = metrics

    def measure(
        self, name: str, command: bytes, count: Callable[[bytes], int], wanted: int
    ) -> None:
        """Time one command; `count` of its answer must give `wanted`.

        The first time is noted apart as `cold`: servers build their caches then.
        """
        print(f"imap_fetch {name}", file=sys.stderr)
        cold = self._imap.command(command)
        expect(name, count(cold.octets), wanted)
        watch = CostWatch(self._at)
        for _ in range(self._at.runs):
            answer = self._imap.command(command)
            self._metrics.add(name, answer.elapsed_s * 1000, "ms")
            expect(name, count(answer.octets), wanted)
        watch.note(self._metrics, name, self._at.runs)
        self._metrics.add(f"{name}.cold", cold.elapsed_s * 1000, "ms")
        self._metrics.add(f"{name}.octets", len(cold.octets), "B")


def fetches(octets: bytes) -> int:
    return octets.count(b" FETCH (")


def read_all(reader: Reader, name: bytes, messages: int) -> None:
    """Measure everything on the mailbox, which holds what `filled` put there."""

    def exists(octets: bytes) -> int:
        return int(octets.partition(b" EXISTS")[0].rpartition(b" ")[2])

    first_body = messages // 2
    last_body = min(messages, first_body + BODIES - 1)
    sizes = sum(len(filled.content(number)) for number in range(first_body, last_body + 1))
    window_start = max(1, messages - WINDOW + 1)
    rare_words = messages // corpus.RARE_WORD_EVERY
    rare_subjects = messages // corpus.RARE_SUBJECT_EVERY
    unseen = min(messages, filled.UNSEEN)
    measure = reader.measure
    measure("select", b"SELECT " + name, exists, messages)
    measure("fetch_flags", b"FETCH 1:* (FLAGS)", fetches, messages)
    measure("fetch_uid_flags", b"UID FETCH 1:* (UID FLAGS)", fetches, messages)
    measure("fetch_envelope", b"FETCH 1:* (ENVELOPE BODYSTRUCTURE)", fetches, messages)
    measure(
        "fetch_window",
        b"FETCH %d:%d (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)" % (window_start, messages),
        fetches,
        messages - window_start + 1,
    )
    bodies = b"FETCH %d:%d (BODY.PEEK[])" % (first_body, last_body)
    measure("fetch_bodies", bodies, bodies_octets, sizes)
    measure("search_unseen", b"SEARCH UNSEEN", found_by_search, unseen)
    header = f"SEARCH HEADER Subject {corpus.RARE_SUBJECT}".encode()
    measure("search_header", header, found_by_search, rare_subjects)
    text = f"SEARCH TEXT {corpus.RARE_WORD}".encode()
    measure("search_text", text, found_by_search, rare_words)
    body = f"SEARCH BODY {corpus.RARE_WORD}".encode()
    measure("search_body", body, found_by_search, rare_words)
    part = f"SEARCH TEXT {corpus.RARE_WORD[2:-2]}".encode()
    measure("search_text_part", part, found_by_search, rare_words)
    measure("sort_date", b"SORT (REVERSE DATE) UTF-8 ALL", sorted_numbers, messages)
    measure("thread", b"THREAD REFERENCES UTF-8 ALL", threaded, messages)


def main() -> None:
    parser = target.parser(__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.set_defaults(runs=5)
    options = parser.parse_args()
    at = target.of(options)
    messages = min(options.messages, 2000) if options.quick else options.messages
    metrics = Metrics()
    with ImapWire(at.host, at.imap_port, target.TIMEOUT_S) as imap:
        login = imap.login(at.user, at.password)
        metrics.add("login", login.elapsed_s * 1000, "ms")
        name = filled.fill(imap, messages)
    with ImapWire(at.host, at.imap_port, target.TIMEOUT_S) as imap:
        imap.login(at.user, at.password)
        imap.command(b"SELECT " + name)
        read_all(Reader(imap, at, metrics), name, messages)
    metrics.print_json("imap_fetch")


if __name__ == "__main__":
    main()
