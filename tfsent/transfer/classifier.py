"""A linear classifier on a model's features, in memory and on disk.

Needs no framework and no fitting library: what was fitted is applied here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfsent.checkpoint import atomic
from tfsent.checkpoint.errors import CheckpointError
from tfsent.checkpoint.snapshot import OpenFile, open_together
from tfsent.checkpoint.strict_json import brief, json_bytes, parse_object
from tfsent.checkpoint.tensor_file import (
    STATE_DTYPES,
    read_header,
    read_tensors,
    tensor_chunks,
)

TENSORS = "classifier.safetensors"
FACTS = "classifier.json"

FORMAT = "tfsent-classifier"
VERSION = 1

KINDS = ("binary", "multiclass", "multilabel")

_MAX_FACTS_BYTES = 2**20


class Neuron(NamedTuple):
    """The neuron of the largest weight, and what it decides alone."""

    column: int
    """Its column of the feature."""
    layer: int
    """Number of its layer, the first is 0."""
    state: str
    """Which state it is a unit of, "cell" or "hidden"."""
    pooling: str
    """What is made of its values over a text: "last", "mean", "max" or "min"."""
    unit: int
    """Its number in the layer."""
    sign: int
    """+1 if large values speak for the positive class, else -1."""
    threshold: float
    """Value at which the classifier on this neuron alone decides."""
    limit: float
    """Distance from the threshold that all but 1% of the training texts stay within,
    above 0; the end of a heat map's colours."""


@dataclass(frozen=True, eq=False)
class Classifier:
    """Weights on raw features (F columns) and what they decide (K outputs).

    K is 1 for two classes, else the number of classes or labels.
    """

    feature: str
    """What its rows are, as `tfsent.transfer.feature` spells it."""
    classes: tuple[str, ...]
    """Names of the classes or labels; of two classes the second is positive."""
    kind: str
    """One of `KINDS`. "multiclass": one of several; "multilabel": any of them."""
    weights: np.ndarray
    """float64[F, K]."""
    bias: np.ndarray
    """float64[K]."""
    thresholds: np.ndarray
    """float64[K]. Probability above which an output says yes; not used by
    "multiclass", where the largest probability wins."""
    neuron: Neuron | None
    model_fingerprint: str
    """`fingerprint` of the model whose features it was fitted on."""
    text_rule: str
    """How texts are cleaned for that model, "openai" or "nvidia"."""

    def __post_init__(self) -> None:
        """Refuse what does not fit together."""
        problem = _problem(self)
        if problem:
            raise ValueError(f"classifier {problem}.")

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Return decision values: above 0 where the probability is above a half.

        Args:
            features: float[N, F], as `model.features(texts, classifier.feature)`.

        Returns:
            float64[N] for two classes, else float64[N, K].

        Raises:
            ValueError: If the features are others than those it was fitted on.
        """
        rows = self._rows(features)
        scores: np.ndarray = rows @ self.weights + self.bias
        return scores[:, 0] if self.kind == "binary" else scores

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return probabilities: of the second of two classes, else of each.

        Those of several classes add up to 1; those of several labels do not.

        Args:
            features: As for `scores`.

        Returns:
            float64[N] for two classes, else float64[N, K].

        Raises:
            ValueError: If the features are others than those it was fitted on.
        """
        return probabilities(self.scores(features), self.kind)

    def labels(self, features: np.ndarray) -> list[Any]:
        """Return for each row the name of its class, or a list of its labels' names.

        Args:
            features: As for `scores`.

        Raises:
            ValueError: If the features are others than those it was fitted on.
        """
        return self.names(self.predict(features))

    def names(self, predicted: np.ndarray) -> list[Any]:
        """Return for each row of `predict` what `labels` does."""
        rows = decide(predicted, self.thresholds, self.kind)
        if self.kind == "multilabel":
            return [
                [name for name, yes in zip(self.classes, row, strict=True) if yes]
                for row in rows
            ]
        return [self.classes[index] for index in rows]

    def save(self, folder: str | PathLike[str]) -> Path:
        """Write `classifier.safetensors` and `classifier.json`; return the folder.

        A kill leaves the old classifier, none, or the new one, never a mixture.

        Args:
            folder: Where to; created if missing.

        Raises:
            OSError: If the disk refuses; names the file.
        """
        folder = Path(folder)
        atomic.make_folder(folder)
        atomic.discard_file(folder / FACTS)
        record = atomic.replace_file(folder / TENSORS, self.tensors(folder))
        atomic.replace_file(folder / FACTS, [self.facts(record)])
        return folder

    def tensors(self, folder: Path) -> Iterable[atomic.Chunk]:
        """Return the content of `classifier.safetensors`; errors name `folder`."""
        arrays = {
            "weights": self.weights,
            "bias": self.bias,
            "thresholds": self.thresholds,
        }
        metadata = {"format": FORMAT, "version": str(VERSION)}
        return tensor_chunks(arrays, metadata, ("F64",), folder / TENSORS)

    def facts(self, record: atomic.FileRecord) -> bytes:
        """Return the content of `classifier.json`, which seals the other file."""
        neuron = None if self.neuron is None else self.neuron._asdict()
        return json_bytes(
            {
                "format": FORMAT,
                "format_version": VERSION,
                "feature": self.feature,
                "classes": list(self.classes),
                "kind": self.kind,
                "neuron": neuron,
                "model_fingerprint": self.model_fingerprint,
                "text_rule": self.text_rule,
                "tensors": {"sha256": record.sha256, "size": record.size},
            }
        )

    def _rows(self, features: np.ndarray) -> np.ndarray:
        width = len(self.weights)
        given = getattr(features, "feature", None)
        rows = np.asarray(features, np.float64)
        if rows.ndim != 2 or rows.shape[1] != width:
            raise ValueError(
                f"features are {list(rows.shape)}; rows of {width} columns will do: "
                f"{self.feature!r} of the model that the classifier was made for."
            )
        if given is not None and given != self.feature:
            raise ValueError(
                f"features are {given!r}; {self.feature!r} will do: the classifier "
                "was fitted on it."
            )
        return rows


def probabilities(scores: np.ndarray, kind: str) -> np.ndarray:
    """Return the probabilities of decision values, of the same shape.

    Those of several classes are each class against the others, divided by their sum.
    """
    # Through logarithms: no score, however large, overflows or gives 0 / 0.
    logs: np.ndarray = -np.logaddexp(0.0, -scores)
    if kind != "multiclass":
        return np.exp(logs)
    shifted = np.exp(logs - logs.max(axis=1, keepdims=True))
    normed: np.ndarray = shifted / shifted.sum(axis=1, keepdims=True)
    return normed


def decide(predicted: np.ndarray, thresholds: np.ndarray, kind: str) -> np.ndarray:
    """Return the index of each row's class, int64[N], or its labels, bool[N, K]."""
    if kind == "multiclass":
        return predicted.argmax(axis=1)
    if kind == "multilabel":
        return predicted > thresholds
    return (predicted > thresholds[0]).astype(np.int64)


def load_classifier(folder: str | PathLike[str]) -> Classifier:
    """Return the classifier that a folder holds.

    Nothing is trusted: names, types, shapes and the hash are checked, and values
    must be finite. Runs no code from the files.

    Args:
        folder: Holds `classifier.safetensors` and `classifier.json`.

    Raises:
        CheckpointError: If it holds no sound classifier; names the file.
    """
    with open_together(Path(folder).expanduser(), [TENSORS, FACTS]) as files:
        facts = _read_facts(files[FACTS])
        arrays = _read_arrays(files[TENSORS], facts["tensors"])
        path = files[FACTS].path
    try:
        return Classifier(
            feature=facts["feature"],
            classes=tuple(facts["classes"]),
            kind=facts["kind"],
            neuron=_read_neuron(facts["neuron"], path),
            model_fingerprint=facts["model_fingerprint"],
            text_rule=facts["text_rule"],
            **arrays,
        )
    except CheckpointError:
        raise
    except ValueError as error:
        raise CheckpointError(path, str(error)) from error


def has_classifier(folder: str | PathLike[str]) -> bool:
    """Tell whether a folder seems to hold a classifier."""
    return (Path(folder).expanduser() / FACTS).is_file()


_TYPES: dict[str, Any] = {
    "format": str,
    "format_version": int,
    "feature": str,
    "classes": list,
    "kind": str,
    "neuron": (dict, type(None)),
    "model_fingerprint": str,
    "text_rule": str,
    "tensors": dict,
}


def _read_facts(file: OpenFile) -> dict[str, Any]:
    facts = parse_object(file.read_whole(_MAX_FACTS_BYTES), file.path)
    if facts.get("format") != FORMAT:
        raise CheckpointError(file.path, "is not about a classifier of this project.")
    version = facts.get("format_version")
    if version != VERSION or type(version) is not int:
        raise CheckpointError(
            file.path, f"has version {brief(version)}; this code reads {VERSION}."
        )
    if set(facts) != set(_TYPES):
        odd = sorted(set(facts) ^ set(_TYPES))
        raise CheckpointError(file.path, f"lacks or has too much: {brief(odd)}.")
    for name, kind in _TYPES.items():
        if not isinstance(facts[name], kind):
            raise CheckpointError(file.path, f"{name} is {brief(facts[name])}.")
    return facts


def _read_arrays(file: OpenFile, record: dict[str, Any]) -> dict[str, np.ndarray]:
    if file.size != record.get("size"):
        raise CheckpointError(
            file.path,
            f"has {file.size} bytes, {FACTS} says {brief(record.get('size'))}.",
        )
    header = read_header(file, STATE_DTYPES)
    found = {name: entry.dtype for name, entry in header.entries.items()}
    if found != dict.fromkeys(("weights", "bias", "thresholds"), "F64"):
        raise CheckpointError(file.path, f"holds {brief(found)}, no classifier.")
    arrays = read_tensors(file, header)
    if file.sha256() != record.get("sha256"):
        raise CheckpointError(file.path, f"is not the file that {FACTS} was made for.")
    return arrays


def _read_neuron(facts: dict[str, Any] | None, path: Path) -> Neuron | None:
    if facts is None:
        return None
    if set(facts) != set(Neuron._fields):
        raise CheckpointError(path, f"neuron has the entries {brief(sorted(facts))}.")
    kinds = {"state": str, "pooling": str, "threshold": float, "limit": float}
    for name, value in facts.items():
        if type(value) is not kinds.get(name, int):
            raise CheckpointError(path, f"neuron.{name} is {brief(value)}.")
    return Neuron(**facts)


def _problem(given: Classifier) -> str | None:
    """Return what is wrong with a classifier, or None."""
    if given.kind not in KINDS:
        return f"kind is {brief(given.kind)}; {', '.join(KINDS)} will do"
    names = given.classes
    least = 1 if given.kind == "multilabel" else 2
    if not all(isinstance(name, str) for name in names) or len(set(names)) < max(
        least, len(names)
    ):
        return f"classes are {brief(names)}; different names will do"
    if given.kind == "binary" and len(names) != 2:
        return f"classes are {brief(names)}; two will do"
    outputs = 1 if given.kind == "binary" else len(names)
    shape = np.shape(given.weights)
    if len(shape) != 2 or shape[0] < 1 or shape[1] != outputs:
        return f"weights are {list(shape)}; [columns, {outputs}] will do"
    for name in ("bias", "thresholds"):
        if np.shape(getattr(given, name)) != (outputs,):
            return f"{name} are {list(np.shape(getattr(given, name)))}, not [{outputs}]"
    if given.text_rule not in ("openai", "nvidia"):
        return f"text_rule is {brief(given.text_rule)}; openai or nvidia will do"
    return None if given.neuron is None else _neuron_problem(given.neuron, shape[0])


def _neuron_problem(neuron: Neuron, columns: int) -> str | None:
    if not 0 <= neuron.column < columns or min(neuron.layer, neuron.unit) < 0:
        return f"neuron is {brief(tuple(neuron))}, which is none of {columns} columns"
    if neuron.sign not in (1, -1):
        return f"neuron's sign is {neuron.sign}; 1 or -1 will do"
    if not (math.isfinite(neuron.threshold) and 0.0 < neuron.limit < math.inf):
        return (
            f"neuron's threshold {neuron.threshold} or limit {neuron.limit} is no "
            "finite number, or the limit not above 0"
        )
    return None
