"""Some of the labelled texts, each label with its share: a draw of few, a fold of all.

Axes: N texts, L label keys.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

MANY = 20
"""Of more different labels than this, as numbers to be told have, none has a share."""


def shuffled(labels_NL: npt.ArrayLike, seed: Sequence[int]) -> npt.NDArray[np.int64]:
    """Return the rows label by label, those of one label in random order.

    Every k-th row from any place on then holds each label as often as all rows do,
    give or take one. Of several labels a text, or more than `MANY`, order is random.

    Args:
        labels_NL: float[N, L].
        seed: Of the order.
    """
    labels_NL = np.asarray(labels_NL)
    rows = np.random.default_rng(list(seed)).permutation(len(labels_NL))
    if labels_NL.shape[1] > 1 or len(np.unique(labels_NL)) > MANY:
        return rows
    ordered: npt.NDArray[np.int64] = rows[np.argsort(labels_NL[rows, 0], kind="stable")]
    return ordered


def draw(labels_NL: npt.ArrayLike, count: int, number: int) -> npt.NDArray[np.int64]:
    """Return so many rows at random, in their order; all where there are no more.

    Args:
        labels_NL: float[N, L].
        count: Rows to draw.
        number: Which of the random draws.

    Example:
        >>> rows = draw([[0.0]] * 30 + [[1.0]] * 10, count=8, number=0)
        >>> int((rows < 30).sum())
        6
    """
    order = shuffled(labels_NL, (1, number))
    places = np.arange(min(count, len(order))) * len(order) // min(count, len(order))
    return np.sort(order[places])


def fold(
    labels_NL: npt.ArrayLike, number: int, folds: int, seed: int = 0
) -> npt.NDArray[np.bool_]:
    """Return which rows are in one of the folds, bool[N].

    Args:
        labels_NL: float[N, L].
        number: Which fold, the first is 1.
        folds: How many; every row is in exactly one.
        seed: Which of the ways to cut.

    Example:
        >>> int(fold([[0.0]] * 6 + [[1.0]] * 3, number=2, folds=3).sum())
        3
    """
    order = shuffled(labels_NL, (2, seed))
    chosen = np.zeros(len(order), bool)
    chosen[order[number - 1 :: folds]] = True
    return chosen
