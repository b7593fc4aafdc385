"""What a worker does with a block of texts: features or verdicts, as rows of a table.

A worker makes its model ready once. What the rows are is told by their schema: its
metadata holds, under `ABOUT`, the model they come from, so that rows of two models
are never mixed.

Axes: N texts, F columns of a feature, K outputs.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tfsent.checkpoint import CheckpointError
from tfsent.checkpoint.strict_json import parse_object
from tfsent.config import Precision
from tfsent.data.blocks import Block
from tfsent.quiet import quiet
from tfsent.transfer.classified import Says, Verdict

ABOUT = b"tfsent"
"""Key of the schema's metadata under which JSON tells what the rows are."""

ReadBlock = Callable[[Block], pa.RecordBatch]
Resolve = Callable[..., Any]

_CARD = Path("assets.extra", "export.json")


def folder_fingerprint(folder: str | Path) -> str:
    """Return a hash of the files below a folder, hexadecimal."""
    digest = hashlib.sha256()
    root = Path(folder).expanduser()
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.relative_to(root).as_posix()} {found}\n".encode())
    return digest.hexdigest()


def is_saved_model(path: str | Path) -> bool:
    """Return whether a folder holds a SavedModel."""
    return (Path(path).expanduser() / "saved_model.pb").is_file()


def make_features(
    resolve: Resolve, model: str, feature: str | None, precision: Precision
) -> ReadBlock:
    """Return what turns blocks into rows of features.

    Args:
        resolve: Path and precision -> `tfsent.trained.TrainedModel`.
        model: What `resolve` takes, or a SavedModel of `scripts/export.py`.
        feature: Its name. Default: the model's own.
        precision: Type of the arithmetic.

    Raises:
        CheckpointError: If there is no sound model.
        ValueError: If it has no such feature.
    """
    quiet()
    if is_saved_model(model):
        served = SavedModel(model)
        served.refuse(feature, precision)
        features: Callable[[Sequence[str]], Any] = served.features
        feature, made_by = served.feature, served.fingerprint
    else:
        from tfsent.transfer.feature import default_feature, parse_feature

        trained = resolve(model, precision=precision)
        feature = feature or default_feature(trained.model.config)
        parse_feature(feature, trained.model.config)
        features = functools.partial(trained.features, feature=feature)
        made_by = trained.fingerprint
    about = {"feature": feature, "model": made_by, "precision": precision}
    return functools.partial(_features_of, features, about)


def _features_of(
    features: Callable[[Sequence[str]], Any], about: dict[str, Any], block: Block
) -> pa.RecordBatch:
    rows_NF = np.asarray(features(block.texts()), np.float32)
    flat = pa.array(rows_NF.reshape(-1))
    column = pa.FixedSizeListArray.from_arrays(flat, rows_NF.shape[1])
    return _table({"features": column}, about)


def make_verdicts(
    open_judge: Callable[..., Any],
    model: str,
    classifier: str | None,
    precision: Precision,
    any_model: bool,
) -> ReadBlock:
    """Return what turns blocks into rows of labels, probabilities and scores.

    Args:
        open_judge: The rest of the arguments -> `(Says, texts -> verdicts, what
            returns a hash of all a verdict depends on)`.
        model: What `open_judge` takes, or a SavedModel with a classifier.
        classifier: Folder of the classifier. Default: the model's own.
        precision: Type of the arithmetic.
        any_model: Use the classifier with another model than its own.

    Raises:
        CheckpointError: If there is no sound model or classifier.
        ValueError: If they do not fit together.
    """
    quiet()
    says: Says
    if is_saved_model(model):
        served = SavedModel(model)
        served.refuse(None, precision, classifier)
        if any_model:
            raise ValueError(f"--any-model says nothing of {model}, a SavedModel.")
        if not served.kind:
            raise ValueError(
                f"{model} holds no classifier; export.py --classifier puts one in."
            )
        says, verdicts = served, served.verdicts
        made_by = served.fingerprint
    else:
        says, verdicts, hashed = open_judge(model, classifier, precision, any_model)
        made_by = hashed()
    about = {
        "kind": says.kind,
        "classes": list(says.classes),
        "model": made_by,
        "precision": precision,
    }
    return functools.partial(_verdicts_of, verdicts, about)


def _verdicts_of(
    verdicts: Callable[[Iterable[str]], Iterable[Verdict]],
    about: dict[str, Any],
    block: Block,
) -> pa.RecordBatch:
    found = list(verdicts(block.texts()))
    kind = about["kind"]
    if kind == "regression":
        return _table(
            {"prediction": pa.array([v.label for v in found], pa.float64())}, about
        )
    one = kind == "binary"
    labels = pa.list_(pa.string()) if kind == "multilabel" else pa.string()
    numbers = pa.float64() if one else pa.list_(pa.float64(), len(about["classes"]))
    columns = {"label": pa.array([v.label for v in found], labels)}
    for name, values in (
        ("probability", [v.probabilities for v in found]),
        ("score", [v.scores for v in found]),
    ):
        given = [value[0] for value in values] if one else values
        columns[name] = pa.array(given, numbers)
    return _table(columns, about)


def _table(columns: dict[str, Any], about: dict[str, Any]) -> pa.RecordBatch:
    names, arrays = list(columns), list(columns.values())
    fields = [
        pa.field(name, array.type) for name, array in zip(names, arrays, strict=True)
    ]
    metadata = {ABOUT: json.dumps(about, sort_keys=True)}
    return pa.record_batch(arrays, pa.schema(fields, metadata))


class SavedModel:
    """A SavedModel that `scripts/export.py` wrote; TensorFlow alone computes it.

    Args:
        folder: Its folder.

    Attributes:
        feature: The feature it gives.
        fingerprint: Hash of all it computes with.
        kind: Of its classifier; "" without one.
        classes: Names of its classifier's classes.

    Raises:
        CheckpointError: If it is none of this project's, or cannot be loaded.
    """

    def __init__(self, folder: str):
        path = Path(folder).expanduser()
        try:
            card = parse_object((path / _CARD).read_bytes(), path / _CARD)
            judged = card["classifier"] or {"kind": "", "classes": []}
            self.feature: str = card["feature"]
            self.fingerprint = folder_fingerprint(path)
            self.kind: str = judged["kind"]
            self.classes: tuple[str, ...] = tuple(judged["classes"])
        except (FileNotFoundError, KeyError) as error:
            raise CheckpointError(
                folder, f"is no SavedModel of scripts/export.py ({error})."
            ) from None
        import tensorflow as tf

        try:
            self._signatures = tf.saved_model.load(str(path)).signatures
        except Exception as error:  # TensorFlow raises what it likes.
            told = str(error).split("\n", 1)[0]
            raise CheckpointError(folder, f"cannot be loaded ({told}).") from error
        self._path = folder

    def refuse(
        self, feature: str | None, precision: Precision, classifier: str | None = None
    ) -> None:
        """Refuse what an exported model cannot do.

        Raises:
            ValueError: If another feature, precision or classifier is asked for.
        """
        if feature not in (None, self.feature):
            raise ValueError(
                f"feature is {feature!r}, but {self._path} gives {self.feature!r}; "
                "export.py --feature makes another."
            )
        if precision != "float32":
            raise ValueError(
                f"precision is {precision}, but {self._path} computes in float32."
            )
        if classifier is not None:
            raise ValueError(
                f"classifier is {classifier!r}, but {self._path} has its own or none; "
                "export.py --classifier puts one in."
            )

    def features(self, texts: Sequence[str]) -> np.ndarray:
        """Return features, float32[N, F]."""
        return self._called("features", texts)["features"].numpy()

    def verdicts(self, texts: Iterable[str]) -> Iterator[Verdict]:
        """Yield a verdict for every text; there must be a classifier."""
        found = self._called("serving_default", list(texts))
        found = {name: value.numpy() for name, value in found.items()}
        for label, probability, score in zip(
            found["label"], found["probability"], found["score"], strict=True
        ):
            told: Any = label
            if self.kind == "multilabel":
                told = [name.decode() for name in label if name]
            else:
                told = label.decode()
            yield Verdict(
                told,
                tuple(map(float, np.atleast_1d(probability))),
                tuple(map(float, np.atleast_1d(score))),
            )

    def _called(self, signature: str, texts: Sequence[str]) -> dict[str, Any]:
        import tensorflow as tf

        # Half of a surrogate pair has no bytes in UTF-8: "?", as the cleaning has it.
        raw = [text.encode("utf-8", "replace") for text in texts]
        return self._signatures[signature](text=tf.constant(raw, tf.string))
