"""One run of a linear model, on n-grams or on averaged word vectors."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tfsent.checkpoint import RunLock, atomic, move_aside
from tfsent.checkpoint.strict_json import json_bytes
from tfsent.config_supervised import FinetuneConfig
from tfsent.data.sources import open_source
from tfsent.peak_memory import peak_resident_bytes
from tfsent.supervised.embeddings import FittedEmbeddings, fit_embeddings
from tfsent.supervised.linear import FittedLinear, fit_linear
from tfsent.supervised.output import (
    CONFIG,
    METRICS,
    PREDICTIONS,
    default_out,
    predictions_csv,
    recorded,
    result_of,
)
from tfsent.supervised.store import check_settings
from tfsent.supervised.task import Task
from tfsent.transfer.labelled import (
    LabelledTexts,
    Labels,
    Splits,
    label_names,
    read_labels,
    read_splits,
)

CLASSIFIER = "classifier"
"""Folder of the fitted model within the run's."""

SHALLOW: dict[str, Any] = {"linear": FittedLinear, "embeddings": FittedEmbeddings}
"""Systems that need no network, with what reads their folder."""

Tell = Callable[[str], None]


def fit_shallow(config: FinetuneConfig, tell: Tell) -> dict[str, Any]:
    """Fit system linear or embeddings as `config` says, and return the result.

    A run that has ended with the same settings gives the result it had.

    Args:
        config: All settings.
        tell: Takes lines on how far it is.

    Raises:
        ValueError: If a setting, the texts or the run folder make it impossible.
        OSError: If the disk refuses; names the file.
    """
    settings = recorded(config)
    out = Path(config.out or default_out(config)).expanduser()
    if config.fresh and (aside := move_aside(out)):
        tell(f"{out}: moved aside to {aside}")
    with RunLock(out):
        if (out / METRICS).exists():
            figures = json.loads((out / METRICS).read_bytes())
            check_settings(out, json.loads((out / CONFIG).read_bytes()), settings)
            tell(f"{out}: has ended before; --fresh fits it anew")
        else:
            figures = _fit(config, settings, out, tell)
        return figures["result"] | {"run": str(out)}


def _fit(
    config: FinetuneConfig, settings: dict[str, Any], out: Path, tell: Tell
) -> dict[str, Any]:
    started = time.perf_counter()
    splits = read_splits(config.data)
    names = label_names(config.data, splits.train.labels.shape[1])
    labels = read_labels(splits.train, names)
    for note in (*splits.notes, *labels.notes):
        tell(f"note: {note}")
    fitted = _fitted(config, splits, labels, tell)
    seconds = time.perf_counter() - started
    task = replace(
        Task.of(labels, config.metric),
        thresholds=tuple(float(value) for value in fitted.thresholds),
    )
    figures: dict[str, Any] = {
        "format": "tfsent-supervised",
        "format_version": 1,
        "task": asdict(task),
        "chosen": fitted.figures,
        f"val_{task.measure}": fitted.figures["chosen"]["score"],
        "parameters": fitted.fit.weights.size + fitted.fit.bias.size,
        "seconds": seconds,
        "test": None,
    }
    atomic.replace_file(out / CONFIG, [json_bytes(settings)])
    fitted.save(out / CLASSIFIER)
    if splits.test is not None:
        figures["test"] = _measure(
            fitted, task, splits.train, splits.test, labels, out, config.seed
        )
    figures["peak_memory_bytes"] = peak_resident_bytes()
    figures["wall_seconds"] = time.perf_counter() - started
    figures["result"] = result_of(figures, config)
    # Last: with it the run has ended.
    atomic.replace_file(out / METRICS, [json_bytes(figures)])
    return figures


def _fitted(
    config: FinetuneConfig, splits: Splits, labels: Labels, tell: Tell
) -> FittedLinear | FittedEmbeddings:
    given = (splits.train, splits.val, labels)
    if config.system == "linear":
        return fit_linear(
            *given, config.linear, config.seed, tell, metric=config.metric
        )
    spec = config.embeddings.source
    source = None
    if spec is not None:
        source = open_source(
            spec, config.data.as_source(spec), setting="embeddings.source"
        )

    def unlabelled() -> Iterable[str]:
        if source is None:
            return splits.train.texts
        split = "train" if "train" in source.splits else None
        return (sample.text for sample in source.samples(split))

    return fit_embeddings(
        *given, unlabelled, config.embeddings, config.seed, tell, metric=config.metric
    )


def _measure(
    fitted: FittedLinear | FittedEmbeddings,
    task: Task,
    train: LabelledTexts,
    test: LabelledTexts,
    labels: Labels,
    out: Path,
    seed: int,
) -> dict[str, Any]:
    truth = labels.encode(test, "data.test")
    started = time.perf_counter()
    predicted = fitted.probabilities(test.texts)
    seconds = time.perf_counter() - started
    atomic.replace_file(out / PREDICTIONS, predictions_csv(task, predicted, truth))
    train_labels = labels.encode(train, "data.train")
    return task.quality(predicted, truth, train_labels, seed) | {"seconds": seconds}
