"""Calendars over CalDAV: PUT, multiget, queries by time, sync and PROPFIND, by 1 and 8 clients.

python bench/dav.py --http-port 8080 --dav-home /dav/calendars/a@example.test/ \
    --user a@example.test --password x

All clients are programs of one user and ask about the same calendar, over connections that stay
open where the server keeps them. With one client the figures are medians in milliseconds, with
more of them operations a second; PUT is always a rate. Each answer is checked.
"""

from __future__ import annotations

import itertools
import re
import statistics
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dav_corpus
import target
from cost import CostWatch
from dav_wire import Answer, DavWire
from metrics import Metrics, percentile

if TYPE_CHECKING:
    from collections.abc import Callable

CLIENTS = 8
NAMED = 50
CHANGED = 10
FILLING_S = 900.0
TIMEOUT_S = 300.0
SLOW_S = 4.0
"""What takes so long is done once, and not by several clients: the figure is that one time."""

_XML = {"Content_Type": "application/xml; charset=utf-8"}
_CALENDAR = {"Content_Type": "text/calendar; charset=utf-8"}
_NAMESPACES = 'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
MKCALENDAR = (
    f"{_HEAD}<C:mkcalendar {_NAMESPACES}><D:set><D:prop>{{}}</D:prop></D:set></C:mkcalendar>"
)
ABOUT = (
    f'{_HEAD}<D:propfind {_NAMESPACES} xmlns:S="http://calendarserver.org/ns/"><D:prop>'
    "<D:resourcetype/><D:displayname/><S:getctag/><D:sync-token/>"
    "<C:supported-calendar-component-set/><D:current-user-privilege-set/>"
    "</D:prop></D:propfind>"
).encode()
LIST = f"{_HEAD}<D:propfind {_NAMESPACES}><D:prop><D:getetag/></D:prop></D:propfind>".encode()
_TOLD = "<D:prop><D:getetag/><C:calendar-data/></D:prop>"
MULTIGET = f"{_HEAD}<C:calendar-multiget {_NAMESPACES}>{_TOLD}{{}}</C:calendar-multiget>"
QUERY = (
    f"{_HEAD}<C:calendar-query {_NAMESPACES}>{_TOLD}"
    '<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">'
    '<C:time-range start="{}" end="{}"/></C:comp-filter></C:comp-filter></C:filter>'
    "</C:calendar-query>"
)
SYNC = (
    f"{_HEAD}<D:sync-collection {_NAMESPACES}><D:sync-token>{{}}</D:sync-token>"
    "<D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>"
)
_RESPONSE = re.compile(rb"<(?:\w+:)?response[ >]")
_TOKEN = re.compile(rb"<(?:\w+:)?sync-token[^>]*>([^<]+)<")
_DATA = re.compile(rb"BEGIN:VEVENT")


def responses(answer: Answer) -> int:
    """How many resources a multistatus tells of."""
    return len(_RESPONSE.findall(answer.body))


def events(answer: Answer) -> int:
    """How many contents it has."""
    return len(_DATA.findall(answer.body))


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is sent again and again; `count` of its answer gives `wanted`."""

    method: str
    body: bytes
    depth: str
    count: Callable[[Answer], int]
    wanted: int


class Stopped(Exception):
    """A client failed; the text says how."""


class Load:
    """The requests to one server, and what they took."""

    def __init__(self, at: target.Target, quick: bool) -> None:
        self._at = at
        self._seconds = 0.5 if quick else 3.0
        self._most = 20 if quick else 300
        self.metrics = Metrics()
        # Of objects that are new. `next` of a counter is one step, whatever threads do.
        self._numbers = itertools.count(10_000_000)

    def wire(self) -> DavWire:
        at = self._at
        return DavWire(at.host, at.http_port, at.user, at.password, TIMEOUT_S)

    def calendar(self, size: int) -> str:
        return f"{self._at.dav_home}{dav_corpus.collection(size)}/"

    def fill(self, size: int) -> None:
        """See that there is a calendar of so many objects, which may be there already."""
        path = self.calendar(size)
        with self.wire() as wire:
            found = wire.request("PROPFIND", path, LIST, Depth="1", **_XML)
            if found.status == 207 and responses(found) >= size:
                return
            body = MKCALENDAR.format("<D:displayname>Bench</D:displayname>").encode()
            made = wire.request("MKCALENDAR", path, body, **_XML)
            if made.status != 201:
                raise SystemExit(f"MKCALENDAR: {made.status} {made.body[:500]!r}")
        end = time.monotonic() + FILLING_S
        numbers = iter(range(size))
        lock = threading.Lock()

        def run(wire: DavWire) -> None:
            while time.monotonic() < end:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                self._put(wire, path + dav_corpus.name(number), dav_corpus.content(number, size))
            raise Stopped(f"filling {size} takes too long")

        self._together(run, CLIENTS)

    def measure_all(self, size: int) -> None:
        """Everything on one calendar."""
        path, name = self.calendar(size), f"dav.{size}"
        names = [dav_corpus.name(size // 3 + number) for number in range(NAMED)]
        hrefs = "".join(f"<D:href>{path}{one}</D:href>" for one in names)
        start, end, within = dav_corpus.window(size)
        token = self._token(path)
        asked = {
            "multiget": Asked("REPORT", MULTIGET.format(hrefs).encode(), "0", events, NAMED),
            "time_range": Asked("REPORT", QUERY.format(start, end).encode(), "1", events, within),
            "sync_unchanged": Asked("REPORT", SYNC.format(token).encode(), "0", responses, 0),
            "propfind_0": Asked("PROPFIND", ABOUT, "0", responses, 1),
            "propfind_1": Asked("PROPFIND", LIST, "1", responses, size + 1),
        }
        for what, one in asked.items():
            self._measure(f"{name}.{what}", path, one)
        with self.wire() as wire:
            for number in range(CHANGED):
                at = path + dav_corpus.name(number)
                self._put(wire, at, dav_corpus.content(number, size, 1))
        changed = Asked("REPORT", SYNC.format(token).encode(), "0", responses, CHANGED)
        self._measure(f"{name}.sync_changed", path, changed)
        self._measure_put(f"{name}.put", path, size)

    def _token(self, path: str) -> str:
        with self.wire() as wire:
            found = _TOKEN.search(wire.request("PROPFIND", path, ABOUT, Depth="0", **_XML).body)
            if found is None:
                raise SystemExit("the calendar has no sync-token")
            return found.group(1).decode()

    def _measure(self, name: str, path: str, asked: Asked) -> None:
        def once(wire: DavWire) -> Answer:
            answer = wire.request(asked.method, path, asked.body, Depth=asked.depth, **_XML)
            found = asked.count(answer)
            if answer.status != 207 or found != asked.wanted:
                told = answer.body[:300]
                raise Stopped(f"{name}: {answer.status}, {found} of {asked.wanted}: {told!r}")
            return answer

        with self.wire() as wire:
            cold = once(wire)
        self.metrics.add(f"{name}.cold", cold.elapsed_s * 1000, "ms")
        self.metrics.add(f"{name}.octets", len(cold.body), "B")
        if cold.elapsed_s > SLOW_S:
            with self.wire() as wire:
                again = once(wire)
            if again.elapsed_s > SLOW_S:
                print(f"{name} takes {again.elapsed_s:.1f} s", file=sys.stderr)
                self.metrics.add(f"{name}_c1", again.elapsed_s * 1000, "ms")
                return
        self._repeat(name, lambda wire, _: once(wire).elapsed_s, in_ms=True)

    def _measure_put(self, name: str, path: str, size: int) -> None:
        def once(wire: DavWire, number: int) -> float:
            content = dav_corpus.content(number, size)
            return self._put(wire, path + dav_corpus.name(number), content, 201)

        self._repeat(name, once, in_ms=False)

    def _put(self, wire: DavWire, path: str, content: bytes, wanted: int = 0) -> float:
        answer = wire.request("PUT", path, content, **_CALENDAR)
        if answer.status not in ((wanted,) if wanted else (200, 201, 204)):
            raise Stopped(f"PUT: {answer.status} {answer.body[:300]!r}")
        return answer.elapsed_s

    def _repeat(self, name: str, once: Callable[[DavWire, int], float], in_ms: bool) -> None:
        """Do it for some seconds, by one client and by several."""
        for clients in (1, CLIENTS):
            label = f"{name}_c{clients}"
            print(label, file=sys.stderr)
            times: list[float] = []
            watch = CostWatch(self._at)
            spent = time.process_time()
            begun = time.perf_counter()

            def run(wire: DavWire, begun: float = begun, times: list[float] = times) -> None:
                while time.perf_counter() - begun < self._seconds and len(times) < self._most:
                    times.append(once(wire, next(self._numbers)))

            self._together(run, clients)
            rate = len(times) / (time.perf_counter() - begun)
            if in_ms and clients == 1:
                self.metrics.add(label, statistics.median(times) * 1000, "ms")
            else:
                self.metrics.add(label, rate, "op/s")
            watch.note(self.metrics, label, len(times))
            self.metrics.add(f"{label}.p99", percentile(times, 0.99) * 1000, "ms")
            own = (time.process_time() - spent) * 1000 / len(times)
            self.metrics.add(f"{label}.load_cpu", own, "cpu-s/1000")

    def _together(self, run: Callable[[DavWire], None], clients: int) -> None:
        """Run clients at once, each with a connection of its own."""
        failures: list[Exception] = []

        def client() -> None:
            try:
                with self.wire() as wire:
                    run(wire)
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=client) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise SystemExit(f"a client failed: {failures[0]!r}")


def main() -> None:
    parser = target.parser(__doc__)
    parser.add_argument("--objects", default="500,10000", help="sizes of the calendars")
    options = parser.parse_args()
    at = target.of(options)
    load = Load(at, options.quick)
    for size in map(int, options.objects.split(",")):
        load.fill(size)
        load.measure_all(size)
    load.metrics.print_json("dav")


if __name__ == "__main__":
    main()
