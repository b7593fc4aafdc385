"""A model -> a SavedModel that needs TensorFlow and nothing else.

Text comes in as it was written; the graph cleans it. What it answers is compared with
the model before the folder gets its name.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfsent.checkpoint import atomic
from tfsent.export.card import CARD, card, readme
from tfsent.export.proof import Call, prove
from tfsent.export.signatures import Served
from tfsent.loading import LanguageModel
from tfsent.path_errors import naming
from tfsent.trained import TrainedModel
from tfsent.transfer.classifier import Classifier
from tfsent.transfer.feature import default_feature, parse_feature


def export_saved_model(
    model: LanguageModel,
    folder: str | os.PathLike[str],
    classifier: Classifier | None = None,
    feature: str | None = None,
    reference: TrainedModel | None = None,
) -> dict[str, Any]:
    """Write a model as a SavedModel and return what was written and how equal it is.

    Weight normalisation is folded, weights are float32 and stored once. Signatures,
    N texts or lanes at a time, N = 0 too:

    - `serving_default(text) -> probability, label, score` with a classifier:
      probability float32[N] of the second of two classes, else float32[N, classes];
      label string[N], of several labels string[N, labels] with "" for those not
      given; score, the decision value, shaped like probability. Without a classifier
      `serving_default` is `features`.
    - `features(text) -> features` float32[N, F].
    - `bpc(text) -> bpc, bits, scored_bytes`: bits per character of all texts together
      (NaN of none), and of each text its bits and how many bytes they are for.
    - `step(byte, h_in[, c_in]) -> logits, h_out[, c_out]`: byte uint8[N], states
      float32[N, H], with several layers float32[layers, N, H]; zeros at the start.
    - `clean(text) -> cleaned`: the bytes the model reads.

    Without a decoder there is neither `bpc` nor `step`. Text is string[N], UTF-8, of
    any length; bytes that are not UTF-8 are read as they are by rule `openai` and
    dropped by rule `nvidia`. A text without content is the three bytes of padding.
    A text's row depends on the others by rounding only.

    Args:
        model: What to export.
        folder: Where to; nothing may be there.
        classifier: Judges texts; made for this model.
        feature: What `features` gives. Default: the classifier's, else the model's.
        reference: What the export is compared with. Default: `model`.

    Returns:
        What lies in the folder's `assets.extra/export.json`: model, signatures,
        classifier, versions, and under `parity` the largest differences seen.

    Raises:
        NotEqual: If it answers otherwise than the model; then nothing is left.
        OSError: If the folder is there, or the disk refuses.
    """
    folder = Path(folder)
    refuse_existing(folder)
    config = model.model.config
    if classifier is not None:
        feature = classifier.feature
    feature = feature or default_feature(config)
    served = Served(model.model, parse_feature(feature, config), classifier)
    atomic.make_folder(folder.parent)
    with atomic.new_folder(folder) as draft:
        signatures = served.signatures()
        with naming(folder, always=True):
            tf.saved_model.save(served, str(draft.folder), signatures=signatures)
        loaded = tf.saved_model.load(str(draft.folder))
        calls = {name: as_numpy(f) for name, f in loaded.signatures.items()}
        parity = prove(calls, reference or model, feature, classifier)
        about = card("savedmodel", model, feature, classifier, parity)
        about["signatures"] = {
            name: shapes_of(f) for name, f in sorted(signatures.items())
        }
        write_beside(draft.folder / "assets.extra", about)
        sync_files(draft.folder)
    return about


def refuse_existing(folder: Path) -> None:
    """Refuse a folder whose name is taken.

    Raises:
        ValueError: If anything is there.
    """
    if os.path.lexists(folder):
        raise ValueError(
            f"out is {folder}, which is there already; a new name will do."
        )


def as_numpy(function: Any) -> Call:
    """Return a function of arrays for a loaded signature."""

    def call(**inputs: Any) -> Mapping[str, np.ndarray]:
        given = {name: tf.constant(value) for name, value in inputs.items()}
        return {name: value.numpy() for name, value in function(**given).items()}

    return call


def write_beside(folder: Path, about: dict[str, Any]) -> None:
    """Write what is known of an export, for programs and for people."""
    folder.mkdir(exist_ok=True)
    (folder / CARD).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(readme(about), encoding="utf-8")


def sync_files(folder: Path) -> None:
    """Bring all files and folders below a folder to the disk."""
    for path in sorted(folder.rglob("*"), reverse=True):
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def shapes_of(function: Any) -> dict[str, dict[str, str]]:
    """Return types and shapes of the inputs and outputs of a signature."""
    specs, _ = function.structured_input_signature
    # None: the cell state of a step without one.
    given = {spec.name: spec for spec in specs if spec is not None}
    return {
        "inputs": _shapes(given),
        "outputs": _shapes(function.structured_outputs),
    }


def _shapes(specs: Mapping[str, Any]) -> dict[str, str]:
    return {name: _shape(spec) for name, spec in specs.items()}


def _shape(spec: Any) -> str:
    axes = ", ".join("N" if size is None else str(size) for size in spec.shape)
    return f"{spec.dtype.name}[{axes}]"
