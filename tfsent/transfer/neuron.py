"""Is the neuron real? It dropped, random ones in its place, fewer labels, other C.

Axes: N texts, F columns of the feature, K outputs.

Reference:
    Donnelly and Roegiest 2019, "On interpretability and feature representations: an
    analysis of the sentiment neuron": removing it hardly changes accuracy, and 100
    random neurons do better than it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfsent.transfer.classifier import Neuron, decide, probabilities
from tfsent.transfer.feature import Part
from tfsent.transfer.regression import (
    Choice,
    Fit,
    Rows,
    Scaling,
    Selection,
    fit,
    top_columns,
)
from tfsent.transfer.scores import Spread, correctness, label_metrics, spread

RANDOM_DRAWS = 100
"""Draws of as many random neurons as are looked at."""

CROWD, CROWD_DRAWS = 100, 10
"""Size and draws of the crowds that the critique sets against one neuron."""


CHOSEN_WITHIN = 300
"""Labels up to which C is chosen among them alone; above it takes too long."""


class Contest(NamedTuple):
    """What every regression of a check has in common."""

    kind: str
    train: Rows
    test: Rows
    C: float
    """As chosen for the whole regression."""
    thresholds: np.ndarray
    """float64[K], on probabilities; those of the whole regression."""
    metric: str
    """Of several labels, what is measured and C chosen for."""
    seed: int

    def score(self, found: Fit, test: Rows | None = None) -> float:
        """Return what a regression is worth on the test texts; see `score`.

        Args:
            found: The regression.
            test: Test rows with the columns it was fitted on. Default: all columns.
        """
        rows = self.test if test is None else test
        return score(found, rows, self.kind, self.thresholds, self.metric)

    def on(self, columns: Sequence[int]) -> float:
        """Return what a new regression on some of the columns is worth."""
        train, test = self.train.columns(columns), self.test.columns(columns)
        return self.score(fit(train.x, train.outputs, self.C, self.seed), test)


class Efficiency(NamedTuple):
    """What so many labelled texts are worth."""

    labels: int
    """Number of texts."""
    draws: int
    score: Spread


class AtC(NamedTuple):
    """What a C gives on the test texts."""

    C: float
    score: float
    features_used: int
    top_column: int


def decisions(found: Fit, rows: Rows, kind: str, thresholds: np.ndarray) -> np.ndarray:
    """Return what a regression says of rows: int64[N], or bool[N, K] of labels."""
    predicted = probabilities(found.scores(rows.x), kind)
    return decide(predicted[:, 0] if kind == "binary" else predicted, thresholds, kind)


def score(
    found: Fit, rows: Rows, kind: str, thresholds: np.ndarray, metric: str
) -> float:
    """Return the accuracy of a regression; of several labels their mean `metric`."""
    decided = decisions(found, rows, kind, thresholds)
    if kind == "multilabel":
        return float(label_metrics(decided, rows.labels)[metric].mean())
    return float(correctness(decided, rows.labels).mean())


def describe_neuron(
    column: int,
    part: Part,
    unit: int,
    alone: Fit,
    scaling: Scaling,
    values_N: np.ndarray,
    labels_N: np.ndarray,
) -> Neuron:
    """Return what a neuron is and where it decides.

    Args:
        column: Its column of the feature.
        part: What the column is.
        unit: Its number in the layer.
        alone: Regression on it alone; only the first output is looked at.
        scaling: Of its column.
        values_N: float[N], its raw values on the training texts.
        labels_N: int64[N] of 0 and 1: what the first output should say.
    """
    raw = scaling.fold(alone)
    weight, bias = float(raw.weights[0, 0]), float(raw.bias[0])
    values_N = np.asarray(values_N, np.float64)
    means = [float(values_N[labels_N == label].mean()) for label in (0, 1)]
    if weight:
        sign, threshold = (1 if weight > 0 else -1), -bias / weight
    else:  # So strong a penalty leaves no weight: half-way between the classes.
        sign, threshold = (1 if means[1] >= means[0] else -1), sum(means) / 2.0
    distances = np.abs(values_N - threshold)
    limit = float(np.quantile(distances, 0.99)) or float(distances.max()) or 1.0
    return Neuron(
        column, part.layer, part.state, part.pooling, unit, sign, threshold, limit
    )


def without(contest: Contest, columns: Sequence[int]) -> float | None:
    """Return what a new regression on all columns but these is worth.

    None if no column is left.
    """
    left = sorted(set(range(contest.train.x.shape[1])) - set(columns))
    return contest.on(left) if left else None


def random_neurons(contest: Contest, count: int, draws: int) -> Spread:
    """Return what regressions on `count` columns drawn at random are worth."""
    random = np.random.default_rng(contest.seed)
    width = contest.train.x.shape[1]
    return spread(
        [
            contest.on(random.choice(width, min(count, width), replace=False))
            for _ in range(draws)
        ]
    )


def label_efficiency(contest: Contest, whole: float, draws: int) -> list[Efficiency]:
    """Return the score against the number of labelled texts: 10, 30, 100, ..., all.

    Texts are drawn in the proportions of their classes, one of each at least.
    Nothing is chosen on further labels: up to 300, C is chosen by cross-validation
    within each draw. Beyond, that of the whole regression times sqrt(N / n) is
    taken, for time: a mean over n texts varies by 1 / sqrt(n), and the penalty on
    it, 1 / (C n), keeps up. The features are scaled over all training texts, which
    takes no label.

    Args:
        contest: Training and test rows.
        whole: Score with all labels, the last point.
        draws: Draws of every other point.
    """
    random = np.random.default_rng(contest.seed)
    total = len(contest.train.labels)
    curve = []
    for count in _counts(total, contest.train.outputs.shape[1]):
        found = []
        for _ in range(draws):
            part = contest.train.take(draw_texts(contest.train.labels, count, random))
            C = _few_labels_C(contest, part)
            found.append(contest.score(fit(part.x, part.outputs, C, contest.seed)))
        curve.append(Efficiency(count, draws, spread(found)))
    curve.append(Efficiency(total, 1, Spread(whole, whole, whole)))
    return curve


def _few_labels_C(contest: Contest, part: Rows) -> float:
    count = len(part.labels)
    foldable = part.labels.ndim > 1 or np.bincount(part.labels).min() > 1
    if count <= CHOSEN_WITHIN and foldable:
        selection = Selection(contest.kind, part, None, contest.metric, contest.seed)
        return selection.choose().best.C
    return contest.C * float(np.sqrt(len(contest.train.labels) / count))


def at_each_C(contest: Contest, choice: Choice, scaling: Scaling) -> list[AtC]:
    """Return score, number of columns used and top neuron for each C tried."""
    found = []
    for tried in choice.tried:
        each = tried.fit
        if each is None:
            rows = contest.train
            each = fit(rows.x, rows.outputs, tried.C, contest.seed)
        importance = scaling.importance(each)
        (top,) = top_columns(importance, contest.train, 1)
        found.append(AtC(tried.C, contest.score(each), each.used, top))
    return found


def draw_texts(
    labels: np.ndarray, count: int, random: np.random.Generator
) -> np.ndarray:
    """Return the rows of `count` texts, drawn in the proportions of their classes.

    Every class has one text at least; several labels are drawn without regard to
    them.
    """
    if labels.ndim > 1:
        return random.choice(len(labels), count, replace=False)
    sizes = np.bincount(labels)
    shares = sizes * (count / len(labels))
    wanted = np.maximum(np.floor(shares).astype(int), 1)
    for index in np.argsort(wanted - shares, kind="stable"):
        if wanted.sum() < count and wanted[index] < sizes[index]:
            wanted[index] += 1
    return np.concatenate(
        [
            random.choice(np.flatnonzero(labels == index), number, replace=False)
            for index, number in enumerate(wanted)
        ]
    )


def _counts(total: int, outputs: int) -> list[int]:
    steps = [base * 10**power for power in range(1, 8) for base in (1, 3)]
    return [step for step in steps if outputs <= step < total]
