"""Runners of plain Keras: its own layers, and the mLSTM the way Keras is mostly used.

"keras-layers" is `keras.layers.LSTM` or `GRU` as they come; "keras-graph" and
"keras-eager" are `keras.layers.RNN` over a plain mLSTM cell, without XLA, in a graph
and eagerly. All train by `train_on_batch`.

Axes: N batches, B lanes, T bytes in a window, E embedding width, H hidden units, G
gate columns, V = 256 byte values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from compare.formats.blocks import OUR_GATES, reorder
from compare.runners.facts import RunnerFacts
from compare.runners.inputs import read_batches, read_weights
from compare.runners.keras_tensorflow import TensorFlowSide
from compare.runners.serving import Work
from compare.runners.training import Training, training_work
from tfsent.quiet import quiet

LAYERS, GRAPH, EAGER = "keras-layers", "keras-graph", "keras-eager"

KERAS_GATES = {"lstm": "ifuo", "gru": "zrn"}
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


class _Training(Training):
    """`train_on_batch` of a sequential model."""

    def __init__(
        self,
        config: dict[str, Any],
        named: Mapping[str, np.ndarray],
        bytes_NBT1: np.ndarray,
        name: str,
    ):
        import keras

        shape, optimizer = config["model"], config["optimizer"]
        self._cell, self._named = shape["cell"], named
        bytes_NBT1 = bytes_NBT1.astype(np.int32)
        self._batches = [(each[:, :-1], each[:, 1:]) for each in bytes_NBT1]
        embedding = keras.layers.Embedding(256, shape["embedding_size"])
        self._layers = self._recurrent(shape, name)
        head = keras.layers.Dense(256)
        self._model = keras.Sequential(
            [
                keras.layers.Input(
                    batch_shape=self._batches[0][0].shape, dtype="int32"
                ),
                embedding,
                *self._layers,
                head,
            ]
        )
        self._ends = {
            "embedding/weight": embedding.embeddings,
            "output/weight": head.kernel,
            "output/bias": head.bias,
        }
        self._loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self._model.compile(
            keras.optimizers.Adam(
                optimizer["learning_rate"],
                global_clipnorm=optimizer["clip_norm"] or None,
            ),
            self._loss,
            **_COMPILE[name],
        )
        self.restore()

    def _recurrent(self, shape: dict[str, Any], name: str) -> list[Any]:
        import keras

        from tfsent.model import MLSTMCell

        kinds = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
        units = shape["hidden_size"]
        if name == LAYERS:
            kind = kinds[self._cell]
            layers = range(shape["layers"])
            return [kind(units, return_sequences=True) for _ in layers]
        return [
            keras.layers.RNN(
                MLSTMCell(units, weight_norm=shape["weight_norm"]),
                return_sequences=True,
            )
            for _ in range(shape["layers"])
        ]

    def update(self, k: int) -> Any:
        return self._model.train_on_batch(*self._batches[k])

    def nats(self, loss: Any) -> float:
        return float(loss)

    def restore(self) -> None:
        for name, variable in self._ends.items():
            variable.assign(self._named[name])
        for k, layer in enumerate(self._layers):
            for variable, value in _to_keras(self._cell, layer, self._named, k):
                variable.assign(value)

    def logits(self) -> np.ndarray:
        return np.asarray(self._model(self._batches[0][0]))

    def gradients(self) -> Mapping[str, np.ndarray]:
        import tensorflow as tf

        x_BT, y_BT = self._batches[0]
        with tf.GradientTape() as tape:
            nats = self._loss(y_BT, self._model(x_BT, training=True))
        variables = self._model.trainable_variables
        found = {
            id(v): tf.convert_to_tensor(g).numpy()
            for v, g in zip(variables, tape.gradient(nats, variables), strict=True)
        }
        named = {name: found[id(variable)] for name, variable in self._ends.items()}
        for k, layer in enumerate(self._layers):
            named |= _to_ours(self._cell, layer, found, k)
        return named


def _to_keras(
    cell: str, layer: Any, named: Mapping[str, np.ndarray], k: int
) -> list[tuple[Any, np.ndarray]]:
    """Return each variable of a layer and its value."""
    ours = {
        name.removeprefix(f"layers/{k}/"): value
        for name, value in named.items()
        if name.startswith(f"layers/{k}/")
    }
    if cell == "mlstm":
        return [(v, ours[v.name]) for v in layer.cell.trainable_variables]
    ours = {
        name: reorder(value, value.ndim - 1, OUR_GATES[cell], KERAS_GATES[cell])
        for name, value in ours.items()
    }
    bias = np.stack([ours["b"], ours["bh"]]) if cell == "gru" else ours["b"]
    return [
        (layer.cell.kernel, ours["wx"]),
        (layer.cell.recurrent_kernel, ours["wh"]),
        (layer.cell.bias, bias),
    ]


def _to_ours(
    cell: str, layer: Any, found: Mapping[int, np.ndarray], k: int
) -> dict[str, np.ndarray]:
    """Return the gradients of a layer by our names, gates in our order."""
    if cell == "mlstm":
        variables = layer.cell.trainable_variables
        return {f"layers/{k}/{v.name}": found[id(v)] for v in variables}
    theirs = {
        "wx": found[id(layer.cell.kernel)],
        "wh": found[id(layer.cell.recurrent_kernel)],
    }
    bias = found[id(layer.cell.bias)]
    theirs |= {"b": bias[0], "bh": bias[1]} if cell == "gru" else {"b": bias}
    return {
        f"layers/{k}/{name}": reorder(
            value, value.ndim - 1, KERAS_GATES[cell], OUR_GATES[cell]
        )
        for name, value in theirs.items()
    }
