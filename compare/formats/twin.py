"""The PyTorch twin: its runs, and plain state dicts as .safetensors or .pt.

A plain state dict says its settings by names and shapes. A .safetensors file that
was written here says them in its header too, so that nothing is lost. For what
shapes do not tell (dropout, text rule) the defaults hold.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from compare import training_state
from compare.checkpoint import Checkpoint
from compare.containers import Container
from compare.formats import own_classifier
from compare.formats.origins import ONE_BLOCK, cell_of, config_of, model_of
from compare.formats.own import (
    DECODER,
    Own,
    config_for,
    from_arrays,
    from_run,
    order_given,
    recognized,
    to_run,
)
from compare.formats.table import to_theirs
from compare.formats.twin_table import GATES, LAYOUT, table_of
from compare.formats.word_model import WordModel
from tfsent.checkpoint import CheckpointError
from tfsent.checkpoint.shapes import model_settings
from tfsent.config import ModelConfig

__all__ = [
    "GATES",
    "LAYOUT",
    "NAMES",
    "candidates",
    "read",
    "recognize",
    "table_of",
    "to_twin",
    "write",
]

NAMES = ("twin",)
FILES = {".safetensors": "safetensors", ".pt": "torch", ".pth": "torch"}
"""Suffix of a plain state dict to the kind of its container."""

_CONFIG = "config"
_EMBEDDING, _OUTPUT = "embedding.weight", "output.weight"
_OWN = Own(
    "twin",
    LAYOUT,
    GATES,
    table_of,
    training_state.to_keras,
    training_state.to_twin,
)


def recognize(container: Container) -> str | None:
    """Return a line if this is the twin's, else None."""
    words = own_classifier.recognize(container, NAMES[0])
    if words is not None:
        return words
    if container.kind in FILES.values():
        if _EMBEDDING in container.arrays and any(
            name.startswith("layers.0.") for name in container.arrays
        ):
            return "state dict of the PyTorch twin"
        return None
    return recognized(container, _OWN)


def candidates(container: Container) -> tuple[str, ...]:
    """Return the one gate order that fits; tanh and relu for a cell of one block."""
    if own_classifier.recognize(container, NAMES[0]):
        return ()  # It says its order, and no text of bytes could tell.
    if container.kind in FILES.values():
        sizes = _Sizes(container.arrays, container.path)
        if sizes.blocks == 1 and not sizes.multiplicative:
            if _CONFIG not in container.facts:
                return ONE_BLOCK
        return (GATES[_model(container, ONE_BLOCK[0]).cell],)
    return (GATES[model_settings(container.facts[_CONFIG], container.path).cell],)


def read(container: Container, gates: str | None = None) -> Checkpoint | WordModel:
    """Return the model; of a classifier over words a `WordModel`.

    Args:
        container: A run of the twin, or a plain state dict.
        gates: Order of the blocks in the file. Default: the twin's. "tanh" or "relu"
            for a cell of one block whose settings are not known.

    Raises:
        CheckpointError: If an array is missing, left over or of a wrong shape, or a
            tied output matrix is not the embedding.
    """
    if own_classifier.recognize(container, NAMES[0]):
        return own_classifier.read(container, gates)
    if container.kind not in FILES.values():
        return from_run(container, _OWN, gates)
    path, arrays = container.path, dict(container.arrays)
    model = _model(container, gates)
    if model.tied_embedding and _OUTPUT in arrays:
        if not np.array_equal(arrays.pop(_OUTPUT), arrays[_EMBEDDING]):
            reason = f"{_OUTPUT!r} is not {_EMBEDDING!r}, to which it is tied."
            raise CheckpointError(path, reason)
    config = container.facts.get(_CONFIG)
    if config is None:
        config = config_of(model, "openai")
        if "output.bias" not in arrays and _OUTPUT not in arrays:
            config[DECODER] = False
    order = order_given(config, gates, path)
    return from_arrays(arrays, config, _OWN, order, path)


def write(
    checkpoint: Checkpoint | WordModel, name: str = "twin", suffix: str = ""
) -> Container:
    """Return a model as a run of the twin, or as a plain state dict.

    Args:
        checkpoint: The model, or a classifier over words.
        name: "twin".
        suffix: Of the path to be written: ".safetensors" and ".pt" ask for a state
            dict without training state; anything else is a run folder.

    Raises:
        ValueError: If the training state cannot cross, or a state dict has no place
            for arrays beside the model.
    """
    if isinstance(checkpoint, WordModel):
        return own_classifier.write(checkpoint, name, suffix)
    if suffix not in FILES:
        return to_run(checkpoint, _OWN)
    if checkpoint.extras:
        raise ValueError(
            f"a {suffix} file has no place for {', '.join(sorted(checkpoint.extras))}; "
            "name a folder, which keeps them beside the model."
        )
    model = checkpoint.model
    arrays = to_twin(checkpoint.weights, model)
    if model.tied_embedding and checkpoint.decoder:
        arrays[_OUTPUT] = arrays[_EMBEDDING]
    facts = {_CONFIG: config_for(checkpoint, name)} if suffix == ".safetensors" else {}
    return Container(FILES[suffix], arrays, facts)


def to_twin(
    weights: Mapping[str, np.ndarray], model: ModelConfig
) -> dict[str, np.ndarray]:
    """Return our weights under the twin's names, in its axes and gate order."""
    return to_theirs(table_of(model), weights, model)


def _model(container: Container, gates: str | None) -> ModelConfig:
    """Return the shape of the model of a state dict."""
    path, arrays = container.path, container.arrays
    config = container.facts.get(_CONFIG)
    if config is not None:
        if not isinstance(config, Mapping):
            raise CheckpointError(path, "its settings are no dictionary.")
        return model_settings(config, path)
    unknown = sorted(name for name in container.facts if name != "metadata")
    if unknown:
        reason = f"holds {unknown[0]!r}, for which there is no place in a model."
        raise CheckpointError(path, reason)
    sizes = _Sizes(arrays, path)
    embedding = _matrix(arrays, _EMBEDDING, path)
    model = model_of(
        path,
        cell=cell_of(sizes.blocks, sizes.multiplicative, gates, path),
        hidden_size=sizes.hidden,
        embedding_size=embedding.shape[1],
        layers=sizes.layers,
        weight_norm=sizes.weight_norm,
    )
    output = arrays.get(_OUTPUT)
    # A state dict names a tied matrix twice, a run of the twin once.
    if output is None:
        tied = "output.bias" in arrays
    else:
        tied = np.array_equal(output, embedding)
    tied = tied and embedding.shape[1] == sizes.hidden
    return dataclasses.replace(model, tied_embedding=True) if tied else model


class _Sizes:
    """What names and shapes of the layers say about a model."""

    def __init__(self, arrays: Mapping[str, np.ndarray], path: Path) -> None:
        self.weight_norm = "layers.0.parametrizations.wh.original1" in arrays
        self.multiplicative = any(name.endswith("wmh") for name in arrays) or any(
            ".wmh." in name for name in arrays
        )
        names = [name.split(".")[1] for name in arrays if name.startswith("layers.")]
        self.layers = len(set(names))
        recurrent = "layers.0.wh"
        if self.weight_norm:
            recurrent = "layers.0.parametrizations.wh.original1"
        rows, self.hidden = _matrix(arrays, recurrent, path).shape
        if not self.hidden or rows % self.hidden:
            raise CheckpointError(path, f"{recurrent!r} has shape {rows, self.hidden}.")
        self.blocks = rows // self.hidden


def _matrix(arrays: Mapping[str, np.ndarray], name: str, path: Path) -> np.ndarray:
    if name not in arrays:
        raise CheckpointError(path, f"misses the weight {name!r}.")
    if arrays[name].ndim != 2:
        reason = f"{name!r} has shape {arrays[name].shape}, no matrix."
        raise CheckpointError(path, reason)
    return arrays[name]
