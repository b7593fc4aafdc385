"""The LSTM classifier of the Theano tutorial (.npz), in Keras and in PyTorch.

    Wemb (V, d)   lstm_W (d, 4d)   lstm_U (d, 4d)   lstm_b (4d)   U (d, 2)   b (2)

Gates i f o c. The same model is `tfsent.model.classifiers.WordClassifier` on Keras
(.keras) and that of `compare.twin.classifiers` on PyTorch (.safetensors, .pt).

The tutorial's dropout of 0.5 keeps the mean of the words as it is while it trains, and
halves it when it predicts; Keras and PyTorch double it while they train. `U` is halved
here, and doubled on the way back: the same model in both uses, without a rounding. A
file does not say whether it was trained with dropout; the tutorial's default is yes.

Under Theano's default type, float64, weights are rounded to float32 when they are read.

Source: http://deeplearning.net/tutorial/lstm.html (LISA lab 2014), `lstm.py`: functions
`lstm_layer` (gates), `dropout_layer` (the halving), `train_lstm` (what is saved).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from compare.containers import Container
from compare.containers.keras_file import GROUPS, OBJECT, SETTINGS
from compare.formats.blocks import reorder
from compare.formats.numbers import stored_type, widened
from compare.formats.word_model import DROPOUT, GATES, PLACES, WordModel, check_shapes
from tfsent.checkpoint import CheckpointError
from tfsent.checkpoint.strict_json import brief

NAMES = ("theano",)
CLASS = "tfsent>WordClassifier"
"""What Keras calls the model in a .keras file."""

FILES = {".safetensors": "safetensors", ".pt": "torch", ".pth": "torch"}
"""Suffix of a PyTorch file to the kind of its container."""

_GATES = {"theano": "ifou", "keras": "ifou", "torch": "ifuo"}
_SECOND_BIAS = "lstm.bias_hh_l0"
_ERRORS = ("history_errs", "train_err", "valid_err", "test_err")
"""What the tutorial saves beside the weights."""

_GROUPS = {
    "vars": "word_classifier",
    "dropout.vars": "dropout",
    "embedding.vars": "embedding",
    "layers.lstm.vars": "lstm",
    "layers.masked_mean.vars": "pooling",
    "layers.dense.vars": "output_layer",
}


def recognize(container: Container) -> str | None:
    """Return what form of the classifier this is, or None."""
    form = _form(container)
    if form is None:
        return None
    return {
        "theano": "LSTM classifier of the Theano tutorial, taken as trained with "
        "dropout, the tutorial's default",
        "keras": "Keras's file of the LSTM classifier over words",
        "torch": "PyTorch state dict of the LSTM classifier over words",
    }[form]


def candidates(container: Container) -> tuple[str, ...]:
    """Return none: every form has its one order, and no text of bytes could tell."""
    return ()


def read(
    container: Container, gates: str | None = None, dropout: float | None = None
) -> WordModel:
    """Return the classifier.

    Args:
        container: An .npz of the tutorial, or what `write` gives.
        gates: Order of the blocks in the file. Default: the form's own.
        dropout: 0.0 for an .npz that was trained with `use_dropout=False`. Default:
            the tutorial's 0.5, or what the file says.

    Raises:
        CheckpointError: If a weight is missing, left over or of a wrong shape or type.
    """
    path, form = container.path, _form(container)
    if form is None:
        raise CheckpointError(path, "is no LSTM classifier over words.")
    order = gates or _GATES[form]
    if sorted(order) != sorted(GATES):
        raise CheckpointError(path, f"gates {order!r} are no order of i f o u.")
    arrays = dict(container.arrays)
    extras: dict[str, Any] = {}
    if form == "theano":
        told: Mapping[str, Any] = {"dropout": DROPOUT}
        extras = {n: arrays.pop(n).tolist() for n in _ERRORS if n in arrays}
    else:
        told = _told(container)
        extras = dict(told.get("errors", {}))
    if form == "torch":
        _add_second_bias(arrays, path)
    dtype = next(iter(arrays.values())).dtype.name if arrays else ""
    weights = _to_ours(arrays, form, order, path)
    share = told["dropout"] if dropout is None else dropout
    if form == "theano":
        factor = _factor(share)
        weights["output/weight"] = _scaled(weights["output/weight"], factor, path)
    return WordModel(weights, share, extras, dtype)


def write(model: Any, name: str = "theano") -> Container:
    """Return the .npz of the tutorial.

    Raises:
        ValueError: If `model` is none of its classifiers.
    """
    if not isinstance(model, WordModel):
        raise ValueError(f"{name} holds a classifier over words, no language model.")
    settings = model.settings()
    if settings["embedding_size"] != settings["units"]:
        raise ValueError(
            f"{name} has one width; embedding_size is {settings['embedding_size']} and "
            f"units is {settings['units']}."
        )
    factor = 1 / _factor(model.dropout)
    output = _scaled(model.weights["output/weight"], factor, Path("output/weight"))
    weights = model.weights | {"output/weight": output}
    arrays = {place.theano: weights[place.ours] for place in PLACES}
    errors = {n: np.asarray(v, np.float64) for n, v in model.extras.items()}
    return Container("npz", arrays | errors)


def write_keras(model: WordModel, suffix: str) -> Container:
    """Return the .keras file of `tfsent.model.classifiers.WordClassifier`.

    Raises:
        ValueError: If the path to be written does not end in .keras.
    """
    if suffix != ".keras":
        raise ValueError("a classifier over words becomes a file that ends in .keras.")
    policy = {"module": "keras", "class_name": "DTypePolicy", "registered_name": None}
    made = {
        "module": "tfsent.model.classifiers",
        "class_name": "WordClassifier",
        "config": {
            "name": "word_classifier",
            "trainable": True,
            "dtype": policy | {"config": {"name": "float32"}},
            **model.settings(),
            "seed": 0,
        },
        "registered_name": CLASS,
        "build_config": {"input_shape": None},
        "compile_config": {},
    }
    arrays = {place.keras: model.weights[place.ours] for place in PLACES}
    facts = {OBJECT: made, SETTINGS: {"errors": model.extras}, GROUPS: _GROUPS}
    return Container("keras", arrays, facts)


def write_torch(model: WordModel, suffix: str) -> Container:
    """Return the state dict of `compare.twin.classifiers.WordClassifier`.

    A .safetensors file says dropout and logged errors in its header; a .pt has no
    place for them.

    Raises:
        ValueError: If the path to be written ends in neither.
    """
    if suffix not in FILES:
        ends = ", ".join(FILES)
        raise ValueError(f"a classifier over words becomes a file, one of {ends}.")
    arrays = {}
    for place in PLACES:
        weight = model.weights[place.ours]
        if "G" in place.axes:
            weight = reorder(weight, place.axes.index("G"), GATES, _GATES["torch"])
        arrays[place.torch] = weight if place.axes == place.torch_axes else weight.T
    arrays[_SECOND_BIAS] = np.zeros_like(model.weights["lstm/b"])
    told = {"dropout": model.dropout, "errors": model.extras}
    kind = FILES[suffix]
    return Container(kind, arrays, told if kind == "safetensors" else {})


def _form(container: Container) -> str | None:
    arrays = container.arrays
    if container.kind == "npz" and {"Wemb", "lstm_W", "lstm_U"} <= arrays.keys():
        return "theano"
    if container.kind == "keras":
        return (
            "keras" if container.facts[OBJECT].get("registered_name") == CLASS else None
        )
    return "torch" if "lstm.weight_ih_l0" in arrays else None


def _told(container: Container) -> dict[str, Any]:
    """Return what a file written here says besides its weights."""
    facts = container.facts
    if container.kind == "keras":
        section = facts[OBJECT].get("config")
        told = {
            "dropout": section.get("dropout") if isinstance(section, dict) else None,
            "errors": facts.get(SETTINGS, {}).get("errors", {}),
        }
    else:
        told = {
            "dropout": facts.get("dropout", DROPOUT),
            "errors": facts.get("errors", {}),
        }
    share = told["dropout"]
    if type(share) not in (int, float) or not 0 <= share < 1:
        reason = f"dropout is {brief(share)}; from 0 to below 1 will do."
        raise CheckpointError(container.path, reason)
    if not isinstance(told["errors"], dict) or set(told["errors"]) - set(_ERRORS):
        raise CheckpointError(container.path, "its logged errors are no dictionary.")
    return told


def _add_second_bias(arrays: dict[str, np.ndarray], path: Path) -> None:
    """Add PyTorch's second bias, which is 0 in files written here, to the first."""
    first, second = arrays.get("lstm.bias_ih_l0"), arrays.pop(_SECOND_BIAS, None)
    if first is None or second is None or first.shape != second.shape:
        raise CheckpointError(
            path, f"misses one of its biases, such as {_SECOND_BIAS!r}."
        )
    if second.any():
        arrays["lstm.bias_ih_l0"] = widened(first) + widened(second)


def _to_ours(
    arrays: dict[str, np.ndarray], form: str, order: str, path: Path
) -> dict[str, np.ndarray]:
    weights = {}
    for place in PLACES:
        name = getattr(place, form)
        if name not in arrays:
            raise CheckpointError(path, f"misses the weight {name!r}.")
        weight = arrays.pop(name)
        if weight.ndim != len(place.axes) or 0 in weight.shape:
            raise CheckpointError(path, f"{name!r} has shape {brief(weight.shape)}.")
        if stored_type(weight) is None and weight.dtype != np.float64:
            raise CheckpointError(path, f"{name!r} has type {weight.dtype}, no float.")
        if form == "torch" and place.torch_axes != place.axes:
            weight = weight.T
        with np.errstate(over="ignore"):  # Refused below, by name.
            weights[place.ours] = weight.astype(np.float32)
    if arrays:
        shown = brief(sorted(arrays))
        raise CheckpointError(path, f"has weights without a place: {shown}.")
    check_shapes(weights, form, path)
    for place in PLACES:
        if "G" in place.axes:
            axis = place.axes.index("G")
            weights[place.ours] = reorder(weights[place.ours], axis, order, GATES)
        weights[place.ours] = np.ascontiguousarray(weights[place.ours])
        if not np.isfinite(weights[place.ours]).all():
            name = getattr(place, form)
            raise CheckpointError(path, f"{name!r} has values beyond float32.")
    return weights


def _factor(dropout: float) -> float:
    """Return by what the tutorial multiplies the mean when it predicts."""
    if dropout not in (0.0, DROPOUT):
        raise ValueError(
            f"dropout is {dropout}; the tutorial has {DROPOUT}, or 0 for none."
        )
    return 1 - dropout


def _scaled(weight: np.ndarray, factor: float, path: Path) -> np.ndarray:
    scaled = weight * np.float32(factor)
    if not np.array_equal(scaled / np.float32(factor), weight):
        raise CheckpointError(path, f"output weights times {factor} leave float32.")
    return scaled
