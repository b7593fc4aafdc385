"""Labelled texts -> what is to be told of which, and where a choice is tried.

Axes: N texts, K outputs (labels, classes, or 1 for two classes).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from tfsent.supervised.task import Task
from tfsent.transfer.labelled import LabelledTexts, Labels
from tfsent.transfer.regression import FOLDS, check_foldable


class Problem(NamedTuple):
    """What is to be told of which texts, and where a choice is tried."""

    texts: list[str]
    """N: training texts, then validation texts."""
    task: Task
    labels: np.ndarray
    """int64[N], indices of classes; of several labels int64[N, K]."""
    outputs: np.ndarray
    """int64[N, K], what each output should say."""
    parts: list[tuple[np.ndarray, np.ndarray]]
    """Rows to fit on, rows to try on: one pair, or one a fold."""
    final: np.ndarray
    """Rows that the chosen settings are fitted on."""
    how: str
    """In words, what is chosen on."""


def pose(
    train: LabelledTexts,
    val: LabelledTexts | None,
    labels: Labels,
    metric: str,
    refit_on_val: bool,
    seed: int,
) -> Problem:
    """Return the problem that texts and labels set.

    Args:
        train: Texts to learn from.
        val: Texts to choose on. Default: seeded folds of the training texts.
        labels: What the labels stand for.
        metric: Of several labels, what is chosen for and thresholds are tuned for.
        refit_on_val: Fit what was chosen on the validation texts too.
        seed: Of the folds.

    Raises:
        ValueError: If a label is none of `labels`, all training texts have the same, or
            a class of one text would have to be split.
    """
    encoded = labels.encode(train, "data.train")
    outputs = labels.outputs(encoded)
    if not len(encoded) or (outputs == outputs[0]).all():
        raise ValueError(
            f"data.train ({train.name}) has {len(encoded)} texts, all with the same "
            "labels; texts with at least two different ones will do."
        )
    task = Task.of(labels, metric)
    rows = np.arange(len(encoded))
    if val is None:
        parts = _folds(encoded, labels.kind, seed)
        how = f"cross-validation in {len(parts)} folds"
        return Problem(list(train.texts), task, encoded, outputs, parts, rows, how)
    if not len(val.texts):
        raise ValueError(f"data.val ({val.name}) has no text; leave it out.")
    encoded = np.concatenate([encoded, labels.encode(val, "data.val")])
    outside = np.arange(len(rows), len(encoded))
    return Problem(
        [*train.texts, *val.texts],
        task,
        encoded,
        labels.outputs(encoded),
        [(rows, outside)],
        np.arange(len(encoded)) if refit_on_val else rows,
        "validation texts",
    )


def _folds(
    labels: np.ndarray, kind: str, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    rows = np.arange(len(labels))
    if kind == "multilabel":
        plain = KFold(min(FOLDS, len(rows)), shuffle=True, random_state=seed)
        return list(plain.split(rows))
    check_foldable(labels)
    number = min(FOLDS, int(np.bincount(labels).min()))
    stratified = StratifiedKFold(number, shuffle=True, random_state=seed)
    return list(stratified.split(rows, labels))
