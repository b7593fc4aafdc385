"""The same model put together the plain Keras way, trained by `Model.fit`.

Axes: B lanes, T bytes in a window.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import keras
import numpy as np

from tfsent.config import NUM_BYTES, OptimizerConfig
from tfsent.data.batches import Batch
from tfsent.model import MLSTMCell


class Fitted(NamedTuple):
    """What a call of `fit` told."""

    seconds: float
    """Seconds a step, from the start of the first to the end of the last."""
    nats: float
    """Mean cross entropy of its steps, each before its update."""


class PlainKeras:
    """`keras.layers.RNN` over the plain cell, compiled and fitted with defaults.

    Fewer duties than a run has: every window starts from a zero state. What `fit`
    does around its steps (callbacks, input pipeline) is not in its seconds. Logits
    are float32 whatever the precision, as in this project's model.

    Args:
        batches: What it trains on, in turns; all of the same size.
        weights: Start weights, by their names in a weights file.
        weight_norm: Whether the matrices are weight-normalised.
    """

    def __init__(
        self,
        batches: Sequence[Batch],
        weights: Mapping[str, np.ndarray],
        *,
        weight_norm: bool,
    ):
        config = OptimizerConfig()
        cell = MLSTMCell(len(weights["layers/0/wh"]), weight_norm=weight_norm)
        embedding = keras.layers.Embedding(
            NUM_BYTES, weights["embedding/weight"].shape[1]
        )
        head = keras.layers.Dense(NUM_BYTES, dtype="float32")
        self._model = keras.Sequential(
            [
                keras.layers.Input(
                    batch_shape=batches[0].reset_BT.shape, dtype="int32"
                ),
                embedding,
                keras.layers.RNN(cell, return_sequences=True),
                head,
            ]
        )
        embedding.set_weights([weights["embedding/weight"]])
        head.set_weights([weights["output/weight"], weights["output/bias"]])
        for variable in cell.weights:
            variable.assign(weights[f"layers/0/{variable.name}"])
        self._model.compile(
            keras.optimizers.Adam(
                config.learning_rate, global_clipnorm=config.clip_norm
            ),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        self._batches = itertools.cycle(batches)

    def __call__(self, steps: int) -> float:
        """Train on the next `steps` batches; return the seconds a step."""
        return self.fit(list(itertools.islice(self._batches, steps))).seconds

    def fit(self, batches: Sequence[Batch]) -> Fitted:
        """Train once on each batch."""
        bytes_NT1 = np.concatenate([batch.bytes_BT1 for batch in batches])
        bytes_NT1 = bytes_NT1.astype(np.int32)
        watch = _StopWatch()
        history = self._model.fit(
            bytes_NT1[:, :-1],
            bytes_NT1[:, 1:],
            batch_size=len(batches[0].bytes_BT1),
            shuffle=False,
            verbose=0,
            callbacks=[watch],
        )
        return Fitted(
            (watch.end_s - watch.start_s) / len(batches), history.history["loss"][-1]
        )


class _StopWatch(keras.callbacks.Callback):
    """Looks at the clock before the first step and after each."""

    def on_train_batch_begin(self, batch, logs=None):
        if batch == 0:
            self.start_s = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])  # waits for the device
        self.end_s = time.perf_counter()
