"""What each check of incoming mail costs: CPU per message, of mail as `smtp_checked` sends it.

    python bench/checks.py --messages 300 --rounds 3

In one process, without the wire: the composed server's own checks, each alone over all messages, so
that the time of the process is the check's. `alone` reads the message anew for each check; `shared`
runs all of them over one reading, as the server does: whoever asks first pays for what several
need. Names are known already; what a question to the name servers costs stands below, with what is
done beside the checks. Milliseconds, the median of the rounds; and the wall time of the first
message of a process that has just started.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "servers"), str(HERE.parent / "src")]
sys.path.append(str(HERE.parent / "tests"))

import senders  # noqa: E402
from foreground import start_names  # noqa: E402

from kit.app import DOMAIN, AppUnderTest  # noqa: E402
from pillarbox.domain.accounts.model import LocalTarget  # noqa: E402
from pillarbox.domain.judgement.model import Stage  # noqa: E402
from pillarbox.pipeline.inbound.checks.arrival import Arrival, Peer, Results  # noqa: E402
from pillarbox.pipeline.inbound.checks.content import read_content  # noqa: E402
from pillarbox.pipeline.inbound.message import Recipient  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from pillarbox.pipeline.inbound.checks.check import Check

STAGES = (Stage.CONNECT, Stage.MAIL, Stage.DATA, Stage.AUTHOR, Stage.VERDICT)


class Costs:
    """CPU seconds of each round, by name."""

    def __init__(self) -> None:
        self.rounds: dict[str, list[float]] = {}

    async def measure(self, name: str, work: Callable[[], Awaitable[object]], count: int) -> None:
        begun = time.process_time()
        await work()
        spent_s = time.process_time() - begun
        self.rounds.setdefault(name, []).append(spent_s * 1000 / count)

    def median(self, name: str) -> float:
        return statistics.median(self.rounds.get(name, [0.0]))


def arrivals(folder: str, count: int) -> list[Arrival]:
    """Messages whose content has not been read yet, of as many senders."""
    recipient = f"alice@{DOMAIN}"
    target = LocalTarget(1, recipient, None)
    key = senders.key_in(folder)
    made = []
    for number in range(count):
        one = senders.Sender(number % senders.COUNT)
        arrival = Arrival(
            Peer(one.ip, True),
            helo=one.host,
            reverse_path=one.address,
            recipients=[Recipient(recipient, (target,), here=True)],
        )
        arrival.content = read_content(senders.letter(one, key, recipient))
        made.append(arrival)
    return made


def fresh(known: Sequence[Arrival]) -> list[Arrival]:
    """The same messages, read anew, with the results they had."""
    return [
        replace(one, content=read_content(one.content.data), results=replace(one.results))
        for one in known
        if one.content is not None
    ]


def blank(known: Sequence[Arrival]) -> list[Arrival]:
    return [replace(one, results=Results()) for one in fresh(known)]


async def _all(check: Check, found: Sequence[Arrival]) -> None:
    for arrival in found:
        await check.run(arrival)


async def measure(server: AppUnderTest, folder: str, options: argparse.Namespace) -> None:
    runner = server.services.checking.judging.runner
    checks = [one for stage in STAGES for one in runner._stages[stage]]
    count = options.messages
    known = arrivals(folder, count)
    begun = time.perf_counter()
    for stage in STAGES:
        await runner.run(stage, known[0])
    print(
        f"first message: {(time.perf_counter() - begun) * 1000:.0f} ms from connection to verdict"
    )
    begun_s = time.process_time()
    for check in checks:
        await _all(check, known)
    print(
        f"{count} messages whose names are not known: "
        f"{(time.process_time() - begun_s) * 1000 / count:.2f} ms each"
    )
    alone, shared, beside = Costs(), Costs(), Costs()
    for _ in range(options.rounds):
        for check in checks:
            found = fresh(known)
            await alone.measure(check.name, lambda c=check, f=found: _all(c, f), count)
        found = blank(known)
        for check in checks:
            await shared.measure(check.name, lambda c=check, f=found: _all(c, f), count)

        async def read() -> None:
            fresh(known)

        async def run_all(found: list[Arrival] = blank(known)) -> None:  # noqa: B008
            for arrival in found:
                for stage in STAGES:
                    await runner.run(stage, arrival)

        await beside.measure("reading the message", read, count)
        await beside.measure("all checks, as the server runs them", run_all, count)
    _print(checks, alone, shared, beside)


def _print(checks: Sequence[Check], alone: Costs, shared: Costs, beside: Costs) -> None:
    print(f"\n{'check':16} {'stage':8} {'alone':>8} {'shared':>8}")
    for check in checks:
        name = check.name
        row = f"{alone.median(name):8.3f} {shared.median(name):8.3f}"
        print(f"{name:16} {check.stage.value:8} {row}")
    total = sum(map(shared.median, shared.rounds))
    print(f"{'together':16} {'':8} {sum(map(alone.median, alone.rounds)):8.3f} {total:8.3f}\n")
    for name in beside.rounds:
        print(f"{name:36} {beside.median(name):8.3f}")


async def run(options: argparse.Namespace, folder: str, port: int) -> None:
    settings = {"DNS_PRIMARY": "127.0.0.1", "DNS_PORT": str(port)}
    async with AppUnderTest(Path(folder) / "data", settings) as server:
        await server.add_users("alice")
        await measure(server, folder, options)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        names: subprocess.Popen[bytes]
        names, port = start_names(Path(folder))
        try:
            asyncio.run(run(options, folder, port))
        finally:
            if names.stdin is not None:
                names.stdin.close()
            names.wait(10)


if __name__ == "__main__":
    main()
