"""Do two runners do the same? Their answers, side by side.

Nothing is compared in speed before this holds: logits and the gradient of every
weight from the same start, the losses of the first updates, features, bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tfsent.config import Precision

TOLERANCES: Mapping[Precision, Mapping[str, float]] = {
    "float32": {"losses": 1e-5, "logits": 1e-5, "gradient/": 1e-5, "features": 2e-5},
    "mixed_bfloat16": {"losses": 1e-2, "logits": 5e-2, "gradient/": 1e-1,
                       "features": 5e-2},
    "mixed_float16": {"losses": 1e-2, "logits": 1e-2, "gradient/": 5e-2,
                      "features": 1e-2},
}  # fmt: skip
"""Precision to the largest difference that is equal work, over the largest value.
Measured in float32: 1.1e-6 between all runners at 256 units, 2.2e-6 between Keras and
the twin at 512 to 4096. The half precisions round in places of their own."""


class Gap(NamedTuple):
    """The difference of two runners that comes closest to its tolerance, or is beyond.

    Attributes:
        value: Over the largest value of the reference; infinite for other shapes or
            names, and for NaN.
        tolerance: How large it may be.
        what: Name of the answer.
    """

    value: float
    tolerance: float
    what: str

    @property
    def passed(self) -> bool:
        """Whether it is equal work."""
        return self.value <= self.tolerance

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values; JSON has no infinity."""
        value = self.value if math.isfinite(self.value) else None
        return self._asdict() | {"value": value}

    @property
    def reason(self) -> str:
        """Say why a runner is invalid."""
        return (
            f"not the same work: {self.what} differs by {self.value:.1e} of the "
            f"largest value, at most {self.tolerance:g} will do"
        )


def size_of(gap: Mapping[str, Any]) -> float:
    """Return how large a gap is that `Gap.as_json` gave."""
    return math.inf if gap["value"] is None else float(gap["value"])


def gap_between(
    reference: Mapping[str, np.ndarray],
    other: Mapping[str, np.ndarray],
    precision: Precision,
) -> Gap:
    """Return the worst difference between the answers of two runners.

    Args:
        reference: Name to array.
        other: The same names and shapes, if it is the same work.
        precision: Type of the arithmetic of both.
    """
    odd = sorted(reference.keys() ^ other.keys())
    if odd or not reference:
        return Gap(math.inf, 0.0, f"only one has {', '.join(odd)}")
    gaps = [
        Gap(_difference(one, other[name]), _tolerance(name, precision), name)
        for name, one in reference.items()
    ]
    return max(gaps, key=_badness)


def _badness(gap: Gap) -> float:
    if gap.tolerance:
        return gap.value / gap.tolerance
    return math.inf if gap.value else 0.0


def _tolerance(name: str, precision: Precision) -> float:
    for start, tolerance in TOLERANCES[precision].items():
        if name.startswith(start):
            return tolerance
    return 0.0  # Bytes that are written: equal or not.


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    if one.shape != other.shape:
        return math.inf
    one, other = one.astype(np.float64), other.astype(np.float64)
    gap = float(np.abs(one - other).max(initial=0.0))
    largest = float(np.abs(one).max(initial=0.0))
    if not math.isfinite(gap):
        return math.inf
    return gap / largest if largest else (math.inf if gap else 0.0)
