"""Figures with an interval: medians over processes and rounds, bootstrapped.

Rounds of one process share its memory layout, its threads and its luck. A process is
therefore drawn as a whole, and then rounds within it: an interval that knows of the
rounds alone is too narrow by far.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

LEVEL = 0.95
"""Share of the bootstrapped medians that lie within an interval."""

_RESAMPLES = 2000


class Interval(NamedTuple):
    """A median, and where it would lie if everything were done again."""

    median: float
    low: float
    high: float
    n: int
    """Number of figures."""


def bootstrapped(by_process: Sequence[Sequence[float]], seed: int = 0) -> Interval:
    """Return the median of figures with its interval.

    Args:
        by_process: For each process the figures of its rounds; at least one each.
        seed: Of the resampling.

    Raises:
        ValueError: If there are no figures.

    Example:
        >>> bootstrapped([[1.0, 1.0], [3.0, 3.0]])
        Interval(median=2.0, low=1.0, high=3.0, n=4)
    """
    groups = [np.asarray(group, np.float64) for group in by_process]
    if not groups or not all(len(group) for group in groups):
        raise ValueError("an interval needs figures of every process.")
    every = np.concatenate(groups)
    if len(every) == 1:  # However often it is drawn.
        only = float(every[0])
        return Interval(only, only, only, 1)
    rng = np.random.default_rng(seed)
    medians = np.empty(_RESAMPLES)
    for k in range(_RESAMPLES):
        drawn = rng.integers(len(groups), size=len(groups))
        medians[k] = np.median(
            np.concatenate(
                [groups[g][rng.integers(len(groups[g]), size=len(groups[g]))]
                 for g in drawn]
            )
        )  # fmt: skip
    low, high = np.quantile(medians, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(np.median(every)), float(low), float(high), len(every))


def interval(by_process: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Return `bootstrapped` as JSON values."""
    return bootstrapped(by_process)._asdict()
