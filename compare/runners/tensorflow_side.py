"""What all runners on TensorFlow have in common, whichever version.

Runs in old environments too: NumPy and TensorFlow alone.

Axes: N batches, B lanes, T bytes in a window, V = 256 byte values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from compare.runners.training import Training


class TensorFlowSide:
    """TensorFlow, opened."""

    def __init__(self) -> None:
        import tensorflow as tf

        self._tf = tf
        self._gpus = tf.config.list_physical_devices("GPU")
        self.device = "gpu" if self._gpus else "cpu"

    def product(self, side: int) -> tuple[Callable[[], object], Callable[[], object]]:
        """Return a float32 product of square matrices, and what waits for it."""
        tf = self._tf
        a, b = (tf.random.stateless_normal((side, side), (0, k)) for k in (1, 2))
        result = tf.Variable(tf.zeros((side, side)))
        product = tf.function(lambda: result.assign(tf.matmul(a, b)))
        return product, lambda: float(result[0, 0])

    def memory(self) -> dict[str, int]:
        """Return the most memory of the GPU so far."""
        if not self._gpus:
            return {}
        info = self._tf.config.experimental.get_memory_info("GPU:0")
        return {"peak_device_bytes": int(info["peak"])}


class BatchTraining(Training):
    """`train_on_batch` of a sequential model of Keras 2 or 3.

    Args:
        keras: That Keras.
        recurrent: The layers between embedding and output.
        config: A `RunConfig` as nested dictionaries.
        optimizer: Made by `keras.optimizers` or like them.
        bytes_NBT1: What is trained on.
        **options: Of `Model.compile`.

    Attributes:
        variables: Every weight by a name of the runner's choice; it adds those of the
            recurrent layers, which come after `embedding/weight` and `output/...`.
        values: Start value of each, by the same names.
    """

    def __init__(
        self,
        keras: Any,
        recurrent: list[Any],
        config: Mapping[str, Any],
        optimizer: Any,
        bytes_NBT1: np.ndarray,
        **options: bool,
    ):
        bytes_NBT1 = bytes_NBT1.astype(np.int32)
        self._batches = [(each[:, :-1], each[:, 1:]) for each in bytes_NBT1]
        embedding = keras.layers.Embedding(256, config["model"]["embedding_size"])
        head = keras.layers.Dense(256)
        shape = self._batches[0][0].shape
        inputs = keras.layers.Input(batch_shape=shape, dtype="int32")
        self._model = keras.Sequential([inputs, embedding, *recurrent, head])
        self._loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self._model.compile(optimizer, self._loss, **options)
        self.variables = {
            "embedding/weight": embedding.embeddings,
            "output/weight": head.kernel,
            "output/bias": head.bias,
        }
        self.values: Mapping[str, np.ndarray] = {}

    def update(self, k: int) -> Any:
        """Make one update with batch `k`; return its loss."""
        return self._model.train_on_batch(*self._batches[k])

    def nats(self, loss: Any) -> float:
        """Return a loss of `update`, mean nats a byte."""
        return float(loss)

    def restore(self) -> None:
        """Put the start weights back."""
        for name, variable in self.variables.items():
            variable.assign(self.values[name])

    def logits(self) -> np.ndarray:
        """Return the logits of batch 0, float32[B, T, V]."""
        return np.asarray(self._model(self._batches[0][0]))

    def gradients(self) -> Mapping[str, np.ndarray]:
        """Return the gradient of the mean loss of batch 0, by the runner's names."""
        import tensorflow as tf

        x_BT, y_BT = self._batches[0]
        with tf.GradientTape() as tape:
            nats = self._loss(y_BT, self._model(x_BT, training=True))
        found = tape.gradient(nats, list(self.variables.values()))
        return {
            name: tf.convert_to_tensor(gradient).numpy()
            for name, gradient in zip(self.variables, found, strict=True)
        }
