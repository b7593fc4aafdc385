"""Labelled features -> a classifier, and every figure about it.

Axes: N texts, F columns of the feature, K outputs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tfsent.transfer import neuron as checks
from tfsent.transfer.candidates import Candidate
from tfsent.transfer.classifier import Classifier, Neuron
from tfsent.transfer.labelled import Labels
from tfsent.transfer.quality import quality
from tfsent.transfer.regression import (
    Choice,
    Fit,
    Rows,
    Scaling,
    Selection,
    check_foldable,
    top_columns,
)
from tfsent.transfer.scores import correctness

Tell = Callable[[str], None]


class Split(NamedTuple):
    """Raw features of the texts of a split, and their labels as `Labels` gives them."""

    features: np.ndarray
    """float32[N, columns read]."""
    labels: np.ndarray
    """int64[N] or, of several labels, int64[N, K]."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user can ask of an experiment; see `TransferConfig`."""

    neurons: int = 1
    standardize: bool = True
    metric: str = "f1"
    checks: bool = True
    draws: int = 5
    seed: int = 0


class Origin(NamedTuple):
    """The model whose features these are."""

    fingerprint: str
    text_rule: str
    hidden_size: int
    """Columns of one part of a feature."""


class Outcome(NamedTuple):
    """What an experiment gives."""

    classifier: Classifier
    figures: dict[str, Any]
    """All that was measured, as JSON holds it."""
    importance: np.ndarray
    """float64[F, K], weights in units of the features' deviations."""
    columns: tuple[int, ...]
    """Those of the feature read that the chosen feature consists of."""


class _Judged(NamedTuple):
    """A candidate, and what it is worth."""

    candidate: Candidate
    scaling: Scaling
    selection: Selection
    choice: Choice
    fit: Fit


def experiment(
    each: Sequence[Candidate],
    labels: Labels,
    train: Split,
    val: Split | None,
    test: Split | None,
    options: Options,
    origin: Origin,
    tell: Tell = lambda line: None,
) -> Outcome:
    """Return the classifier that is best on validation texts, measured on the test.

    Args:
        each: Features to choose among; of equals the first is taken.
        labels: What the labels stand for.
        train: Texts to fit on.
        val: Texts to choose feature, C and thresholds on. Default: folds of `train`.
        test: Texts to measure on. Default: nothing is measured.
        options: What the user asked for.
        origin: The model.
        tell: Takes a line on how far it is.

    Raises:
        ValueError: If features are not finite, there are fewer columns than neurons
            asked for, or too few texts to choose on.
    """
    check_before(each, labels, train.labels, val is not None, options)
    best: _Judged | None = None
    entries: dict[str, Any] = {}
    for candidate in each:
        started = time.perf_counter()
        found = _judge(candidate, labels, train, val, options)
        entries[candidate.feature] = _entry(found, labels, test, options)
        entries[candidate.feature]["seconds"] = time.perf_counter() - started
        tell(
            f"feature {candidate.feature}: {found.choice.best.score:.4f} on "
            f"{found.selection.how}"
        )
        if best is None or found.choice.best.score > best.choice.best.score:
            best = found  # The others are let go: they hold a copy of all rows.
    assert best is not None
    classifier, figures = _describe(best, labels, train, options, origin)
    figures["candidates"] = entries
    if test is not None:
        _measure(best, classifier, figures, labels, train, test, options, tell)
    importance = best.scaling.importance(best.fit)
    return Outcome(classifier, figures, importance, best.candidate.columns)


def check_before(
    each: Sequence[Candidate],
    labels: Labels,
    train_labels: np.ndarray,
    has_val: bool,
    options: Options,
) -> None:
    """Refuse what would fail once the features are there, which takes the most time.

    Raises:
        ValueError: As `experiment` does.
    """
    for candidate in each:
        if options.neurons > len(candidate.columns):
            raise ValueError(
                f"neurons is {options.neurons}; feature {candidate.feature!r} has "
                f"{len(candidate.columns)}."
            )
    if not has_val and labels.kind != "multilabel":
        check_foldable(train_labels)


def rows_of(split: Split, labels: Labels, columns: Any, scaling: Scaling) -> Rows:
    """Return a split as the regression takes it."""
    features = split.features[:, columns]
    return Rows(scaling.apply(features), split.labels, labels.outputs(split.labels))


def _slice(columns: Sequence[int]) -> Any:
    """Return columns as a slice where they stand together: no copy is made."""
    first, last = columns[0], columns[-1]
    together = tuple(columns) == tuple(range(first, last + 1))
    return slice(first, last + 1) if together else list(columns)


def _judge(
    candidate: Candidate,
    labels: Labels,
    train: Split,
    val: Split | None,
    options: Options,
) -> _Judged:
    columns = _slice(candidate.columns)
    scaling = Scaling.of(np.asarray(train.features)[:, columns], options.standardize)
    selection = Selection(
        labels.kind,
        rows_of(train, labels, columns, scaling),
        None if val is None else rows_of(val, labels, columns, scaling),
        options.metric,
        options.seed,
    )
    choice = selection.choose()
    return _Judged(candidate, scaling, selection, choice, selection.final(choice))


def _entry(
    found: _Judged, labels: Labels, test: Split | None, options: Options
) -> dict[str, Any]:
    measure = _measure_of(labels.kind, options)
    chosen = found.choice.best
    on_test = None
    if test is not None:
        rows = rows_of(test, labels, _slice(found.candidate.columns), found.scaling)
        on_test = checks.score(
            found.fit, rows, labels.kind, chosen.thresholds, options.metric
        )
    return {
        "C": chosen.C,
        f"val_{measure}": chosen.score,
        f"test_{measure}": on_test,
        "features_used": found.fit.used,
    }


def _measure_of(kind: str, options: Options) -> str:
    """Return what scores are called: what is chosen by and compared in the checks."""
    return options.metric if kind == "multilabel" else "accuracy"


def _describe(
    best: _Judged, labels: Labels, train: Split, options: Options, origin: Origin
) -> tuple[Classifier, dict[str, Any]]:
    """Return the classifier, and the figures that need no test texts."""
    chosen, measure = best.choice.best, _measure_of(labels.kind, options)
    importance = best.scaling.importance(best.fit)
    top = top_columns(importance, best.selection.train, options.neurons)
    output = int(np.abs(importance[top[0]]).argmax())
    neuron = _neuron(best, train, top[0], output, origin.hidden_size)
    raw = best.scaling.fold(best.fit)
    classifier = Classifier(
        feature=best.candidate.feature,
        classes=labels.classes,
        kind=labels.kind,
        weights=raw.weights,
        bias=raw.bias,
        thresholds=chosen.thresholds,
        neuron=neuron,
        model_fingerprint=origin.fingerprint,
        text_rule=origin.text_rule,
    )
    figures = {
        "kind": labels.kind,
        "classes": list(labels.classes),
        "feature": best.candidate.feature,
        "columns": len(best.candidate.columns),
        "C": chosen.C,
        "chosen_on": best.selection.how,
        "measure": measure,
        f"val_{measure}": chosen.score,
        "features_used": best.fit.used,
        "standardized": options.standardize,
        "thresholds": chosen.thresholds.tolist(),
        "neuron": {
            **neuron._asdict(),
            "columns": top,
            "units": [column % origin.hidden_size for column in top],
            "weights": importance[top].tolist(),
            "speaks_for": labels.classes[1 if labels.kind == "binary" else output],
            "test_accuracy": None,
        },
        "test": None,
        "checks": None,
    }
    return classifier, figures


def _measure(
    best: _Judged,
    classifier: Classifier,
    figures: dict[str, Any],
    labels: Labels,
    train: Split,
    test: Split,
    options: Options,
    tell: Tell,
) -> None:
    """Add what the test texts say to the figures."""
    columns = _slice(best.candidate.columns)
    figures["test"] = quality(
        classifier, test.features[:, columns], test.labels, train.labels, options.seed
    )
    top = figures["neuron"]["columns"]
    alone = best.selection.columns(top)
    choice = alone.choose()
    rows = rows_of(test, labels, columns, best.scaling)
    fit, chosen, measure = alone.final(choice), choice.best, figures["measure"]
    rows_alone, kind = rows.columns(top), labels.kind
    decided = checks.decisions(fit, rows_alone, kind, chosen.thresholds)
    figures["neuron"] |= {
        "C": chosen.C,
        f"val_{measure}": chosen.score,
        f"test_{measure}": checks.score(
            fit, rows_alone, kind, chosen.thresholds, options.metric
        ),
        "test_accuracy": float(correctness(decided, test.labels).mean()),
    }
    if options.checks:
        tell("is the neuron real: without it, random ones, fewer labels")
        figures["checks"] = _checks(
            best, rows, top, choice, figures["test"][measure], options
        )


def _neuron(
    best: _Judged, train: Split, column: int, output: int, hidden_size: int
) -> Neuron:
    """Return the neuron of a column and what it decides alone about one output."""
    whole = best.selection
    rows = _one_output(whole.train.columns([column]), output)
    val = whole.val and _one_output(whole.val.columns([column]), output)
    if val is None and np.bincount(rows.labels).min() < 2:
        val = rows  # A label of one text cannot be split in folds.
    alone = Selection("binary", rows, val, whole.metric, whole.seed)
    at, unit = divmod(column, hidden_size)
    return checks.describe_neuron(
        column,
        best.candidate.parts[at],
        unit,
        alone.final(alone.choose()),
        best.scaling.only([column]),
        np.asarray(train.features)[:, best.candidate.columns[column]],
        rows.labels,
    )


def _one_output(rows: Rows, output: int) -> Rows:
    """Return rows that ask for one of the outputs alone."""
    return Rows(rows.x, rows.outputs[:, output], rows.outputs[:, [output]])


def _checks(
    best: _Judged,
    test: Rows,
    top: list[int],
    alone: Choice,
    whole: float,
    options: Options,
) -> dict[str, Any]:
    chosen = best.choice.best
    contest = checks.Contest(
        best.selection.kind,
        best.selection.train,
        test,
        chosen.C,
        chosen.thresholds,
        options.metric,
        options.seed,
    )
    at_alone = contest._replace(C=alone.best.C, thresholds=alone.best.thresholds)
    width = test.x.shape[1]
    crowd = min(checks.CROWD, max(1, width // 2))
    return {
        "without_neurons": checks.without(contest, top),
        "random_neurons": {
            "neurons": len(top),
            "draws": checks.RANDOM_DRAWS,
            **checks.random_neurons(at_alone, len(top), checks.RANDOM_DRAWS)._asdict(),
        },
        "random_crowd": {
            "neurons": crowd,
            "draws": checks.CROWD_DRAWS,
            **checks.random_neurons(contest, crowd, checks.CROWD_DRAWS)._asdict(),
        },
        "at_each_C": [
            each._asdict()
            for each in checks.at_each_C(contest, best.choice, best.scaling)
        ],
        "label_efficiency": [
            {**point._asdict(), "score": point.score._asdict()}
            for point in checks.label_efficiency(contest, whole, options.draws)
        ],
    }
