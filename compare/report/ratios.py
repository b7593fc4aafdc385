"""How fast Keras is beside the twin: the question of the whole comparison."""

from __future__ import annotations

from typing import Any, NamedTuple

from compare.report.numbers import Interval, inverse
from compare.report.results import Results

ONE, OTHER = "keras-tensorflow", "torch"
"""The two runners that are set beside each other."""


class Ratio(NamedTuple):
    """How many times as fast the one runner is in a cell.

    Attributes:
        entry: The cell and all that was timed in it.
        value: Median of the ratios of a round, or the ratio of medians.
        interval: The same with its ends; None if neither runner is the reference.
    """

    entry: dict[str, Any]
    value: float
    interval: Interval | None

    def faster(self) -> str:
        """Return the runner that is faster by more than noise; empty if none is."""
        if self.interval is None or self.interval["low"] <= 1 <= self.interval["high"]:
            return ""
        return ONE if self.interval["low"] > 1 else OTHER


def ratios(results: Results) -> list[Ratio]:
    """Return the ratio of each cell in which both runners are ok."""
    found = []
    for entry in results["speed"]:
        one, other = (entry["runners"].get(name) for name in (ONE, OTHER))
        if one and other and one["status"] == other["status"] == "ok":
            found += _ratio(entry, one, other)
    return found


def _ratio(
    entry: dict[str, Any], one: dict[str, Any], other: dict[str, Any]
) -> list[Ratio]:
    interval: Interval | None = None
    if entry["reference"] == OTHER:
        interval = one["times_reference"]
    elif entry["reference"] == ONE and other["times_reference"]:
        interval = inverse(other["times_reference"])
    if interval is not None:
        return [Ratio(entry, interval["median"], interval)]
    rates = one["bytes_per_s"]["median"], other["bytes_per_s"]["median"]
    return [Ratio(entry, rates[0] / rates[1], None)] if rates[1] > 0 else []
