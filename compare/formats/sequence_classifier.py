"""The weights of `SequenceClassifier`: our names, the twin's, places in .keras files.

Axes: V words, E width of a layer's input, H units, G gate columns, F width of the
pooled vector, K outputs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from compare.formats.blocks import OUR_GATES, reorder
from compare.formats.keras_files import CLASSES
from compare.formats.twin_table import GATES
from tfsent.config_supervised import ClassifierConfig


class _Place(NamedTuple):
    """The twin's name of a weight, whether its axes are turned, its axis of gates."""

    twin: str
    turned: bool = False
    gates: bool = False


_READER = re.compile(r"layers/([0-9]+)/(forward|backward)/(wx|wh|wmx|wmh|b|bh)")
_HIDDEN = re.compile(r"hidden/([0-9]+)/(weight|bias)")


class ClassifierLayout:
    """How the weights of one `SequenceClassifier` lie in its twin."""

    def __init__(self, config: ClassifierConfig):
        self._config = config
        self.names = weight_names(config)

    def twin_names(self) -> dict[str, str]:
        """Return our names with those of the twin's parameters."""
        return to_twin_names(self.names, self._config)

    def to_twin(self, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return our weights as the twin's state dict has them."""
        return to_twin(weights, self._config)

    def to_ours(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the twin's state dict as our weights."""
        return to_ours(arrays, self.names, self._config)


def to_twin(
    weights: Mapping[str, np.ndarray], config: ClassifierConfig
) -> dict[str, np.ndarray]:
    """Return our weights as the twin's state dict has them."""
    found = {}
    for name, array in weights.items():
        place = _place(name, config)
        if place.gates:
            array = reorder(
                array, array.ndim - 1, OUR_GATES[config.cell], GATES[config.cell]
            )
        if name == "attention/weight":
            array = array[:, 0]
        found[place.twin] = np.ascontiguousarray(array.T if place.turned else array)
    return found


def to_ours(
    arrays: Mapping[str, np.ndarray], names: list[str], config: ClassifierConfig
) -> dict[str, np.ndarray]:
    """Return the twin's state dict as our weights.

    Args:
        arrays: The state dict.
        names: Of ours, in the order in which they are wanted.
        config: Shape of the model.

    Raises:
        ValueError: If an array is missing or left over.
    """
    left, found = dict(arrays), {}
    for name in names:
        place = _place(name, config)
        if place.twin not in left:
            raise ValueError(f"misses the weight {place.twin!r}.")
        array = left.pop(place.twin)
        array = array.T if place.turned else array
        if name == "attention/weight":
            array = array[:, None]
        if place.gates:
            array = reorder(
                array, array.ndim - 1, GATES[config.cell], OUR_GATES[config.cell]
            )
        found[name] = np.ascontiguousarray(array)
    if left:
        raise ValueError(f"has weights without a place: {sorted(left)}.")
    return found


def to_twin_names(names: list[str], config: ClassifierConfig) -> dict[str, str]:
    """Return our names with those of the twin."""
    return {name: _place(name, config).twin for name in names}


def turned_names(names: list[str], config: ClassifierConfig) -> set[str]:
    """Return which of our names the twin has with its axes the other way round."""
    return {name for name in names if _place(name, config).turned}


def weight_names(config: ClassifierConfig) -> list[str]:
    """Return our names of the weights of a model, in their order."""
    return list(expected_shapes(config, 1, 1))


def expected_shapes(
    config: ClassifierConfig, num_words: int, num_outputs: int
) -> dict[str, tuple[int, ...]]:
    """Return our names of a model's weights with their shapes, in their order."""
    V, E, H, K = num_words, config.embedding_size, config.units, num_outputs
    sides, G = _sides(config), (len(OUR_GATES[config.cell]) or 1) * config.units
    shapes: dict[str, tuple[int, ...]] = {}
    width, widths = V, []
    if not config.one_hot:
        shapes["embedding/weight"] = (V, E)
        width, widths = E, [E]
    for k in range(config.layers):
        of_part = {
            "wx": (width, G),
            "wmx": (width, H),
            "wh": (H, G),
            "wmh": (H, H),
            "b": (G,),
            "bh": (G,),
        }
        for side in sides:
            for part in _parts(config):
                shapes[f"layers/{k}/{side}/{part}"] = of_part[part]
        width = H * len(sides)
        widths.append(width)
    if config.skip_connections and config.pooling != "last":
        width = sum(widths)
    if config.pooling == "attention":
        shapes["attention/weight"] = (width, 1)
    for k, hidden in enumerate(config.hidden):
        shapes |= {f"hidden/{k}/weight": (width, hidden), f"hidden/{k}/bias": (hidden,)}
        width = hidden
    return shapes | {"output/weight": (width, K), "output/bias": (K,)}


def keras_places(config: ClassifierConfig) -> dict[str, str]:
    """Return our names with the places of weights in a `.weights.h5` of Keras.

    Keras numbers layers of a class as it meets them, those of `hidden` before the
    output layer, which is of their class.
    """
    places = {}
    parts, sides = _parts(config), _sides(config)
    for name in weight_names(config):
        group, _, part = name.rpartition("/")
        if name == "embedding/weight":
            place = "embedding.vars.0"
        elif name == "attention/weight":
            place = "layers.attention_pooling.vars.0"
        elif reader := _READER.fullmatch(name):
            number = len(sides) * int(reader[1]) + sides.index(reader[2])
            layer = _numbered(CLASSES[config.cell], number)
            place = f"layers.{layer}.vars.{parts.index(part)}"
        else:
            hidden = _HIDDEN.fullmatch(name)
            number = int(hidden[1]) if hidden else len(config.hidden)
            above = "hidden" if hidden else "layers"
            layer = _numbered("dense", number)
            place = f"{above}.{layer}.vars.{('weight', 'bias').index(part)}"
        places[name] = place
    return places


def keras_groups(config: ClassifierConfig) -> dict[str, str]:
    """Return the groups of a `.weights.h5` with the names of their layers."""
    pooling = {
        "mean": "masked_mean",
        "max": "masked_max",
        "attention": "attention_pooling",
    }.get(config.pooling, "identity")
    groups = {
        "vars": "sequence_classifier",
        "layers.spatial_dropout1d.vars": "spatial_dropout",
        f"layers.{pooling}.vars": "pooling",
    }
    for k in range(len(config.hidden) + 1):
        groups[f"dropouts.{_numbered('dropout', k)}.vars"] = f"dropout_{k}"
    for name, place in keras_places(config).items():
        group = place.rpartition(".")[0]
        reader, hidden = _READER.fullmatch(name), _HIDDEN.fullmatch(name)
        if reader:
            groups[group] = f"layer_{reader[1]}_{reader[2]}"
        elif hidden:
            groups[group] = f"hidden_{hidden[1]}"
        elif name.startswith("output/"):
            groups[group] = "output_layer"
        elif name == "embedding/weight":
            groups[group] = "embedding"
    return groups


def _numbered(name: str, number: int) -> str:
    return f"{name}_{number}" if number else name


def _sides(config: ClassifierConfig) -> tuple[str, ...]:
    return {"both": ("forward", "backward")}.get(config.direction, (config.direction,))


def _parts(config: ClassifierConfig) -> tuple[str, ...]:
    return {
        "mlstm": ("wx", "wmx", "wh", "wmh", "b"),
        "gru": ("wx", "wh", "b", "bh"),
    }.get(config.cell, ("wx", "wh", "b"))


def _place(name: str, config: ClassifierConfig) -> _Place:
    if name == "embedding/weight":
        return _Place("embedding.weight")
    if name == "attention/weight":
        return _Place("pooling.attention")
    if reader := _READER.fullmatch(name):
        count = 2 if config.direction == "both" else 1
        number = count * int(reader[1]) + (count == 2 and reader[2] == "backward")
        part = reader[3]
        blocks = len(OUR_GATES[config.cell]) > 1 and not part.startswith("wm")
        return _Place(f"readers.{number}.{part}", part.startswith("w"), blocks)
    if hidden := _HIDDEN.fullmatch(name):
        return _Place(f"hidden.{hidden[1]}.{hidden[2]}", hidden[2] == "weight")
    if name in ("output/weight", "output/bias"):
        return _Place(name.replace("/", "."), name == "output/weight")
    raise ValueError(f"the classifier has no place for the weight {name!r}.")
