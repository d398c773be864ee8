"""CPU time and memory of a server's whole process tree, read from /proc (Linux only)."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TRIES = 10
_TICKS_S = os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[bytes] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The program's name may hold blanks and parentheses; fields count from the last one.
    return text[text.rfind(b")") + 2 :].split()


def tree(roots: Sequence[int]) -> list[int]:
    """List the living processes under the roots, the roots included."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := _stat(int(entry))):
            children[int(fields[1])].append(int(entry))
    found: list[int] = []
    waiting = [pid for pid in roots if _stat(pid)]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting.extend(children[pid])
    return found


@dataclass(frozen=True, slots=True)
class Spent:
    """What one process has spent so far, in three accounts.

    `ticks_s` is the process's own time in clock ticks of 10 ms, threads that ended included;
    `threads_ns` the exact times of the living threads, by thread id (empty where the kernel
    keeps none); `waited_for_s` the time of children that ended.
    """

    ticks_s: float
    threads_ns: Mapping[int, int]
    waited_for_s: float


def _threads_ns(pid: int) -> dict[int, int]:
    found: dict[int, int] = {}
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            text = Path(f"/proc/{pid}/task/{thread}/schedstat").read_bytes()
            found[int(thread)] = int(text.split()[0])
    except (OSError, IndexError, ValueError):
        return {}
    return found


def _spent(pid: int) -> Spent:
    fields = _stat(pid)
    if not fields:
        return Spent(0.0, {}, 0.0)
    user, system, of_children_user, of_children_system = map(int, fields[11:15])
    return Spent(
        (user + system) / _TICKS_S,
        _threads_ns(pid),
        (of_children_user + of_children_system) / _TICKS_S,
    )


def snapshot(roots: Sequence[int]) -> dict[int, Spent]:
    """Note what every process of the tree has spent so far."""
    living = tree(roots)
    found: dict[int, Spent] = {}
    for _ in range(_TRIES):
        found = {pid: _spent(pid) for pid in living}
        # Who ends meanwhile would be counted twice (itself and by its parent) or not at all.
        if (now := tree(roots)) == living:
            break
        living = now
    return found


def cpu_s(before: Mapping[int, Spent], after: Mapping[int, Spent]) -> float:
    """Give the seconds the tree spent between two snapshots."""
    nothing = Spent(0.0, {}, 0.0)
    total_s = 0.0
    for pid in before.keys() | after.keys():
        first, last = before.get(pid, nothing), after.get(pid, nothing)
        total_s += last.waited_for_s - first.waited_for_s
        ticks_s = last.ticks_s - first.ticks_s
        threads_s = (sum(last.threads_ns.values()) - sum(first.threads_ns.values())) / 1e9
        if (
            last.threads_ns
            and first.threads_ns.keys() <= last.threads_ns.keys()
            and ticks_s <= threads_s * 1.2 + 0.05
        ):
            total_s += threads_s
        else:
            # A thread ended (it may have begun since, too) and took its exact time along, or the
            # whole process did: then its parent's account of children has grown by all it spent.
            total_s += ticks_s
    return total_s


def pss_bytes(roots: Sequence[int]) -> int:
    """Sum the proportional set sizes: shared pages are counted once over the tree."""
    total = 0
    for pid in tree(roots):
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        for line in text.splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total
