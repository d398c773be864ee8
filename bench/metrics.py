"""What a load measured, and its JSON on standard output.

Every metric keeps the value of each run, so that medians over rounds can be taken later.
"""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure; `value` is the median of `runs`, in `unit`."""

    name: str
    value: float
    unit: str
    runs: tuple[float, ...]


class Metrics:
    """Collects figures by name in the order of their first appearance."""

    def __init__(self) -> None:
        self._units: dict[str, str] = {}
        self._runs: dict[str, list[float]] = {}

    def add(self, name: str, value: float, unit: str) -> None:
        self._units.setdefault(name, unit)
        self._runs.setdefault(name, []).append(value)

    def all(self) -> list[Metric]:
        return [
            Metric(name, round(statistics.median(runs), 4), self._units[name], tuple(_round(runs)))
            for name, runs in self._runs.items()
        ]

    def print_json(self, load: str) -> None:
        metrics = [asdict(metric) for metric in self.all()]
        json.dump({"load": load, "metrics": metrics}, sys.stdout, indent=1)
        print()


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value below which `share` (0..1) of the sorted values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _round(values: Iterable[float]) -> list[float]:
    return [round(value, 4) for value in values]
