"""What a supervised run writes beside its model, and what its command says at last."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfsent.checkpoint.strict_json import json_bytes
from tfsent.config_supervised import FinetuneConfig
from tfsent.supervised.task import Task

METRICS = "metrics.json"
CONFIG = "config.json"
PREDICTIONS = "predictions.csv"

_CALL = ("out", "fresh", "json")


def recorded(config: FinetuneConfig) -> dict[str, Any]:
    """Return the settings that are kept with a run, as JSON holds them."""
    settings = dataclasses.asdict(config)
    kept = {name: value for name, value in settings.items() if name not in _CALL}
    found: dict[str, Any] = json.loads(json_bytes(kept))
    return found


def default_out(config: FinetuneConfig) -> Path:
    """Return `runs/` and a name made of system, cell and a hash of the settings."""
    digest = hashlib.sha256(json_bytes(recorded(config))).hexdigest()
    kind = "" if config.system == "language" else f"-{config.classifier.cell}"
    return Path("runs") / f"{config.system}{kind}-{digest[:8]}"


def predictions_csv(
    task: Task, predicted: np.ndarray, labels: np.ndarray
) -> Iterator[bytes]:
    """Yield predictions.csv: for each text its label, what was said, probabilities."""
    for row in _predictions(task, predicted, labels):
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(row)
        yield line.getvalue().encode("utf-8", "replace")


def _predictions(
    task: Task, predicted: np.ndarray, labels: np.ndarray
) -> Iterator[list[Any]]:
    """Yield the rows of predictions.csv, its header first."""
    rows = predicted.reshape(len(predicted), -1)
    if task.kind == "regression":
        yield ["text_index", "label", "prediction"]
        for index, (label, row) in enumerate(zip(labels, rows, strict=True)):
            yield [index, f"{label:.9g}", f"{row[0]:.9g}"]
        return
    several = task.kind != "binary"
    columns = [f"probability_{name}" for name in task.classes]
    yield [
        "text_index",
        "label",
        "prediction",
        *(columns if several else ["probability"]),
    ]
    decided = task.decisions(predicted)
    undecided_N = task.undecided(predicted)
    for index, row in enumerate(rows):
        names = [_name(task, each[index]) for each in (labels, decided)]
        if undecided_N[index]:
            names[1] = NEUTRAL
        yield [index, *names, *(f"{value:.9g}" for value in row)]


NEUTRAL = "neutral"
"""What is said of a text between the two thresholds."""


def _name(task: Task, label: Any) -> str:
    if task.kind != "multilabel":
        return task.classes[int(label)]
    return "|".join(name for name, yes in zip(task.classes, label, strict=True) if yes)


def result_of(figures: dict[str, Any], config: FinetuneConfig) -> dict[str, Any]:
    """Return what the last line of `scripts/finetune.py` says."""
    test = figures["test"] or {}
    kept = (
        *("accuracy", "interval", "majority_accuracy", "mcc", "f1", "jaccard", "rmse"),
        *("undecided", "decided_accuracy"),
    )
    measure = next(name for name in figures if name.startswith("val_"))
    return {
        "system": config.system,
        "framework": config.framework
        if config.system in ("words", "language")
        else "scikit-learn",
        measure: figures[measure],
        **{
            f"test_{name}" if name != "interval" else name: test[name]
            for name in kept
            if name in test
        },
        "test_accuracy": test.get("accuracy"),
        "parameters": figures["parameters"],
        **{name: figures[name] for name in ("updates", "epochs") if name in figures},
        "seconds": round(figures["seconds"], 1),
        "wall_seconds": round(figures["wall_seconds"], 1),
        "peak_memory_bytes": figures["peak_memory_bytes"],
    }
