"""How well predictions fit labels, with how far chance could have moved it.

Axes: N texts, K outputs (labels, classes, or 1 for two classes).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import beta
from sklearn.metrics import matthews_corrcoef

CONFIDENCE = 0.95

_RESAMPLES = 10_000


class Interval(NamedTuple):
    """Between which values something lies."""

    low: float
    high: float


class Spread(NamedTuple):
    """Mean of repeated draws, and what the middle 95% of them lie between."""

    mean: float
    low: float
    high: float


def correctness(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return for each text how much of it is right, float64[N].

    1 or 0; of several labels the share that is right.
    """
    right: np.ndarray = (predicted == labels).astype(np.float64)
    return right if right.ndim == 1 else right.mean(axis=1)


def bootstrap_interval(correct_N: np.ndarray, seed: int) -> Interval:
    """Return the 95% percentile bootstrap interval of the mean of `correct_N`.

    Texts are drawn anew, as many as there are, 10,000 times. Where all are right or
    all wrong, no draw differs from another; the exact binomial (Clopper-Pearson)
    bound says then what chance could have hidden.

    Args:
        correct_N: float64[N], at least one value.
        seed: Of the draws.
    """
    count = len(correct_N)
    tail = (1.0 - CONFIDENCE) / 2.0
    values, counts = np.unique(correct_N, return_counts=True)
    if len(values) == 1 and values[0] in (0.0, 1.0):
        edge = float(beta.ppf(tail, count, 1))
        return Interval(edge, 1.0) if values[0] else Interval(0.0, 1.0 - edge)
    # Drawing texts is drawing how often each value comes: exact, and small.
    drawn = np.random.default_rng(seed).multinomial(
        count, counts / count, size=_RESAMPLES
    )
    low, high = np.quantile(drawn @ values / count, [tail, 1.0 - tail])
    return Interval(float(low), float(high))


def spread(values: Sequence[float]) -> Spread:
    """Return mean and middle 95% of the results of repeated draws."""
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(values, [tail, 1.0 - tail])
    return Spread(float(np.mean(values)), float(low), float(high))


def majority_accuracy(train: np.ndarray, labels: np.ndarray) -> float:
    """Return the accuracy of always saying what most training texts have.

    Args:
        train: int64[N] or [N, K], labels of the training texts.
        labels: The labels to be met.
    """
    columns = train.reshape(len(train), -1).T
    most = np.asarray([np.bincount(column).argmax() for column in columns])
    return float(np.mean(labels.reshape(len(labels), -1) == most))


def matthews(predicted: np.ndarray, labels: np.ndarray) -> float:
    """Return Matthews' correlation: 1 all right, 0 as good as chance."""
    with warnings.catch_warnings():
        # One class alone in a small test set is no news here: the result is 0.
        warnings.simplefilter("ignore")
        return float(matthews_corrcoef(labels, predicted))


def label_metrics(predicted: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return F1, Jaccard and Matthews' correlation of each label, float64[K].

    Args:
        predicted: bool or int [N, K].
        labels: int64[N, K] of 0 and 1.
    """
    yes, is_yes = predicted.astype(bool), labels.astype(bool)
    counts = [
        np.sum(yes & is_yes, axis=0),
        np.sum(yes & ~is_yes, axis=0),
        np.sum(~yes & is_yes, axis=0),
        np.sum(~yes & ~is_yes, axis=0),
    ]
    return {name: METRICS[name](*counts) for name in METRICS}


def _f1(tp: Any, fp: Any, fn: Any, tn: Any) -> np.ndarray:
    return _ratio(2.0 * tp, 2.0 * tp + fp + fn)


def _jaccard(tp: Any, fp: Any, fn: Any, tn: Any) -> np.ndarray:
    return _ratio(tp, tp + fp + fn)


def _mcc(tp: Any, fp: Any, fn: Any, tn: Any) -> np.ndarray:
    tp, fp, fn, tn = (np.asarray(count, np.float64) for count in (tp, fp, fn, tn))
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return _ratio(tp * tn - fp * fn, np.sqrt(product))


def _ratio(above: Any, below: Any) -> np.ndarray:
    """Return a quotient that is 0 where nothing was there to be found."""
    above, below = np.asarray(above, np.float64), np.asarray(below, np.float64)
    return np.divide(above, below, out=np.zeros_like(below), where=below > 0)


METRICS = {"f1": _f1, "jaccard": _jaccard, "mcc": _mcc}
"""Of one label: from the counts tp, fp, fn, tn."""


def tune_threshold(predicted_N: np.ndarray, labels_N: np.ndarray, metric: str) -> float:
    """Return the threshold on a probability that is best for a metric.

    It lies half-way between two neighbouring probabilities, or is 0.5 where the
    metric does not depend on it. Of several that are equally good, the one nearest
    to 0.5 is taken.

    Args:
        predicted_N: float64[N], probabilities of one label.
        labels_N: int64[N] of 0 and 1.
        metric: A name in `METRICS`.
    """
    order = np.argsort(-predicted_N, kind="stable")
    sorted_N, is_yes = predicted_N[order], labels_N[order].astype(np.int64)
    # Said yes to the first n: all cuts between different probabilities.
    cuts = np.flatnonzero(sorted_N[:-1] > sorted_N[1:]) + 1
    if not len(cuts):
        return 0.5
    middles = (sorted_N[cuts - 1] + sorted_N[cuts]) / 2.0
    tp = np.cumsum(is_yes)[cuts - 1]
    fp, total = cuts - tp, int(is_yes.sum())
    fn = total - tp
    found = METRICS[metric](tp, fp, fn, len(is_yes) - total - fp)
    best = np.flatnonzero(found >= found.max() - 1e-12)
    return float(middles[best[np.argmin(np.abs(middles[best] - 0.5))]])


def tune_neutral(
    predicted_N: np.ndarray, labels_N: np.ndarray, share: float
) -> tuple[float, float]:
    """Return two thresholds around 0.5; on texts between them nothing is said.

    Of all pairs with at most this share of the texts between them, the one with the
    most accurate answers on the rest; of equally good ones the one that leaves out
    fewest. Both are 0.5 where leaving out none is best.

    Args:
        predicted_N: float64[N], probabilities of the second class.
        labels_N: int64[N] of 0 and 1.
        share: Of the texts, from 0 to below 1.
    """
    order = np.argsort(predicted_N, kind="stable")
    sorted_N, is_yes = predicted_N[order], labels_N[order] == 1
    middle = int(np.searchsorted(sorted_N, 0.5, side="right"))
    # Right answers if the first n are called no, and if those from n on yes.
    no = np.concatenate([[0], np.cumsum(~is_yes)])
    yes = is_yes.sum() - np.concatenate([[0], np.cumsum(is_yes)])
    whole = np.r_[True, sorted_N[1:] > sorted_N[:-1], True]
    most = int(share * len(sorted_N))
    best, chosen = (-1.0, 0), (middle, middle)
    for first in range(max(0, middle - most), middle + 1):
        last = np.arange(middle, min(len(sorted_N), first + most) + 1)
        last = last[whole[last] | (last == middle)]
        if not (whole[first] or first == middle) or not len(last):
            continue
        said = len(sorted_N) - (last - first)
        right = (no[first] + yes[last]) / np.maximum(said, 1)
        at = int(np.argmax(right))
        found = (float(right[at]), first - int(last[at]))
        if found > best:
            best, chosen = found, (first, int(last[at]))
    first, end = chosen
    if first == end:
        return 0.5, 0.5
    low = 0.5 if first == middle else _between(sorted_N, first)
    # A text at 0.5 itself lies within.
    return low, max(0.5, _between(sorted_N, end))


def _between(sorted_N: np.ndarray, place: int) -> float:
    """Return a threshold half-way between two neighbours, or beyond the last."""
    edges = np.r_[-1.0, sorted_N, 2.0]
    return float((edges[place] + edges[place + 1]) / 2.0)
