"""Classifiers compared on the same test texts: McNemar's test, Holm's correction.

Axes: N texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from compare.paired import paired_texts
from compare.study.figures import BETWEEN

Right = Mapping[tuple[str, int, int, int, str], np.ndarray]
"""(cell, depth, width, seed, system) -> bool[N], which test texts are told right."""

BETWEEN_FRAMEWORKS, MORE_LAYERS = "between frameworks", "more layers"
"""What is compared; p is corrected within each."""


def comparisons(right: Right) -> list[dict[str, Any]]:
    """Return every comparison of two classifiers, with corrected p, as JSON values.

    Two frameworks with the same network and seed; then, in each system, more layers
    with the fewest of the same cell, width and seed. The difference is `one` minus
    `other`.
    """
    found = []
    for cell, depth, width, seed in dict.fromkeys(key[:4] for key in right):
        place = (cell, depth, width, seed)
        for one, other in BETWEEN:
            if (*place, one) in right and (*place, other) in right:
                pair = (right[(*place, one)], right[(*place, other)])
                about = (BETWEEN_FRAMEWORKS, *place, one, other)
                found.append(_compared(*about, *pair))
    for (cell, depth, width, seed, system), one_N in right.items():
        depths = [k[1] for k in right if (k[0], *k[2:]) == (cell, width, seed, system)]
        least = min(depths)
        if depth > least:
            other_N = right[(cell, least, width, seed, system)]
            few = f"{system}, d{least}"
            deep = (MORE_LAYERS, cell, depth, width, seed, system, few)
            found.append(_compared(*deep, one_N, other_N))
    for kind in (BETWEEN_FRAMEWORKS, MORE_LAYERS):
        family = [each for each in found if each["kind"] == kind]
        corrected = holm([each["p"] for each in family])
        for each, p in zip(family, corrected, strict=True):
            each["holm_p"] = p
    return found


def _compared(
    kind: str,
    cell: str,
    depth: int,
    width: int,
    seed: int,
    one: str,
    other: str,
    one_N: np.ndarray,
    other_N: np.ndarray,
) -> dict[str, Any]:
    return {
        "kind": kind,
        "key": f"{cell}-d{depth}-w{width}",
        "seed": seed,
        "one": one,
        "other": other,
        **paired_texts(one_N, other_N),
        "holm_p": 1.0,
    }


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number, in their order.

    Reference:
        Holm 1979, A simple sequentially rejective multiple test procedure.

    Example:
        >>> holm([0.01, 0.5, 0.02])
        [0.03, 0.5, 0.04]
    """
    order = np.argsort(p_values, kind="stable")
    corrected, worst = [0.0] * len(p_values), 0.0
    for rank, k in enumerate(order):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[k]))
        corrected[k] = worst
    return corrected
