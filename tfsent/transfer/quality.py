"""How well a classifier does on test texts, as JSON holds it.

Axes: N texts, F columns of the feature, K outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tfsent.transfer.classifier import Classifier, decide, probabilities
from tfsent.transfer.scores import (
    bootstrap_interval,
    correctness,
    label_metrics,
    majority_accuracy,
    matthews,
)


def quality(
    classifier: Classifier,
    features: np.ndarray,
    truth: np.ndarray,
    train_labels: np.ndarray,
    seed: int,
) -> dict[str, Any]:
    """Return how well a classifier does on test texts.

    Args:
        classifier: What is measured, as it is stored.
        features: float[N, F], raw.
        truth: Labels of the test texts.
        train_labels: Of the training texts, whose majority is the comparison.
        seed: Of the bootstrap.
    """
    predicted = probabilities(
        np.atleast_1d(classifier.scores(np.asarray(features))), classifier.kind
    )
    decided = decide(predicted, classifier.thresholds, classifier.kind)
    return figures_of(
        decided, truth, train_labels, classifier.kind, classifier.classes, seed
    )


def figures_of(
    decided: np.ndarray,
    truth: np.ndarray,
    train_labels: np.ndarray,
    kind: str,
    classes: Sequence[str],
    seed: int,
) -> dict[str, Any]:
    """Return how well decisions fit the labels of test texts.

    Args:
        decided: Indices of classes, int64[N], or labels, bool[N, K].
        truth: Labels of the test texts.
        train_labels: Of the training texts, whose majority is the comparison.
        kind: "binary", "multiclass" or "multilabel".
        classes: Names.
        seed: Of the bootstrap.
    """
    right = correctness(decided, truth)
    figures: dict[str, Any] = {
        "texts": len(truth),
        "accuracy": float(right.mean()),
        "interval": list(bootstrap_interval(right, seed)),
        "majority_accuracy": majority_accuracy(train_labels, truth),
    }
    if kind != "multilabel":
        count = len(classes)
        confusion = np.zeros((count, count), np.int64)
        np.add.at(confusion, (truth, decided), 1)
        return figures | {
            "mcc": matthews(decided, truth),
            "confusion": confusion.tolist(),
        }
    metrics = label_metrics(decided, truth)
    figures["all_labels_right"] = float(np.mean((decided == truth).all(axis=1)))
    for name, values in metrics.items():
        figures[name] = float(values.mean())
    figures["labels"] = {
        label: {
            **{name: float(values[at]) for name, values in metrics.items()},
            "accuracy": float(np.mean(decided[:, at] == truth[:, at])),
            "share": float(truth[:, at].mean()),
            "predicted_share": float(decided[:, at].mean()),
        }
        for at, label in enumerate(classes)
    }
    return figures
