"""The folder that an experiment leaves, which appears whole or not at all."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfsent.checkpoint import atomic
from tfsent.checkpoint.strict_json import json_bytes
from tfsent.transfer import pictures
from tfsent.transfer.classifier import FACTS, TENSORS, Classifier

METRICS = "metrics.json"
CONFIG = "config.json"
PREDICTIONS = "predictions.csv"
EXTREMES = "extremes.csv"
PICTURES = ("weights.png", "histogram.png", "label_efficiency.png", "confusion.png")

FILES = (TENSORS, FACTS, METRICS, CONFIG, PREDICTIONS, EXTREMES, *PICTURES)
"""All that is ever written there."""

EXTREME_TEXTS = 20
"""Texts listed at each end of the neuron's values."""


class Measured(NamedTuple):
    """The texts that were measured on, and what was found on each."""

    name: str
    """Which texts these are, for titles."""
    texts: Sequence[str]
    labels: np.ndarray
    """int64[N], indices of classes; of several labels int64[N, K]."""
    predicted: np.ndarray
    """float64[N] or [N, K], probabilities."""
    values: np.ndarray
    """float[N], values of the neuron."""


def check_out(out: Path) -> None:
    """Refuse a folder that is neither new, nor empty, nor of an earlier experiment.

    Raises:
        ValueError: If it is something else.
    """
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir():
        raise ValueError(f"out is {str(out)!r}, a file; a folder will do.")
    there = sorted(entry.name for entry in out.iterdir())
    odd = [name for name in there if name not in FILES]
    if odd or (there and METRICS not in there):
        raise ValueError(
            f"out is {str(out)!r}, which holds {odd[0] if odd else there[0]}; a new "
            "or empty folder, or one that transfer.py wrote, will do."
        )


def write_folder(out: Path, files: Mapping[str, Any], classifier: Classifier) -> None:
    """Write a folder of files and the classifier in place of what was there.

    Args:
        out: The folder; see `check_out`.
        files: Name to bytes, or to an iterable of them.
        classifier: Saved beside them.

    Raises:
        ValueError: If `out` is something else by now.
        OSError: If the disk refuses; names the file.
    """
    out = out.absolute()
    check_out(out)
    atomic.make_folder(out.parent)
    before = atomic.temporary_path(out)
    with atomic.new_folder(out, replaced=before) as draft:
        draft.write(TENSORS, classifier.tensors(out))
        draft.write(FACTS, [classifier.facts(draft.files[TENSORS])])
        for name, content in files.items():
            draft.write(name, [content] if isinstance(content, bytes) else content)
    if before.exists():
        atomic.discard_folder(before)


def folder_files(
    config: Mapping[str, Any],
    figures: Mapping[str, Any],
    classifier: Classifier,
    importance: np.ndarray,
    names: Sequence[str],
    measured: Measured,
) -> dict[str, Any]:
    """Return the files of an experiment but the classifier's.

    Args:
        config: Settings as JSON holds them.
        figures: Of `experiment`, with what the caller adds.
        classifier: What was fitted.
        importance: float64[F, K].
        names: Of the top neurons.
        measured: What it was measured on.
    """
    files: dict[str, Any] = {
        METRICS: json_bytes(figures),
        CONFIG: json_bytes(config),
        PREDICTIONS: _rows(_predictions(classifier, measured)),
        EXTREMES: _rows(_extremes(classifier, measured)),
    }
    neuron, top = classifier.neuron, figures["neuron"]["columns"]
    assert neuron is not None
    files["weights.png"] = pictures.weights_picture(
        importance, top, names, classifier.feature
    )
    labels, classes = measured.labels, classifier.classes
    if classifier.kind == "multilabel":
        label = int(np.abs(importance[neuron.column]).argmax())
        labels = labels[:, label]
        classes = (f"not {classes[label]}", classes[label])
    files["histogram.png"] = pictures.histogram_picture(
        measured.values,
        labels,
        classes,
        neuron.threshold,
        names[0],
        measured.name,
        figures["neuron"]["speaks_for"],
    )
    found, checks = figures["test"], figures["checks"]
    if found is not None and classifier.kind == "multilabel":
        files["confusion.png"] = pictures.labels_picture(found["labels"], measured.name)
    elif found is not None:
        files["confusion.png"] = pictures.confusion_picture(
            found["confusion"], classes, measured.name
        )
    if checks is not None:
        files["label_efficiency.png"] = pictures.efficiency_picture(
            checks["label_efficiency"],
            None if classifier.kind == "multilabel" else found["majority_accuracy"],
            figures["measure"],
            measured.name,
        )
    return files


def neuron_names(columns: Iterable[int], parts: Sequence[Any], size: int) -> list[str]:
    """Return what the neurons of columns are called, such as 'cell-mean unit 7'."""
    names = []
    for column in columns:
        at, unit = divmod(column, size)
        part = parts[at]
        pooling = "" if part.pooling == "last" else f"-{part.pooling}"
        layer = f"layer {part.layer} " if len({p.layer for p in parts}) > 1 else ""
        names.append(f"{layer}{part.state}{pooling} unit {unit}")
    return names


def _predictions(classifier: Classifier, measured: Measured) -> Iterator[list[Any]]:
    """Yield the rows of predictions.csv, its header first."""
    names = classifier.names(measured.predicted)
    if classifier.kind == "binary":
        columns = ["probability"]
        predicted = measured.predicted[:, None]
    else:
        columns = [f"probability_{name}" for name in classifier.classes]
        predicted = measured.predicted
    yield ["text_index", "label", "prediction", *columns, "neuron"]
    for index, row in enumerate(predicted):
        yield [
            index,
            spell(label_of(classifier, measured.labels[index])),
            spell(names[index]),
            *(f"{value:.9g}" for value in row),
            f"{measured.values[index]:.9g}",
        ]


def _extremes(classifier: Classifier, measured: Measured) -> Iterator[list[Any]]:
    """Yield the rows of extremes.csv: the largest values, then the smallest."""
    yield ["end", "rank", "value", "label", "text_index", "text"]
    order = np.argsort(measured.values, kind="stable")
    count = min(EXTREME_TEXTS, len(order) // 2)
    ends = (("highest", order[::-1][:count]), ("lowest", order[:count]))
    for end, indices in ends:
        for rank, index in enumerate(indices, 1):
            yield [
                end,
                rank,
                f"{measured.values[index]:.9g}",
                spell(label_of(classifier, measured.labels[index])),
                int(index),
                measured.texts[index],
            ]


def label_of(classifier: Classifier, label: Any) -> str | list[str]:
    """Return the name of a label, or the list of several."""
    if classifier.kind != "multilabel":
        return classifier.classes[int(label)]
    return [name for name, yes in zip(classifier.classes, label, strict=True) if yes]


def spell(label: str | Sequence[str]) -> str:
    """Return a class, or several labels joined by |, as a csv field holds them."""
    return label if isinstance(label, str) else "|".join(label)


def _rows(rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    for row in rows:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(row)
        yield line.getvalue().encode("utf-8", "replace")
