"""Runners of plain Keras: its own layers, and the mLSTM the way Keras is mostly used.

"keras-layers" is `keras.layers.LSTM` or `GRU` as they come; "keras-graph" and
"keras-eager" are `keras.layers.RNN` over a plain mLSTM cell, without XLA, in a graph
and eagerly. All train by `train_on_batch`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from compare.formats.blocks import OUR_GATES, reorder
from compare.runners.facts import RunnerFacts
from compare.runners.inputs import read_batches, read_weights
from compare.runners.serving import Work
from compare.runners.tensorflow_side import BatchTraining, TensorFlowSide
from compare.runners.training import training_work
from tfsent.quiet import quiet

LAYERS, GRAPH, EAGER = "keras-layers", "keras-graph", "keras-eager"

KERAS_GATES = {"lstm": "ifuo", "gru": "zrn", "tanh": ""}
"""Cell to the order of the blocks of Keras's own layer, in our letters."""

_COMPILE: Mapping[str, dict[str, bool]] = {
    LAYERS: {},  # As Keras does by itself: XLA where it thinks it can.
    GRAPH: {"jit_compile": False},
    EAGER: {"run_eagerly": True, "jit_compile": False},
}


def _facts(name: str, what: str, models: tuple[str, ...]) -> RunnerFacts:
    return RunnerFacts(
        name=name,
        what=what,
        models=models,
        tasks=("train",),
        precisions=("float32",),
        packages=("tensorflow", "keras", "numpy"),
        modules=("tensorflow", "keras"),
    )


_PLAIN = ("mlstm+norm", "mlstm")

RUNNERS = (
    _facts(GRAPH, "keras.layers.RNN over an mLSTM cell, graph without XLA", _PLAIN),
    _facts(EAGER, "keras.layers.RNN over an mLSTM cell, eager", _PLAIN),
    _facts(LAYERS, "keras.layers.LSTM or GRU, as compiled by default", ("lstm", "gru")),
)


def open_side(name: str) -> PlainKeras:
    """Open TensorFlow."""
    quiet()
    return PlainKeras(name)


class PlainKeras(TensorFlowSide):
    """Keras without this project's layers."""

    def __init__(self, name: str):
        super().__init__()
        self._name = name

    def work(
        self, task: str, config: dict[str, Any], weights: str, inputs: str
    ) -> Work:
        """Return a training step as work."""
        named, batches = read_weights(weights), read_batches(inputs)
        training = _Training(config, named, batches.bytes_NBT1, self._name)
        return training_work(training, len(batches.bytes_NBT1), named)


class _Training(BatchTraining):
    def __init__(
        self,
        config: dict[str, Any],
        named: Mapping[str, np.ndarray],
        bytes_NBT1: np.ndarray,
        name: str,
    ):
        import keras

        shape, settings = config["model"], config["optimizer"]
        self._cell = shape["cell"]
        layers = _layers(shape, name)
        optimizer = keras.optimizers.Adam(
            settings["learning_rate"], global_clipnorm=settings["clip_norm"] or None
        )
        super().__init__(keras, layers, config, optimizer, bytes_NBT1, **_COMPILE[name])
        for k, layer in enumerate(layers):
            for variable in layer.cell.trainable_variables:
                self.variables[f"layers/{k}/{variable.name}"] = variable
        self.values = named if self._cell == "mlstm" else to_keras(named, self._cell)
        self.restore()

    def gradients(self) -> Mapping[str, np.ndarray]:
        found = super().gradients()
        return found if self._cell == "mlstm" else to_ours(found, self._cell)


def _layers(shape: Mapping[str, Any], name: str) -> list[Any]:
    import keras

    from tfsent.model import MLSTMCell

    units, count = shape["hidden_size"], range(shape["layers"])
    if name == LAYERS:
        kind = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[shape["cell"]]
        return [kind(units, return_sequences=True) for _ in count]
    cells = [MLSTMCell(units, weight_norm=shape["weight_norm"]) for _ in count]
    return [keras.layers.RNN(cell, return_sequences=True) for cell in cells]


def to_keras(named: Mapping[str, np.ndarray], cell: str) -> dict[str, np.ndarray]:
    """Return our weights by the names and in the gate order of Keras's own layers."""
    theirs = {}
    for name, value in named.items():
        layer, slash, last = name.rpartition("/")
        if not name.startswith("layers/"):
            theirs[name] = value
            continue
        value = reorder(value, value.ndim - 1, OUR_GATES[cell], KERAS_GATES[cell])
        theirs[f"{layer}{slash}{_NAMES.get(last, last)}"] = value
    for name in [name for name in theirs if name.endswith("/bh")]:
        # Beside the input and beside the state, one above the other.
        bias = name.removesuffix("bh") + "bias"
        theirs[bias] = np.stack([theirs[bias], theirs.pop(name)])
    return theirs


def to_ours(found: Mapping[str, np.ndarray], cell: str) -> dict[str, np.ndarray]:
    """Return gradients of Keras's own layers by our names and in our gate order."""
    ours = {}
    spelled = {theirs: name for name, theirs in _NAMES.items()}
    for name, value in found.items():
        layer, slash, last = name.rpartition("/")
        if not name.startswith("layers/"):
            ours[name] = value
            continue
        value = reorder(value, value.ndim - 1, KERAS_GATES[cell], OUR_GATES[cell])
        if last == "bias" and cell == "gru":
            ours[f"{layer}/bh"], value = value[1], value[0]
        ours[f"{layer}{slash}{spelled[last]}"] = value
    return ours


_NAMES = {"wx": "kernel", "wh": "recurrent_kernel", "b": "bias"}
"""Our name of a weight to that of Keras's own layers."""
