"""This project's Keras model: runs, `.keras`, `.weights.h5`, TensorFlow checkpoints.

Our own names, axes and gate order; nothing is transposed. Runs and `.keras` files say
their settings. For the others they are told by names and shapes; for what these do
not tell (dropout, text rule) the defaults hold. No Keras is needed, to read or write.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from compare.checkpoint import Checkpoint
from compare.containers import Container
from compare.containers.keras_file import GROUPS, OBJECT, SETTINGS
from compare.formats import own_classifier
from compare.formats.blocks import OUR_GATES
from compare.formats.keras_files import (
    Named,
    from_hdf5,
    from_tensorflow,
    to_hdf5,
)
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
from compare.formats.table import Row, Table
from compare.formats.word_model import WordModel
from tfsent.checkpoint import TFSENT, CheckpointError
from tfsent.checkpoint.shapes import model_settings
from tfsent.checkpoint.strict_json import brief
from tfsent.checkpoint.weights import has_decoder
from tfsent.config import ModelConfig

NAMES = ("keras",)
FILES = {".keras": "keras", ".h5": "hdf5"}
"""Suffix of a file of weights to the kind of its container."""

CLASS = "tfsent>ByteLanguageModel"
"""What Keras calls the model in a .keras file."""

_AXES = {
    "embedding/weight": "VE",
    "layers/{k}/wx": "XG",
    "layers/{k}/wh": "HG",
    "layers/{k}/wmx": "XM",
    "layers/{k}/wmh": "HM",
    "layers/{k}/b": "G",
    "layers/{k}/bh": "G",
    "layers/{k}/gx": "G",
    "layers/{k}/gh": "G",
    "layers/{k}/gmx": "M",
    "layers/{k}/gmh": "M",
    "output/weight": "HV",
    "output/bias": "V",
}
_ROWS = tuple(Row(name, axes, name, axes) for name, axes in _AXES.items())
_FIRST = "layers/0/"


def table_of(model: ModelConfig, gates: str | None = None) -> Table:
    """Return the table of the format: names and axes are our own."""
    return Table(_ROWS, OUR_GATES[model.cell] if gates is None else gates)


def _as_it_is(arrays: Mapping[str, np.ndarray], *args: Any) -> dict[str, np.ndarray]:
    return dict(arrays)


_OWN = Own("keras", TFSENT, OUR_GATES, table_of, _as_it_is, _as_it_is)


def recognize(container: Container) -> str | None:
    """Return a line if this is the Keras model's, else None."""
    words = own_classifier.recognize(container, NAMES[0])
    if words is not None:
        return words
    if container.kind == "keras":
        if container.facts[OBJECT].get("registered_name") == CLASS:
            return "Keras's file of the language model"
    elif container.kind == "hdf5":
        if "vars.0" in container.arrays and from_hdf5(container.arrays).cell:
            return "Keras's weights of the language model, without settings"
    elif container.kind == "tf-checkpoint":
        return "TensorFlow checkpoint of the Keras model, without settings"
    elif container.kind == "safetensors":
        if "embedding/weight" in container.arrays:
            return "weights of the Keras model, without settings"
    else:
        return recognized(container, _OWN)
    return None


def candidates(container: Container) -> tuple[str, ...]:
    """Return the one gate order that fits; tanh and relu for a cell of one block."""
    if own_classifier.recognize(container, NAMES[0]):
        return ()  # It says its order, and no text of bytes could tell.
    if container.kind == "run":
        config = container.facts["config"]
        return (OUR_GATES[model_settings(config, container.path).cell],)
    named = _named(container)
    sizes = _Sizes(named, container.path)
    if named.cell is None and sizes.blocks == 1 and not sizes.multiplicative:
        return ONE_BLOCK
    return (OUR_GATES[named.cell or sizes.cell(ONE_BLOCK[0])],)


def read(container: Container, gates: str | None = None) -> Checkpoint | WordModel:
    """Return the model; of a classifier over words a `WordModel`.

    Args:
        container: A run, or a file of weights of the Keras model.
        gates: Order of the blocks in the file. Default: our own. "tanh" or "relu"
            for a cell of one block that the file does not name.

    Raises:
        CheckpointError: If an array is missing, left over or of a wrong shape, or a
            .keras file holds another model.
    """
    if own_classifier.recognize(container, NAMES[0]):
        return own_classifier.read(container, gates)
    if container.kind == "run":
        return from_run(container, _OWN, gates)
    named, path = _named(container), container.path
    if container.kind == "keras":
        config = _config_of_keras(container)
    else:
        config = _inferred(named, gates, path)
    order = order_given(config, gates, path)
    return from_arrays(named.weights, config, _OWN, order, path)


def write(
    checkpoint: Checkpoint | WordModel, name: str = "keras", suffix: str = ""
) -> Container:
    """Return a model as a run of Keras, or as a file of weights.

    Args:
        checkpoint: The model, or a classifier over words.
        name: "keras".
        suffix: Of the path to be written: ".keras" and ".h5" ask for Keras's files,
            without training state; anything else is a run folder.

    Raises:
        ValueError: If a file has no place for arrays beside the model.
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
    model, decoder = checkpoint.model, checkpoint.decoder
    arrays, groups = to_hdf5(checkpoint.weights, model, decoder)
    if suffix == ".h5":
        return Container(FILES[suffix], arrays)
    config = config_for(checkpoint, name)
    facts = {OBJECT: _object(config, decoder), SETTINGS: config, GROUPS: groups}
    return Container(FILES[suffix], arrays, facts)


def _object(config: Mapping[str, Any], decoder: bool) -> dict[str, Any]:
    """Return what Keras makes the model of."""
    policy = {"module": "keras", "class_name": "DTypePolicy", "registered_name": None}
    return {
        "module": "tfsent.model.language_model",
        "class_name": "ByteLanguageModel",
        "config": {
            "name": "byte_language_model",
            "trainable": True,
            "dtype": policy | {"config": {"name": "float32"}},
            "config": config["model"],
            "seed": config.get("seed", 0),
            "text_rule": config.get("data", {}).get("text_rule", "openai"),
            "decoder": decoder,
        },
        "registered_name": CLASS,
        "build_config": {"input_shape": None},
        "compile_config": {},
    }


def _config_of_keras(container: Container) -> dict[str, Any]:
    """Return the settings of a .keras file; the ones beside the model must agree."""
    path = container.path
    found = container.facts[OBJECT]
    section = found.get("config")
    if found.get("registered_name") != CLASS or not isinstance(section, Mapping):
        shown = brief(found.get("registered_name") or found.get("class_name"))
        raise CheckpointError(path, f"holds {shown}, not the language model.")
    config: dict[str, Any] = {
        "model": section.get("config"),
        "data": {"text_rule": section.get("text_rule", "openai")},
        DECODER: section.get("decoder", True),
    }
    model = model_settings(config, path)
    if config["data"]["text_rule"] not in ("openai", "nvidia"):
        shown = brief(section["text_rule"])
        raise CheckpointError(path, f"text_rule is {shown}, no known one.")
    beside = container.facts.get(SETTINGS)
    if beside is None:
        return config
    decoder = has_decoder(config, path)
    if model_settings(beside, path) != model or has_decoder(beside, path) != decoder:
        raise CheckpointError(path, "its settings are of another model.")
    return beside


def _named(container: Container) -> Named:
    if container.kind == "tf-checkpoint":
        return from_tensorflow(container.arrays, container.path)
    if container.kind == "safetensors":
        return Named(container.arrays, None)
    return from_hdf5(container.arrays)


def _inferred(named: Named, gates: str | None, path: Path) -> dict[str, Any]:
    """Return the settings that names and shapes tell."""
    weights, sizes = named.weights, _Sizes(named, path)
    decoder = "output/bias" in weights
    model = model_of(
        path,
        cell=named.cell or sizes.cell(gates),
        hidden_size=sizes.hidden,
        embedding_size=sizes.embedding,
        layers=sizes.layers,
        weight_norm=f"{_FIRST}gx" in weights,
        tied_embedding=(
            decoder
            and "output/weight" not in weights
            and sizes.embedding == sizes.hidden
        ),
    )
    config = config_of(model, "openai")
    return config if decoder else config | {DECODER: False}


class _Sizes:
    """What names and shapes of a model's weights say about it."""

    def __init__(self, named: Named, path: Path) -> None:
        weights = named.weights
        for name in ("embedding/weight", f"{_FIRST}wh"):
            if name not in weights:
                raise CheckpointError(path, f"misses the weight {name!r}.")
            if weights[name].ndim != 2:
                reason = f"{name!r} has shape {weights[name].shape}, no matrix."
                raise CheckpointError(path, reason)
        self.embedding = weights["embedding/weight"].shape[1]
        self.hidden, columns = weights[f"{_FIRST}wh"].shape
        self.blocks = columns // self.hidden if self.hidden else 0
        self.multiplicative = f"{_FIRST}wmh" in weights
        names = (name.split("/") for name in weights if name.startswith("layers/"))
        self.layers = len({parts[1] for parts in names})
        self._path = path

    def cell(self, gates: str | None) -> str:
        """Return the cell; `gates` says "tanh" or "relu" where shapes do not."""
        return cell_of(self.blocks, self.multiplicative, gates, self._path)
