"""Where the weights of the Keras model lie in files that Keras and TensorFlow write.

Keras numbers the weights of a group as they were made, and the groups by the name of
their class; TensorFlow has the names of attributes. Here they get our names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfsent.checkpoint import CheckpointError
from tfsent.checkpoint.shapes import GAINS
from tfsent.config import ModelConfig

CLASSES = {
    "mlstm": "multiplicative_lstm",
    "lstm": "lstm",
    "gru": "gru",
    "tanh": "tanh_rnn",
    "relu": "re_lurnn",
}
"""Cell to the name that Keras gives to its layer's group."""

_ORDER = {
    "mlstm": ("wx", "wmx", "wh", "wmh", "b", "gx", "gmx", "gh", "gmh"),
    "lstm": ("wx", "wh", "b", "gx", "gh"),
    "gru": ("wx", "wh", "b", "bh", "gx", "gh"),
    "tanh": ("wx", "wh", "b", "gx", "gh"),
    "relu": ("wx", "wh", "b", "gx", "gh"),
}
"""Cell to its layer's weights in the order in which they are made."""

_LAYER = re.compile(
    rf"layers\.({'|'.join(CLASSES.values())})(?:_([0-9]+))?\.vars\.([0-9]+)"
)
_TF_LAYER = re.compile(r"(?:layer_|recurrent_layers/|layers/)([0-9]+)/([a-z]+)")
_TF_WEIGHT = re.compile(r"(.*/)?_trainable_variables/([0-9]+)")
_TF_STATE = re.compile(
    r"(.*/)?(_variables/[0-9]+|_trainable_variables/[0-9]+|_iterations|iterations"
    r"|_learning_rate|learning_rate|dynamic_scale|step_counter|save_counter)"
    r"|(.*/)?(dropout|seed_generator)/.*"
)
_TF_ROOT = {
    "embedding": "embedding/weight",
    "output_weight": "output/weight",
    "output_bias": "output/bias",
}


class Named(NamedTuple):
    """Weights by our names, and the cell where the file says it."""

    weights: dict[str, np.ndarray]
    cell: str | None


def from_hdf5(arrays: Mapping[str, np.ndarray]) -> Named:
    """Return the weights of a `.weights.h5`; what has no name keeps its place's."""
    roots = sorted(name for name in arrays if name.startswith("vars."))
    names = dict(zip(roots, _root_names(len(roots)), strict=False))
    cells = {layer: cell for cell, layer in CLASSES.items()}
    found = None
    for name in arrays:
        match = _LAYER.fullmatch(name)
        if match is None:
            continue
        found = cells[match[1]]
        norm = _weights_in(arrays, name) == len(_ORDER[found])
        order = _order(found, norm)
        if int(match[3]) < len(order):
            names[name] = f"layers/{match[2] or 0}/{order[int(match[3])]}"
    kept = {n: a for n, a in arrays.items() if not n.startswith("dropout.seed")}
    return Named({names.get(n, n): a for n, a in kept.items()}, found)


def to_hdf5(
    weights: Mapping[str, np.ndarray], model: ModelConfig, decoder: bool
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the weights by their places in a `.weights.h5`, and the groups' names."""
    places: dict[str, np.ndarray] = {}
    groups = {"vars": "byte_language_model", "dropout.vars": "dropout"}
    roots = 1 + decoder * (1 if model.tied_embedding else 2)
    for k, name in enumerate(_root_names(roots)):
        places[f"vars.{k}"] = weights[name]
    for layer in range(model.layers):
        suffix = f"_{layer}" if layer else ""
        group = f"layers.{CLASSES[model.cell]}{suffix}.vars"
        groups[group] = f"layer_{layer}"
        for k, name in enumerate(_order(model.cell, model.weight_norm)):
            places[f"{group}.{k}"] = weights[f"layers/{layer}/{name}"]
    return places, groups


def from_tensorflow(arrays: Mapping[str, np.ndarray], path: Path) -> Named:
    """Return the weights of a checkpoint of `tf.train.Checkpoint`.

    TensorFlow does not look into the list of a Keras model's layers. Where it saved
    an optimizer too, their weights are among the optimizer's variables.

    Raises:
        CheckpointError: If it holds no model, or not the weights of its layers.
    """
    embedding = [n for n in arrays if n.rpartition("/")[2] == "embedding"]
    if len(embedding) != 1:
        raise CheckpointError(path, "holds no weight 'embedding', or several.")
    prefix = embedding[0].removesuffix("embedding")
    weights: dict[str, np.ndarray] = {}
    listed: dict[int, np.ndarray] = {}
    for name, array in arrays.items():
        bare = name.removeprefix(prefix)
        layer, trained = _TF_LAYER.fullmatch(bare), _TF_WEIGHT.fullmatch(name)
        if bare in _TF_ROOT:
            weights[_TF_ROOT[bare]] = array
        elif layer is not None:
            weights[f"layers/{layer[1]}/{layer[2]}"] = array
        elif trained is not None:
            listed[int(trained[2])] = array
        elif not _TF_STATE.fullmatch(name):
            weights[name] = array
    if not any(name.startswith("layers/") for name in weights):
        if not listed:
            raise CheckpointError(
                path,
                "holds no weights of the recurrent layers, which TensorFlow does not "
                "find in a Keras model; save it with model.save_weights.",
            )
        weights |= _listed(listed, path)
    return Named(weights, None)


def _listed(listed: Mapping[int, np.ndarray], path: Path) -> dict[str, np.ndarray]:
    """Return the weights of layers from the optimizer's list of variables."""
    arrays = [listed[k] for k in sorted(listed)]
    for cell in _ORDER:
        for norm in (True, False):
            names = _order(cell, norm)
            count, rest = divmod(len(arrays), len(names))
            ranks = [2 if name in GAINS.values() else 1 for name in names]
            if rest or [array.ndim for array in arrays] != ranks * count:
                continue
            hidden = arrays[names.index("wh")].shape[0]
            if arrays[names.index("wh")].shape[1] == _BLOCKS[cell] * hidden:
                return {
                    f"layers/{k // len(names)}/{names[k % len(names)]}": array
                    for k, array in enumerate(arrays)
                }
    reason = f"the optimizer's {len(arrays)} variables are not the weights of layers."
    raise CheckpointError(path, reason)


_BLOCKS = {"mlstm": 4, "lstm": 4, "gru": 3, "tanh": 1, "relu": 1}


def _root_names(count: int) -> tuple[str, ...]:
    """Return the weights that belong to the model itself, in order."""
    if count < 3:  # No output, or one tied to the embedding.
        return ("embedding/weight", "output/bias")[:count]
    return ("embedding/weight", "output/weight", "output/bias")


def _order(cell: str, weight_norm: bool) -> tuple[str, ...]:
    return tuple(n for n in _ORDER[cell] if weight_norm or n not in GAINS)


def _weights_in(arrays: Mapping[str, np.ndarray], name: str) -> int:
    group = name.rpartition(".")[0]
    return sum(1 for other in arrays if other.rpartition(".")[0] == group)
