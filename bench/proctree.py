"""CPU time and memory of a server's whole process tree, read from /proc (Linux only)."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def _threads_s(pid: int) -> float:
    """Sum the nanosecond run times of the living threads; 0 where the kernel keeps none."""
    total_ns = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            text = Path(f"/proc/{pid}/task/{thread}/schedstat").read_bytes()
            total_ns += int(text.split()[0])
    except (OSError, IndexError, ValueError):
        return 0.0
    return total_ns / 1e9


def cpu_s(roots: Sequence[int]) -> float:
    """Sum user and system time, that of children already waited for included."""
    living = tree(roots)
    for _ in range(_TRIES):
        total_s = sum(_process_s(pid) for pid in living)
        # Who ends meanwhile would be counted twice (itself and by its parent) or not at all.
        if (now := tree(roots)) == living:
            break
        living = now
    return total_s


def _process_s(pid: int) -> float:
    fields = _stat(pid)
    if not fields:
        return 0.0
    own, waited_for = fields[11:13], fields[13:15]
    # Clock ticks are 10 ms and too coarse for one command, but they alone know of threads that
    # have ended.
    own_s = max(sum(map(int, own)) / _TICKS_S, _threads_s(pid))
    return own_s + sum(map(int, waited_for)) / _TICKS_S


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
