"""What a classifier is to say, and how well it said it.

Axes: N texts, K outputs of the model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tfsent.transfer.classifier import decide
from tfsent.transfer.labelled import Labels
from tfsent.transfer.quality import figures_of
from tfsent.transfer.scores import (
    bootstrap_interval,
    correctness,
    label_metrics,
    tune_neutral,
    tune_threshold,
)

_LEAST = 1e-12

KINDS = ("binary", "multiclass", "multilabel", "regression")


@dataclass(frozen=True)
class Task:
    """Kind and names of the classes, and the thresholds of a decision.

    Attributes:
        kind: One of `KINDS`.
        classes: Their names; of a regression the name of its value.
        metric: Of several labels, what thresholds and weights are chosen for.
        thresholds: On probabilities; one a label, or one.
        center: What a regression's outputs are counted from.
        scale: Unit of a regression's outputs.
        neutral: Of two classes, the probabilities between which none is said; or
            none.
    """

    kind: str
    classes: tuple[str, ...]
    metric: str = "f1"
    thresholds: tuple[float, ...] = (0.5,)
    center: float = 0.0
    scale: float = 1.0
    neutral: tuple[float, ...] = ()

    @classmethod
    def of(cls, labels: Labels, metric: str) -> Task:
        """Return the task that labels set."""
        count = len(labels.classes) if labels.kind == "multilabel" else 1
        return cls(labels.kind, labels.classes, metric, (0.5,) * count)

    @classmethod
    def regression(cls, name: str, values_N: np.ndarray) -> Task:
        """Return the task to tell a number, learnt in units of its deviation.

        Raises:
            ValueError: If all values are equal.
        """
        deviation = float(values_N.std())
        if deviation == 0.0:
            raise ValueError(
                f"data.train has {values_N[0]:g} for every {name!r}; different "
                "values will do."
            )
        return cls("regression", (name,), "", (), float(values_N.mean()), deviation)

    @property
    def num_outputs(self) -> int:
        """K: one a class (two for "binary"), one for a regression."""
        return len(self.classes)

    @property
    def measure(self) -> str:
        """Name of what is chosen for, higher is better."""
        if self.kind == "regression":
            return "r2"
        return self.metric if self.kind == "multilabel" else "accuracy"

    def targets(self, labels: np.ndarray) -> np.ndarray:
        """Return labels as batches hold them: int64[N] or [N, K], or float32[N]."""
        if self.kind == "regression":
            return ((labels - self.center) / self.scale).astype(np.float32)
        return labels

    def predictions(self, outputs_NK: np.ndarray) -> np.ndarray:
        """Return probabilities, float64[N] of the second class or [N, K]; or values."""
        outputs_NK = outputs_NK.astype(np.float64)
        if self.kind == "regression":
            return outputs_NK[:, 0] * self.scale + self.center
        if self.kind == "multilabel":
            return np.exp(-np.logaddexp(0.0, -outputs_NK))
        shifted = outputs_NK - outputs_NK.max(axis=1, keepdims=True)
        odds = np.exp(shifted)
        odds /= odds.sum(axis=1, keepdims=True)
        return odds[:, 1] if self.kind == "binary" else odds

    def decisions(self, predicted: np.ndarray) -> np.ndarray:
        """Return indices of classes int64[N], labels bool[N, K], or the values."""
        if self.kind == "regression":
            return predicted
        return decide(predicted, np.asarray(self.thresholds), self.kind)

    def tuned(self, predicted: np.ndarray, labels: np.ndarray) -> Task:
        """Return the task with the thresholds that are best on validation texts."""
        if self.kind != "multilabel":
            return self
        pairs = zip(predicted.T, labels.T, strict=True)
        return replace(
            self, thresholds=tuple(tune_threshold(*pair, self.metric) for pair in pairs)
        )

    def with_neutral(
        self, predicted: np.ndarray, labels: np.ndarray, share: float
    ) -> Task:
        """Return the task with the zone that is best on validation texts.

        Args:
            predicted: Probabilities of validation texts.
            labels: Their classes.
            share: Most of them that may lie in it; 0 leaves the task as it is.
        """
        if not share:
            return self
        return replace(self, neutral=tune_neutral(predicted, labels, share))

    def undecided(self, predicted: np.ndarray) -> np.ndarray:
        """Return of which texts no class is said, bool[N]."""
        if not self.neutral:
            return np.zeros(len(predicted), bool)
        low, high = self.neutral
        return (predicted > low) & (predicted < high)

    def score(self, predicted: np.ndarray, labels: np.ndarray) -> float:
        """Return the measure, of several labels with the best thresholds."""
        if self.kind == "regression":
            return _r2(predicted, labels)
        decided = self.tuned(predicted, labels).decisions(predicted)
        if self.kind == "multilabel":
            return float(label_metrics(decided, labels)[self.metric].mean())
        return float(correctness(decided, labels).mean())

    def loss(self, predicted: np.ndarray, labels: np.ndarray) -> float:
        """Return the mean loss of predictions: nats, or squared deviations."""
        if self.kind == "regression":
            return float(np.square((predicted - labels) / self.scale).mean())
        if self.kind == "multiclass":
            right = np.take_along_axis(predicted, labels[:, None], axis=1)
        else:
            right = np.where(labels == 1, predicted, 1.0 - predicted)
        return float(-np.log(np.maximum(right, _LEAST)).mean())

    def quality(
        self,
        predicted: np.ndarray,
        labels: np.ndarray,
        train_labels: np.ndarray,
        seed: int,
    ) -> dict[str, Any]:
        """Return every figure on test texts, as JSON holds it."""
        if self.kind != "regression":
            decided = self.decisions(predicted)
            found = figures_of(
                decided, labels, train_labels, self.kind, self.classes, seed
            )
            if self.neutral:
                kept_N = ~self.undecided(predicted)
                right = correctness(decided[kept_N], labels[kept_N])
                found["undecided"] = 1.0 - float(kept_N.mean())
                found["decided_accuracy"] = float(right.mean()) if len(right) else None
            return found
        squared_N = np.square(predicted - labels)
        low, high = bootstrap_interval(squared_N, seed)
        return {
            "texts": len(labels),
            "r2": _r2(predicted, labels),
            "rmse": float(np.sqrt(squared_N.mean())),
            "interval": [low**0.5, high**0.5],
            "mean_rmse": float(np.sqrt(np.square(labels - train_labels.mean()).mean())),
        }


def _r2(predicted_N: np.ndarray, values_N: np.ndarray) -> float:
    """Return the share of the variance that is told; 0 for the mean of the values."""
    spread = float(np.square(values_N - values_N.mean()).sum())
    if spread == 0.0:
        return 0.0
    return 1.0 - float(np.square(predicted_N - values_N).sum()) / spread
