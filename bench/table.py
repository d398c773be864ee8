"""Medians of several rounds beside each other, with ratios and aims, as text."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aims

if TYPE_CHECKING:
    from collections.abc import Sequence

    from launch import Variant

# Of interest only to whoever doubts the load itself; in the JSON all the same.
_HIDDEN = (".octets", ".load_cpu")
# Larger is better for these units; smaller for all others.
_RATES = ("msg/s", "op/s")


@dataclass(frozen=True, slots=True)
class Figure:
    """Every value of one metric from one variant, over all rounds."""

    unit: str
    values: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)


class Results:
    """Figures by metric name and variant name."""

    def __init__(self) -> None:
        self.figures: dict[str, dict[str, Figure]] = {}

    def add(self, variant: str, metric: str, unit: str, values: Sequence[float]) -> None:
        by_variant = self.figures.setdefault(metric, {})
        by_variant.setdefault(variant, Figure(unit, [])).values.extend(values)

    def median(self, metric: str, variant: str) -> float | None:
        figure = self.figures.get(metric, {}).get(variant)
        return figure.median if figure else None

    def best_peer(self, metric: str, peers: Sequence[Variant]) -> float | None:
        found = [self.median(metric, peer.name) for peer in peers]
        known = [value for value in found if value is not None]
        if not known:
            return None
        unit = next(iter(self.figures[metric].values())).unit
        return max(known) if unit in _RATES else min(known)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _judge(results: Results, aim: aims.Aim, peers: Sequence[Variant], variant: Variant) -> str:
    figure = results.median(aim.metric, variant.name)
    if figure is None:
        return "-"
    if aim.peer in ("", aims.BEST):
        of_peer = results.best_peer(aim.against or aim.metric, peers)
    else:
        of_peer = results.median(aim.against or aim.metric, aim.peer)
    met = aim.met_by(figure, of_peer)
    return "?" if met is None else ("yes" if met else "NO")


def rows(results: Results, variants: Sequence[Variant]) -> list[list[str]]:
    """Make the table: a head, then one row a metric, and one more for each further aim."""
    peers = [variant for variant in variants if variant.is_peer]
    ours = [variant for variant in variants if not variant.is_peer]
    made = [["metric", "unit", *(variant.name for variant in variants), "ratio", "aim", "met"]]
    for metric, by_variant in results.figures.items():
        nothing = metric.endswith(".flushes") and not any(one.median for one in by_variant.values())
        if nothing or metric.endswith(_HIDDEN):
            continue
        unit = next(iter(by_variant.values())).unit
        best = results.best_peer(metric, peers)
        cells = [_number(results.median(metric, variant.name)) for variant in variants]
        ratios = [_ratio(results.median(metric, variant.name), best) for variant in ours]
        head = [metric, unit, *cells, " ".join(ratios)]
        blank = ["", "", *("" for _ in variants), ""]
        found = aims.of(metric)
        if not found:
            made.append([*head, "", ""])
        for aim in found:
            concerned = [one for one in ours if aim.concerns(_workers(one))]
            judged = " ".join(_judge(results, aim, peers, variant) for variant in concerned)
            made.append([*head, aim.text(unit), judged])
            head = blank
    return made


def _ratio(figure: float | None, best: float | None) -> str:
    return f"{figure / best:.2f}" if figure is not None and best else "-"


def _workers(variant: Variant) -> int:
    return int(variant.arguments[1])


def text(table: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = []
    for row in table:
        cells = [
            cell.ljust(width) if column in (0, 1) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
