"""Figures as readers see them: few digits, large ones with commas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

Interval = dict[str, Any]
"""median, low, high and n, as the schema says."""


def plain(value: float, digits: int = 4) -> str:
    """Return a figure with so many significant digits, as short as it can be written.

    Example:
        >>> [plain(x) for x in (1234567.0, 12.3456, 0.05, 0, 1.5e-7, 3e14)]
        ['1,235,000', '12.35', '0.05', '0', '1.5e-07', '3e+14']
    """
    if value == 0:
        return "0"
    if not 1e-3 <= abs(value) < 1e12:
        return f"{value:.3g}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    text = f"{round(value, places):,.{max(places, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def tiny(value: float | None) -> str:
    """Return a difference with two digits; none at all is an exact 0.

    Example:
        >>> [tiny(x) for x in (3.14e-7, 0.0, None)]
        ['3.1e-07', '0', 'not a number']
    """
    if value is None:
        return "not a number"
    return f"{value:.1e}" if value else "0"


def ends(interval: Sequence[float], scale: float = 1.0) -> str:
    """Return both ends of an interval.

    Example:
        >>> ends([0.42, 0.61], 100)
        '42 to 61'
    """
    low, high = interval
    return f"{plain(low * scale, 3)} to {plain(high * scale, 3)}"


def megabytes(size: int | None) -> str:
    """Return a size in units of 10**6 bytes; empty if it is unknown."""
    return "" if size is None else plain(size / 1e6)


def inverse(interval: Interval) -> Interval | None:
    """Return the interval of 1 / x; None if x may be zero."""
    if min(interval["low"], interval["median"]) <= 0:
        return None
    return {
        "median": 1 / interval["median"],
        "low": 1 / interval["high"],
        "high": 1 / interval["low"],
        "n": interval["n"],
    }


def overlap(one: Interval, other: Interval) -> bool:
    """Return whether two intervals have a point in common."""
    return bool(one["low"] <= other["high"] and other["low"] <= one["high"])
