"""What the server spends while a load runs: CPU of its process tree, flushes of its disk.

Flushes are counted for the whole disk (Linux only), so others who sync at the same time show in
them; CPU is the tree's own.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from proctree import cpu_s, snapshot

if TYPE_CHECKING:
    from metrics import Metrics
    from target import Target

# Position of "flush requests completed" in /sys/dev/block/*/stat, since Linux 5.5.
_FLUSHES = 15


def flushes(folder: str) -> int | None:
    """Give how many flushes the disk under the folder has done; None where nobody counts."""
    try:
        device = os.stat(folder).st_dev
        path = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")
        return int(path.read_text().split()[_FLUSHES])
    except (OSError, IndexError):
        return None


class CostWatch:
    """Counts from its making until `note`."""

    def __init__(self, at: Target) -> None:
        self._at = at
        self._flushes = flushes(at.data) if at.data else None
        self._before = snapshot(at.pids)

    def note(self, metrics: Metrics, name: str, operations: int) -> None:
        """Add what is known of CPU for each 1,000 operations and flushes for each one."""
        if self._at.pids:
            spent_s = cpu_s(self._before, snapshot(self._at.pids))
            metrics.add(f"{name}.cpu", spent_s * 1000 / operations, "cpu-s/1000")
        now = flushes(self._at.data) if self._at.data else None
        if now is not None and self._flushes is not None:
            metrics.add(f"{name}.flushes", (now - self._flushes) / operations, "flushes/op")
