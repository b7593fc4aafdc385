"""Keras without this project's layers: `SimpleRNN`, `LSTM` and `GRU` on TensorFlow.

One `tf.function` for all lengths, without XLA: compiled by it an update of an LSTM
(32 texts of 200 words, one core of Zen 3, least of nine in turns) took 128 ms instead
of 80 at 64 units and 366 instead of 282 at 128, after 5 s of compiling a length. No
mask goes into the layers: padding stands after the words, so that none that reads
forward needs to know of it, and the mean leaves it out; the figures above are with a
mask, without one 69 and 269 ms.

Axes: N texts, T words, H units, K classes, 1 an axis of size one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from compare.runners.facts import RunnerFacts
from compare.runners.keras_plain import to_keras
from compare.study.networks import CLASSES, Network, without_side
from compare.study.system_keras import TensorFlowThreads
from tfsent.data.word_batches import Batch

RUNNERS = (
    RunnerFacts(
        name="keras-layers",
        what="keras.layers.SimpleRNN, LSTM or GRU in one tf.function, without XLA",
        models=("rnn", "lstm", "gru"),
        tasks=(),
        precisions=("float32",),
        packages=("tensorflow", "keras", "numpy"),
        modules=("tensorflow", "keras"),
    ),
)


def open_side(name: str) -> KerasLayers:
    """Open TensorFlow."""
    return KerasLayers()


class KerasLayers(TensorFlowThreads):
    """Keras without this project's layers."""

    def learner(
        self, network: Network, num_words: int, weights: Mapping[str, np.ndarray]
    ) -> _Learner:
        """Return a network with start weights."""
        return _Learner(network, num_words, weights)


class _Learner:
    """The update that a user of Keras on TensorFlow would write."""

    def __init__(
        self, network: Network, num_words: int, weights: Mapping[str, np.ndarray]
    ):
        import keras
        import tensorflow as tf

        from tfsent.supervised.keras_learner import EPSILON

        layers, width = keras.layers, network.width
        kind = {"rnn": layers.SimpleRNN, "lstm": layers.LSTM, "gru": layers.GRU}
        self._tf = tf
        self._embedding = layers.Embedding(num_words, width)
        self._recurrent = [
            kind[network.cell](width, return_sequences=True)
            for _ in range(network.depth)
        ]
        self._output = layers.Dense(CLASSES)
        words_NT = keras.Input((None,), dtype="int32")
        h_NTH = self._embedding(words_NT)
        for layer in self._recurrent:
            h_NTH = layer(h_NTH)
        self._read = keras.Model(words_NT, h_NTH)
        self._output.build((None, width))
        self._fill(weights, network.classifier().cell)
        self._variables = [
            *self._read.trainable_variables,
            *self._output.trainable_variables,
        ]
        self._optimizer = keras.optimizers.Adam(1.0, epsilon=EPSILON["adam"])
        self._optimizer.build(self._variables)
        spec = tf.TensorSpec
        given = [spec([None, None], tf.int32), spec([None, None], tf.bool)]
        self._said = tf.function(self._logits, given)
        more = [spec([None], tf.int32), spec([None], tf.float32), spec([], tf.float32)]
        self._run = tf.function(self._update, given + more)

    def _fill(self, weights: Mapping[str, np.ndarray], cell: str) -> None:
        arrays = to_keras(without_side(weights), cell)
        self._embedding.embeddings.assign(arrays["embedding/weight"])
        self._output.kernel.assign(arrays["output/weight"])
        self._output.bias.assign(arrays["output/bias"])
        for k, layer in enumerate(self._recurrent):
            for name in ("kernel", "recurrent_kernel", "bias"):
                getattr(layer.cell, name).assign(arrays[f"layers/{k}/{name}"])

    def update(self, batch: Batch, rate: float, number: int) -> float:
        """Update the weights once and return the batch's loss."""
        tf = self._tf
        labels_N = tf.constant(batch.labels, tf.int32)
        loss = self._run(
            batch.words_NT, batch.mask_NT, labels_N, batch.weight_N, np.float32(rate)
        )
        return float(loss)

    def outputs(self, batch: Batch) -> np.ndarray:
        """Return the logits, float32[N, K]."""
        logits_NK: np.ndarray = self._said(batch.words_NT, batch.mask_NT).numpy()
        return logits_NK

    def _logits(self, words_NT: Any, mask_NT: Any) -> Any:
        tf = self._tf
        mask_NT1 = tf.cast(mask_NT[:, :, None], tf.float32)
        steps_N1 = tf.maximum(tf.reduce_sum(mask_NT1, axis=1), 1.0)
        h_NTH = self._read(words_NT)
        return self._output(tf.reduce_sum(h_NTH * mask_NT1, axis=1) / steps_N1)

    def _update(
        self, words_NT: Any, mask_NT: Any, labels_N: Any, weight_N: Any, rate: Any
    ) -> Any:
        tf = self._tf
        with tf.GradientTape() as tape:
            each_N = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels_N, self._logits(words_NT, mask_NT)
            )
            loss = tf.reduce_sum(each_N * weight_N) / tf.reduce_sum(weight_N)
        gradients = tape.gradient(loss, self._variables)
        # The embedding's as a whole matrix: Adam moves every row, as elsewhere.
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        self._optimizer.learning_rate.assign(rate)
        self._optimizer.apply(gradients, self._variables)
        return loss
