"""Classified texts as they come -> rows of csv, json lines or an .npy file.

Nothing is kept: memory is that of one row, whatever the number of texts.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol, TextIO

import numpy as np

from tfsent.checkpoint import atomic
from tfsent.checkpoint.errors import CheckpointError
from tfsent.path_errors import naming
from tfsent.transfer.classifier import Classifier, has_classifier, load_classifier
from tfsent.transfer.feature import parse_feature
from tfsent.transfer.output import spell


class Verdict(NamedTuple):
    """What a classifier says of one text."""

    label: Any
    """Name of the class; of several labels the list of those that hold; a number
    where one is told."""
    probabilities: tuple[float, ...]
    """Of the positive class alone if there are two, else of each; or the number."""
    scores: tuple[float, ...]
    """Decision values, above 0 where a probability is above a half."""


class Says(Protocol):
    """What rows are written for: a `Classifier`, or another judge of texts."""

    @property
    def kind(self) -> str:
        """One of the classifier's kinds, or "regression"."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes or labels."""


def find_classifier(given: str | None, model: str) -> tuple[Classifier, str]:
    """Return the classifier that a user named, or the model's own, and where it lay.

    Args:
        given: Its folder. Default: `model` or the folder `classifier` in it.
        model: Path of the model.

    Raises:
        CheckpointError: If there is no sound classifier; names the path.
        ValueError: If none was named and the model has none.
    """
    if given is not None:
        return load_classifier(given), given
    for folder in (Path(model), Path(model) / "classifier"):
        if has_classifier(folder):
            return load_classifier(folder), str(folder)
    raise ValueError(
        f"classifier must be given: {model} has none of its own. scripts/transfer.py "
        "makes one."
    )


def check_model(classifier: Classifier, folder: str, model: Any, anyhow: bool) -> None:
    """Refuse a classifier that was made for another model.

    Args:
        classifier: The classifier.
        folder: Where it lay.
        model: A `tfsent.trained.TrainedModel`.
        anyhow: Let another model pass.

    Raises:
        CheckpointError: If it was, or has another width; names the folder.
        ValueError: If the model does not have its feature.
    """
    if not anyhow and classifier.model_fingerprint != model.fingerprint:
        raise CheckpointError(
            folder,
            f"was made for the model {classifier.model_fingerprint[:12]}, not for "
            f"this one, {model.fingerprint[:12]}; its weights say nothing about other "
            "states. --any-model uses it all the same.",
        )
    config = model.model.config
    parts = parse_feature(classifier.feature, config)
    width = len(parts) * config.hidden_size
    if width != len(classifier.weights):
        raise CheckpointError(
            folder,
            f"has {len(classifier.weights)} weights; feature {classifier.feature!r} "
            f"of this model has {width} columns.",
        )


def classify(
    model: Any, classifier: Classifier, texts: Iterable[str | bytes]
) -> Iterator[Verdict]:
    """Yield a verdict for every text, in their order.

    Args:
        model: A `tfsent.trained.TrainedModel`.
        classifier: Made for it.
        texts: Read little by little.

    Raises:
        ValueError: If the model has no such feature, or of another width.
    """
    for row in model.feature_rows(texts, classifier.feature):
        features = np.asarray(row)[None]
        predicted = classifier.predict(features)
        yield Verdict(
            classifier.names(predicted)[0],
            tuple(map(float, predicted.reshape(-1))),
            tuple(map(float, classifier.scores(features).reshape(-1))),
        )


def write_verdicts(
    verdicts: Iterable[Verdict], classifier: Says, out: str | None, pipe: TextIO
) -> dict[str, int]:
    """Write all verdicts; return how often each label came, and "texts".

    Args:
        verdicts: As they come.
        classifier: Whose they are.
        out: File, by whose suffix .csv, .jsonl or .npy the format is chosen. It
            appears whole or not at all. Default: csv to `pipe`, row by row.
        pipe: Where to without a file.

    Raises:
        OSError: If the disk refuses; names the file.
    """
    names = () if classifier.kind == "regression" else classifier.classes
    counts = dict.fromkeys(("texts", *names), 0)
    counted = _counted(verdicts, counts)
    if out is None:
        for line in _csv_lines(counted, classifier):
            pipe.write(line)
            pipe.flush()
        return counts
    path = Path(out).expanduser().absolute()
    if path.suffix == ".npy":
        _write_npy(path, counted, classifier)
    else:
        lines = _csv_lines if path.suffix == ".csv" else _json_lines
        atomic.replace_file(
            path, (line.encode("utf-8") for line in lines(counted, classifier))
        )
    return counts


def _counted(verdicts: Iterable[Verdict], counts: dict[str, int]) -> Iterator[Verdict]:
    for verdict in verdicts:
        counts["texts"] += 1
        labels = [verdict.label] if isinstance(verdict.label, str) else verdict.label
        for label in () if isinstance(labels, float) else labels:
            counts[label] = counts.get(label, 0) + 1
        yield verdict


def _csv_lines(verdicts: Iterable[Verdict], classifier: Says) -> Iterator[str]:
    header = True
    for verdict in verdicts:
        if header:  # Not before: nothing is written where the first text fails.
            yield _csv_line(_columns(classifier))
            header = False
        if isinstance(verdict.label, float):
            yield _csv_line([_short(verdict.label)])
            continue
        numbers = (*verdict.probabilities, *verdict.scores)
        yield _csv_line([spell(verdict.label), *map(_short, numbers)])


def _json_lines(verdicts: Iterable[Verdict], classifier: Says) -> Iterator[str]:
    several = classifier.kind == "multilabel"
    for verdict in verdicts:
        row: dict[str, Any] = {"labels" if several else "label": verdict.label}
        if classifier.kind == "regression":
            row = {"prediction": verdict.label}
        elif classifier.kind == "binary":
            row |= {
                "probability": verdict.probabilities[0],
                "score": verdict.scores[0],
            }
        else:
            names = classifier.classes
            row["probabilities"] = dict(zip(names, verdict.probabilities, strict=True))
            row["scores"] = dict(zip(names, verdict.scores, strict=True))
        yield json.dumps(row) + "\n"


def _write_npy(path: Path, verdicts: Iterable[Verdict], classifier: Says) -> None:
    """Write float64[N], or [N, K] of several outputs; N is known when all is read."""
    one = classifier.kind in ("binary", "regression")
    width = () if one else (len(classifier.classes),)
    draft = atomic.temporary_path(path)
    count = 0
    try:
        with naming(path, always=True), open(draft, "xb") as file:
            _write_header(file, (0, *width))
            for verdict in verdicts:
                file.write(np.asarray(verdict.probabilities, "<f8").tobytes())
                count += 1
            # NumPy leaves room for any count: the header keeps its length.
            file.seek(0)
            _write_header(file, (count, *width))
        atomic.take_place(draft, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(draft)
        raise


def _write_header(file: BinaryIO, shape: tuple[int, ...]) -> None:
    facts = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, facts)


def _columns(classifier: Says) -> list[str]:
    if classifier.kind == "regression":
        return ["prediction"]
    if classifier.kind == "binary":
        return ["label", "probability", "score"]
    return ["label"] + [
        f"{what}_{name}"
        for what in ("probability", "score")
        for name in classifier.classes
    ]


def _csv_line(fields: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(fields)
    return line.getvalue()


def _short(value: float) -> str:
    return f"{value:.9g}"
