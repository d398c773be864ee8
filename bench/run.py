"""Run loads against the peer and pillarbox by turns, and print medians, ratios and aims.

Every round starts each server with fresh data, runs the chosen loads and stops it again, so
that what else the machine does falls on all alike. Progress goes to standard error, the table
to standard output, and all values as JSON to bench/results/.

    python bench/run.py --rounds 3 --workers 1,2,4
    python bench/run.py --quick --loads smtp_in,imap_fetch
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import table
from launch import HERE, LaunchFailed, Variant, dav_peers, peer, pillarbox, run_load, running

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RESULTS = HERE / "results"
# In this order; memory is taken before and after them.
LOADS = ("smtp_in", "queue_out", "imap_append", "imap_idle", "imap_fetch", "imap_change")
# These read and change a large mailbox; further sizes get a line of their own.
SIZED_LOADS = ("imap_fetch", "imap_change")
# Against servers that check what comes in, the peer by rspamd; figures of the same names' columns.
CHECKED_LOADS = ("smtp_checked",)
# Beside other peers, and alone in a run.
DAV_LOADS = ("dav",)
DEFAULT_IDLE = "200"
CHOICES = ("startup", "memory", *LOADS, *CHECKED_LOADS)


def say(text: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)


def peers_available() -> bool:
    """Say whether the peer can be started here; tell why not."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [name for name in ("postfix", "dovecot") if not shutil.which(name, path=path)]
    if missing:
        say(f"no peer: {' and '.join(missing)} missing (servers/postfix_dovecot.py --install)")
    elif os.geteuid() != 0:
        say("no peer: Postfix and Dovecot need root")
    return not missing and os.geteuid() == 0


class Bench:
    """Gathers results over rounds; a failure of one load is told and does not end the run."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.chosen = tuple(options.loads.split(","))
        self.sizes = [int(size) for size in options.messages.split(",")]
        self.results = table.Results()
        self.failures: list[str] = []
        self.versions: dict[str, str] = {}

    def _load(
        self, variant: Variant, at: dict[str, Any], load: str, *arguments: str, label: str = ""
    ) -> None:
        begun = time.monotonic()
        extra = ("--quick",) if self.options.quick else ()
        try:
            metrics = run_load(load, at, (*arguments, *extra))
        except LaunchFailed as error:
            self.failures.append(f"{variant.name}: {error}")
            say(self.failures[-1])
            return
        for metric in metrics:
            name = metric["name"] if label == "-" else f"{label or load}.{metric['name']}"
            self.results.add(variant.name, name, metric["unit"], metric["runs"])
        say(f"{variant.name}: {load} done in {time.monotonic() - begun:.1f} s")

    def visit(self, variant: Variant) -> None:
        """Start one server, run all chosen loads against it, stop it; again with checks."""
        if is_dav(self.options):
            self._visit(variant, variant, self._dav_loads)
        elif set(self.chosen) - set(CHECKED_LOADS):
            self._visit(variant, variant, self._all_loads)
        if set(self.chosen) & set(CHECKED_LOADS):
            self._visit(variant, variant.checked, self._checked_loads)

    def _visit(
        self, variant: Variant, started: Variant, loads: Callable[[Variant, dict[str, Any]], None]
    ) -> None:
        try:
            with running(started) as at:
                self.versions[variant.name] = at["version"]
                loads(variant, at)
        except LaunchFailed as error:
            self.failures.append(str(error))
            say(self.failures[-1])

    def _checked_loads(self, variant: Variant, at: dict[str, Any]) -> None:
        for load in CHECKED_LOADS:
            if load in self.chosen:
                self._load(variant, at, load, "--runs", "1")
        self._load(variant, at, "memory", "--connections", "0", "--label", "after_checks")

    def _dav_loads(self, variant: Variant, at: dict[str, Any]) -> None:
        if "startup" in self.chosen:
            self.results.add(variant.name, "startup.greetings", "s", [at["startup_s"]])
        # Its figures have their full names. A server that fails with many still counts with few.
        for size in self.options.objects.split(","):
            self._load(variant, at, "dav", "--objects", size, label="-")

    def _all_loads(self, variant: Variant, at: dict[str, Any]) -> None:
        if "startup" in self.chosen:
            self.results.add(variant.name, "startup.greetings", "s", [at["startup_s"]])
        if "memory" in self.chosen:
            # Before the loads: processes they leave behind would end while we measure.
            for count in self.options.idle.split(","):
                label = "memory" if count == DEFAULT_IDLE else f"memory@{count}"
                self._load(variant, at, "memory", "--connections", count, label=label)
        for load in LOADS:
            if load in self.chosen:
                self._load(variant, at, load, *self._sized(load, self.sizes[0]))
        for size in self.sizes[1:]:
            for load in SIZED_LOADS:
                if load in self.chosen:
                    label = f"{load}@{size}"
                    self._load(variant, at, load, *self._sized(load, size), label=label)
        if "memory" in self.chosen:
            self._load(variant, at, "memory", "--connections", "0", "--label", "after_load")

    def _sized(self, load: str, messages: int) -> tuple[str, ...]:
        runs = ("--runs", "5" if load == "imap_fetch" else "1")
        return (*runs, "--messages", str(messages)) if load in SIZED_LOADS else runs


def is_dav(options: argparse.Namespace) -> bool:
    return bool(set(options.loads.split(",")) & set(DAV_LOADS))


def variants(options: argparse.Namespace) -> list[Variant]:
    made: list[Variant] = []
    servers = options.servers.split(",")
    if is_dav(options):
        made += [one for one in dav_peers(options.objects) if {"peer", one.name} & set(servers)]
    elif "peer" in servers and peers_available():
        made += [peer(store, options.fsync) for store in options.stores.split(",")]
    if "pillarbox" in servers:
        made += [pillarbox(int(workers)) for workers in options.workers.split(",")]
    if not made:
        raise SystemExit("no server to measure")
    return made


def machine() -> dict[str, Any]:
    return {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_average": os.getloadavg(),
    }


def write_json(bench: Bench, chosen: Sequence[Variant], begun: datetime) -> str:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{begun:%Y%m%dT%H%M%SZ}.json"
    document = {
        "begun": begun.isoformat(),
        "machine": machine(),
        "variants": {variant.name: bench.versions.get(variant.name) for variant in chosen},
        "options": {key: str(value) for key, value in vars(bench.options).items()},
        "failures": bench.failures,
        "figures": {
            metric: {
                variant: {"median": figure.median, "unit": figure.unit, "values": figure.values}
                for variant, figure in by_variant.items()
            }
            for metric, by_variant in bench.results.figures.items()
        },
    }
    path.write_text(json.dumps(document, indent=1))
    return str(path.relative_to(HERE.parent))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round, small loads")
    parser.add_argument(
        "--loads", default=",".join(CHOICES), help="of %(default)s; or dav, beside peers of its own"
    )
    parser.add_argument("--servers", default="peer,pillarbox")
    parser.add_argument("--stores", default="maildir,mdbox", help="the peer's kinds of mailbox")
    parser.add_argument(
        "--fsync", default="optimized", help="Dovecot's mail_fsync; always syncs flags too"
    )
    parser.add_argument("--workers", default="1", help="such as 1,2,4")
    parser.add_argument(
        "--messages", default="10000", help="in the large mailbox; 10000,100000 shows growth"
    )
    parser.add_argument("--objects", default="500,10000", help="in the calendars of the load dav")
    parser.add_argument(
        "--idle", default=DEFAULT_IDLE, help="idle connections to open; 500,2000 shows growth"
    )
    options = parser.parse_args()
    loads = set(options.loads.split(","))
    if unknown := loads - set(CHOICES) - set(DAV_LOADS):
        parser.error(f"unknown loads: {', '.join(sorted(unknown))}")
    if is_dav(options) and loads - set(DAV_LOADS) - {"startup"}:
        parser.error(f"{', '.join(DAV_LOADS)}: other peers, so a run of its own")
    chosen = variants(options)
    bench = Bench(options)
    begun = datetime.now(UTC)
    rounds = 1 if options.quick else options.rounds
    for number in range(rounds):
        for variant in chosen:
            busy = os.getloadavg()[0]
            say(f"round {number + 1}/{rounds}: {variant.name} (load average {busy:.1f})")
            bench.visit(variant)
    print(table.text(table.rows(bench.results, chosen)))
    say(f"all values in {write_json(bench, chosen, begun)}")
    for failure in bench.failures:
        print(f"FAILED {failure}")
    if bench.failures:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
