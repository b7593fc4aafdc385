"""The runner of the old stack: TensorFlow 2.15 with tensorflow-addons 0.23.

The mLSTM as its users wrote it: `tf.keras.layers.RNN` over a cell whose projections
are dense layers wrapped in `tfa.layers.WeightNormalization`, trained by
`train_on_batch` with `tfa.optimizers.AdamW` (its decay at 0: that is Adam).
tensorflow-addons ended in 2024 and does not import with Keras 3, so it has an
environment of its own, with NumPy and safetensors and nothing else of this project.

Axes: N batches, B lanes, T bytes in a window, E embedding width, H hidden units, G = 4
H gate columns.

Reference:
    Krause et al. 2016, arXiv:1609.07959, equations 14 to 19.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from compare.runners.facts import RunnerFacts
from compare.runners.inputs import read_batches, read_weights
from compare.runners.serving import Work
from compare.runners.training import Training, training_work

RUNNERS = (
    RunnerFacts(
        name="addons",
        what="TensorFlow 2.15, tensorflow-addons: RNN over a weight-normalised cell",
        models=("mlstm+norm",),
        tasks=("train",),
        precisions=("float32",),
        packages=("tensorflow", "tensorflow-addons", "keras", "numpy"),
        modules=(),
        environment=(".venv-addons", "addons"),
    ),
)

_MATRICES = ("wx", "wmx", "wh", "wmh")


def open_side(name: str) -> Addons:
    """Open TensorFlow; its notes and the farewell of tensorflow-addons are not told."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import warnings

    warnings.filterwarnings("ignore", message=r"(?s).*TensorFlow Addons")
    return Addons()


class Addons:
    """TensorFlow 2.15 and tensorflow-addons."""

    def __init__(self) -> None:
        import tensorflow as tf

        self._tf = tf
        self.device = "gpu" if tf.config.list_physical_devices("GPU") else "cpu"

    def work(
        self, task: str, config: dict[str, Any], weights: str, inputs: str
    ) -> Work:
        """Return a training step as work."""
        named, batches = read_weights(weights), read_batches(inputs)
        training = _Training(config, named, batches.bytes_NBT1)
        return training_work(training, len(batches.bytes_NBT1), named)

    def product(self, side: int) -> tuple[Callable[[], object], Callable[[], object]]:
        """Return a float32 product of square matrices, and what waits for it."""
        tf = self._tf
        a, b = (tf.random.stateless_normal((side, side), (0, k)) for k in (1, 2))
        result = tf.Variable(tf.zeros((side, side)))
        product = tf.function(lambda: result.assign(tf.matmul(a, b)))
        return product, lambda: float(result[0, 0])

    def memory(self) -> dict[str, int]:
        """Return nothing: the old stack is compared on a CPU."""
        return {}


def make_cell(units: int) -> Any:
    """Return the cell; its projections are `wx`, `wmx`, `wh` and `wmh`."""
    import tensorflow as tf
    import tensorflow_addons as tfa

    class Cell(tf.keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.state_size = [units, units]
            self.output_size = units
            for name in _MATRICES:
                wide = name in ("wx", "wh")
                dense = tf.keras.layers.Dense(
                    4 * units if wide else units, use_bias=name == "wx", name=name
                )
                normed = tfa.layers.WeightNormalization(dense, data_init=False)
                setattr(self, name, normed)

        def build(self, shape: Any) -> None:
            for name in _MATRICES:
                width = shape[-1] if name.endswith("x") else units
                getattr(self, name).build((None, width))
            super().build(shape)

        def call(self, x_BE: Any, states: Any) -> Any:
            h_BH, c_BH = states
            m_BH = self.wmx(x_BE) * self.wmh(h_BH)
            i, f, o, u = tf.split(self.wx(x_BE) + self.wh(m_BH), 4, axis=1)
            c_BH = tf.sigmoid(f) * c_BH + tf.sigmoid(i) * tf.tanh(u)
            h_BH = tf.sigmoid(o) * tf.tanh(c_BH)
            return h_BH, [h_BH, c_BH]

    return Cell()


class _Training(Training):
    """`train_on_batch` of a sequential model."""

    def __init__(
        self,
        config: dict[str, Any],
        named: Mapping[str, np.ndarray],
        bytes_NBT1: np.ndarray,
    ):
        import tensorflow as tf
        import tensorflow_addons as tfa

        shape, optimizer = config["model"], config["optimizer"]
        self._named = named
        bytes_NBT1 = bytes_NBT1.astype(np.int32)
        self._batches = [(each[:, :-1], each[:, 1:]) for each in bytes_NBT1]
        embedding = tf.keras.layers.Embedding(256, shape["embedding_size"])
        cells = [make_cell(shape["hidden_size"]) for _ in range(shape["layers"])]
        head = tf.keras.layers.Dense(256)
        self._model = tf.keras.Sequential(
            [
                tf.keras.layers.Input(
                    batch_shape=self._batches[0][0].shape, dtype="int32"
                ),
                embedding,
                *(tf.keras.layers.RNN(cell, return_sequences=True) for cell in cells),
                head,
            ]
        )
        self._variables = {
            "embedding/weight": embedding.embeddings,
            "output/weight": head.kernel,
            "output/bias": head.bias,
        }
        for k, cell in enumerate(cells):
            for name in _MATRICES:
                normed = getattr(cell, name)
                self._variables[f"layers/{k}/{name}"] = normed.v
                self._variables[f"layers/{k}/g{name[1:]}"] = normed.g
            self._variables[f"layers/{k}/b"] = cell.wx.layer.bias
        self._loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self._model.compile(
            tfa.optimizers.AdamW(
                weight_decay=0.0,
                learning_rate=optimizer["learning_rate"],
                global_clipnorm=optimizer["clip_norm"] or None,
            ),
            self._loss,
        )
        # The wrapper sets its gains from its directions when it is first called.
        self._model(self._batches[0][0])
        self.restore()

    def update(self, k: int) -> Any:
        return self._model.train_on_batch(*self._batches[k])

    def nats(self, loss: Any) -> float:
        return float(loss)

    def restore(self) -> None:
        for name, variable in self._variables.items():
            variable.assign(self._named[name])

    def logits(self) -> np.ndarray:
        return np.asarray(self._model(self._batches[0][0]))

    def gradients(self) -> Mapping[str, np.ndarray]:
        import tensorflow as tf

        x_BT, y_BT = self._batches[0]
        with tf.GradientTape() as tape:
            nats = self._loss(y_BT, self._model(x_BT, training=True))
        found = tape.gradient(nats, list(self._variables.values()))
        return {
            name: tf.convert_to_tensor(gradient).numpy()
            for name, gradient in zip(self._variables, found, strict=True)
        }
