"""L1 logistic regression on features: scaling, the choice of C, the top neurons.

Axes: N texts, F columns of the feature, K outputs (labels, classes, or 1 for two
classes).

Reference:
    Radford et al. 2017, arXiv:1704.01444, section 4: L1, C chosen on validation
    texts. Its code tries C from 2^-8 to 2^0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold

from tfsent.transfer.classifier import decide, probabilities
from tfsent.transfer.scores import correctness, label_metrics, tune_threshold

EXPONENTS = range(-8, 1)
"""C is 2 to the power of one of these."""

FULL_CELLS = 2**22
"""Up to this many numbers (rows x columns x outputs) every C is tried, and five folds.

One fit of 6,920 x 512 takes about 1 s on one core, of 25,000 x 1024 some 10 s."""

FOLDS = 5

_CONSTANT = 1e-6
_MAX_ITERATIONS = 1000


@dataclass(frozen=True)
class Scaling:
    """What a feature is brought to mean 0 and deviation 1 by."""

    mean: np.ndarray
    """float64[F]."""
    deviation: np.ndarray
    """float64[F]; infinite for a column that says nothing, which becomes 0."""
    spread: np.ndarray
    """float64[F], deviation over the training texts, whether used or not."""

    @classmethod
    def of(cls, features: np.ndarray, standardize: bool = True) -> Scaling:
        """Return the scaling of training features, float[N, F].

        A column whose deviation is below a millionth of its largest value holds
        rounding and nothing else; it is taken as constant.

        Raises:
            ValueError: If a value is not finite.
        """
        mean = features.mean(axis=0, dtype=np.float64)
        spread = features.std(axis=0, dtype=np.float64)
        if not np.isfinite(spread).all():
            column = int(np.argmin(np.isfinite(spread)))
            raise ValueError(
                f"features hold NaN or infinity in column {column}: the model's "
                "states are not finite on these texts."
            )
        constant = spread <= _CONSTANT * np.abs(features).max(axis=0)
        deviation = np.where(constant, np.inf, spread if standardize else 1.0)
        return cls(mean if standardize else np.zeros_like(mean), deviation, spread)

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Return scaled features, float64[N, F]."""
        return (features - self.mean) / self.deviation

    def only(self, columns: Sequence[int]) -> Scaling:
        """Return the scaling of some columns."""
        at = list(columns)
        return Scaling(self.mean[at], self.deviation[at], self.spread[at])

    def fold(self, fit: Fit) -> Fit:
        """Return the weights and bias that do to raw features what `fit` does."""
        weights = fit.weights / self.deviation[:, None]
        return Fit(weights, fit.bias - self.mean @ weights)

    def importance(self, fit: Fit) -> np.ndarray:
        """Return the weights in units of the features' deviations, float64[F, K]."""
        raw: np.ndarray = fit.weights / self.deviation[:, None]
        return raw * self.spread[:, None]


class Fit(NamedTuple):
    """A fitted regression."""

    weights: np.ndarray
    """float64[F, K]."""
    bias: np.ndarray
    """float64[K]."""

    def scores(self, x_NF: np.ndarray) -> np.ndarray:
        """Return decision values, float64[N, K]."""
        values: np.ndarray = x_NF @ self.weights + self.bias
        return values

    @property
    def used(self) -> int:
        """Number of columns with a weight."""
        return int(np.count_nonzero(self.weights.any(axis=1)))


class Rows(NamedTuple):
    """Scaled features with what they are to be told apart as."""

    x: np.ndarray
    """float64[N, F]."""
    labels: np.ndarray
    """int64[N], indices of classes; of several labels int64[N, K] of 0 and 1."""
    outputs: np.ndarray
    """int64[N, K], what each output should say."""

    def take(self, rows: np.ndarray) -> Rows:
        """Return some of the rows."""
        return Rows(self.x[rows], self.labels[rows], self.outputs[rows])

    def columns(self, columns: Sequence[int]) -> Rows:
        """Return all rows with some of the columns."""
        return self._replace(x=self.x[:, list(columns)])


class Tried(NamedTuple):
    """What one C gave."""

    C: float
    score: float
    """Accuracy on validation texts; of several labels the mean of a metric."""
    fit: Fit | None
    """On all training texts; None where they were split in folds."""
    thresholds: np.ndarray
    """float64[K], on probabilities."""


class Choice(NamedTuple):
    """Every C that was tried, and the best: of equals the smallest."""

    tried: list[Tried]
    best: Tried


def fit(x_NF: np.ndarray, outputs_NK: np.ndarray, C: float, seed: int) -> Fit:
    """Return the L1 logistic regression of each output on its own.

    An output that has but one value among the rows gets no weights and a bias that
    says so, as a few drawn texts may lack a rare label.

    Args:
        x_NF: float64[N, F].
        outputs_NK: int64[N, K] of 0 and 1.
        C: Weight of the loss, summed over rows, against the sum of |weights|.
        seed: Of the order in which the solver goes through the columns.
    """
    weights, bias = [], []
    for output_N in outputs_NK.T:
        ones = int(output_N.sum())
        if ones in (0, len(output_N)):
            weights.append(np.zeros(x_NF.shape[1]))
            bias.append(np.log((ones + 0.5) / (len(output_N) - ones + 0.5)))
            continue
        solver = LogisticRegression(
            C=C,
            l1_ratio=1.0,
            solver="liblinear",
            max_iter=_MAX_ITERATIONS,
            random_state=seed,
        ).fit(x_NF, output_N)
        weights.append(solver.coef_[0])
        bias.append(solver.intercept_[0])
    return Fit(np.stack(weights, axis=1), np.asarray(bias, np.float64))


class Selection:
    """Where a C is tried: on validation texts, or within the training texts.

    Args:
        kind: Of the classifier.
        train: Training rows.
        val: Validation rows. Default: stratified folds of the training rows; five,
            or, where that many fits take too long, one of the five.
        metric: Of several labels, what their thresholds are tuned for.
        seed: Of folds and fits.

    Raises:
        ValueError: If there are no validation rows and a class of one text.
    """

    def __init__(
        self, kind: str, train: Rows, val: Rows | None, metric: str, seed: int
    ):
        self.kind, self.metric, self.seed = kind, metric, seed
        self.train, self.val = train, val
        cells = train.x.size * train.outputs.shape[1]
        self.is_large = cells > FULL_CELLS
        self.folds = [] if val is not None else self._make_folds()

    @property
    def how(self) -> str:
        """In words, what C is chosen on."""
        if self.val is not None:
            return "validation texts"
        if self.is_large:
            return "one fifth of the training texts"
        return f"cross-validation in {len(self.folds)} folds"

    def columns(self, columns: Sequence[int]) -> Selection:
        """Return the same choice on some of the columns."""
        val = None if self.val is None else self.val.columns(columns)
        train = self.train.columns(columns)
        return Selection(self.kind, train, val, self.metric, self.seed)

    def choose(self) -> Choice:
        """Return what every C gives.

        Where rows are many, every other C is tried, from the smallest, until two in
        a row were worse than the best; then its neighbours.
        """
        tried: dict[int, Tried] = {}
        worse = 0
        for exponent in EXPONENTS[:: 2 if self.is_large else 1]:
            tried[exponent] = self.attempt(2.0**exponent)
            best = _best(tried)
            worse = 0 if tried[exponent].score >= tried[best].score else worse + 1
            if self.is_large and worse == 2:
                break
        if self.is_large:
            for exponent in (best - 1, best + 1):
                if exponent in EXPONENTS:
                    tried[exponent] = self.attempt(2.0**exponent)
        ordered = [tried[exponent] for exponent in sorted(tried)]
        return Choice(ordered, tried[_best(tried)])

    def attempt(self, C: float) -> Tried:
        """Return what one C gives."""
        if self.val is not None:
            found = fit(self.train.x, self.train.outputs, C, self.seed)
            return self._judge(C, found, found.scores(self.val.x), self.val)
        scores = []
        for inside, outside in self.folds:
            part = self.train.take(inside)
            found = fit(part.x, part.outputs, C, self.seed)
            scores.append(found.scores(self.train.x[outside]))
        outside = np.concatenate([rows for _, rows in self.folds])
        return self._judge(C, None, np.concatenate(scores), self.train.take(outside))

    def final(self, choice: Choice) -> Fit:
        """Return the regression on all training rows with the C that was chosen."""
        if choice.best.fit is not None:
            return choice.best.fit
        return fit(self.train.x, self.train.outputs, choice.best.C, self.seed)

    def _judge(
        self, C: float, found: Fit | None, scores: np.ndarray, rows: Rows
    ) -> Tried:
        predicted = probabilities(scores, self.kind)
        thresholds = np.full(scores.shape[1], 0.5)
        if self.kind != "multilabel":
            decided = decide(_squeezed(predicted, self.kind), thresholds, self.kind)
            right = correctness(decided, rows.labels)
            return Tried(C, float(right.mean()), found, thresholds)
        thresholds = np.asarray(
            [
                tune_threshold(p_N, label_N, self.metric)
                for p_N, label_N in zip(predicted.T, rows.labels.T, strict=True)
            ]
        )
        metrics = label_metrics(predicted > thresholds, rows.labels)
        return Tried(C, float(metrics[self.metric].mean()), found, thresholds)

    def _make_folds(self) -> list[tuple[np.ndarray, np.ndarray]]:
        labels = self.train.labels
        if self.kind == "multilabel":
            number = min(FOLDS, len(labels))
            splitter: KFold = KFold(number, shuffle=True, random_state=self.seed)
            folds = list(splitter.split(self.train.x))
        else:
            check_foldable(labels)
            smallest = int(np.bincount(labels).min())
            number = min(FOLDS, smallest)
            stratified = StratifiedKFold(number, shuffle=True, random_state=self.seed)
            folds = list(stratified.split(self.train.x, labels))
        return folds[:1] if self.is_large else folds


def check_foldable(labels_N: np.ndarray) -> None:
    """Refuse classes that cannot be cross-validated.

    Raises:
        ValueError: If one has a single text.
    """
    if np.bincount(labels_N).min() < 2:
        raise ValueError(
            "data.train has a class of one text, which cannot be both learnt "
            "from and tested; give data.val, or two texts of every class."
        )


def top_columns(importance: np.ndarray, rows: Rows, count: int) -> list[int]:
    """Return the columns of the largest weights, the largest first.

    Where fewer columns have one than are asked for, those that correlate most with
    an output follow.

    Args:
        importance: float64[F, K], weights in units of the features' deviations.
        rows: Training rows, for the correlations.
        count: How many.
    """
    size = np.abs(importance).sum(axis=1)
    tie_break = np.zeros_like(size)
    if np.count_nonzero(size) < count:
        centred = rows.outputs - rows.outputs.mean(axis=0)
        x = rows.x - rows.x.mean(axis=0)
        norms = np.sqrt(np.square(x).sum(axis=0))
        products = np.abs(x.T @ centred) / np.where(norms > 0, norms, np.inf)[:, None]
        tie_break = products.max(axis=1)
    order = np.lexsort((-tie_break, -size))
    return [int(column) for column in order[:count]]


def _best(tried: dict[int, Tried]) -> int:
    return max(tried, key=lambda exponent: (tried[exponent].score, -exponent))


def _squeezed(predicted: np.ndarray, kind: str) -> np.ndarray:
    return predicted[:, 0] if kind == "binary" else predicted
