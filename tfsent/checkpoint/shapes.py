"""Which weights a model of given settings has: their names and shapes, [in, out]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from os import PathLike
from typing import Any, get_args

from tfsent.checkpoint.errors import CheckpointError
from tfsent.checkpoint.strict_json import brief
from tfsent.config import GATES, NUM_BYTES, Cell, ModelConfig

GAINS = {"gx": "wx", "gh": "wh", "gmx": "wmx", "gmh": "wmh"}
"""Gain of the weight normalisation -> the matrix whose columns it scales."""

_MAX_SIZE = 2**17
_MAX_LAYERS = 1024
_BLOCKS = {"mlstm": len(GATES), "lstm": len(GATES), "gru": 3, "tanh": 1, "relu": 1}


def expected_shapes(
    model: ModelConfig, decoder: bool = True
) -> dict[str, tuple[int, ...]]:
    """Return name to shape of every weight of a model, in the order of the model.

    Without a decoder, as in files made for classification, there is no output.

    A GRU's blocks stand in Keras's order z r h with `reset_after=True`: it has
    two biases, `b` on the input side and `bh` on the recurrent side.

    Example:
        >>> model = ModelConfig(cell="tanh", hidden_size=7, embedding_size=3)
        >>> for name, shape in expected_shapes(model).items():
        ...     print(name, shape)
        embedding/weight (256, 3)
        layers/0/wx (3, 7)
        layers/0/wh (7, 7)
        layers/0/b (7,)
        layers/0/gx (7,)
        layers/0/gh (7,)
        output/weight (7, 256)
        output/bias (256,)
    """
    hidden = model.hidden_size
    shapes: dict[str, tuple[int, ...]] = {
        "embedding/weight": (NUM_BYTES, model.embedding_size)
    }
    for layer in range(model.layers):
        inputs = hidden if layer else model.embedding_size
        for name, shape in _layer_shapes(model, inputs).items():
            shapes[f"layers/{layer}/{name}"] = shape
    if not decoder:
        return shapes
    if not model.tied_embedding:
        shapes["output/weight"] = (hidden, NUM_BYTES)
    shapes["output/bias"] = (NUM_BYTES,)
    return shapes


def model_settings(config: Mapping[str, Any], path: str | PathLike[str]) -> ModelConfig:
    """Return the section `model` of a configuration from a file, fully checked.

    Types and sizes are checked too: what a file says must not decide how much
    memory is taken.

    Raises:
        CheckpointError: If anything in it cannot be; names `path`.
    """
    section = config.get("model")
    if not isinstance(section, Mapping):
        raise CheckpointError(path, "holds no section 'model'.")
    defaults = {field.name: field.default for field in fields(ModelConfig)}
    for name, value in section.items():
        if name not in defaults:
            raise CheckpointError(path, f"model.{brief(name)} is no known setting.")
        kind = type(defaults[name])
        if type(value) is not kind and not (kind is float and type(value) is int):
            reason = f"model.{name} is {brief(value)}, no {kind.__name__}."
            raise CheckpointError(path, reason)
    try:
        model = ModelConfig(**section)
    except ValueError as error:
        raise CheckpointError(path, str(error)) from error
    if model.cell not in get_args(Cell):
        reason = f"model.cell is {brief(model.cell)}, no known cell."
        raise CheckpointError(path, reason)
    for name, most in (
        ("hidden_size", _MAX_SIZE),
        ("embedding_size", _MAX_SIZE),
        ("layers", _MAX_LAYERS),
    ):
        if getattr(model, name) > most:
            reason = f"model.{name} is {brief(getattr(model, name))}; at most {most}."
            raise CheckpointError(path, reason)
    return model


def _layer_shapes(model: ModelConfig, inputs: int) -> dict[str, tuple[int, ...]]:
    hidden = model.hidden_size
    columns = _BLOCKS[model.cell] * hidden
    shapes: dict[str, tuple[int, ...]] = {
        "wx": (inputs, columns),
        "wh": (hidden, columns),
    }
    if model.cell == "mlstm":
        shapes |= {"wmx": (inputs, hidden), "wmh": (hidden, hidden)}
    shapes["b"] = (columns,)
    if model.cell == "gru":
        shapes["bh"] = (columns,)
    if model.weight_norm:
        for gain, matrix in GAINS.items():
            if matrix in shapes:
                shapes[gain] = (shapes[matrix][1],)
    return shapes
