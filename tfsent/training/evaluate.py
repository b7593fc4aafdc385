"""Bits per character of a model on whole samples.

The score of a text depends on nothing but the text and the model: the state is
zero at the start of each sample, its first byte is given, and every other byte
is scored. Batch, window and order change only the speed.

Axes: B lanes, T time steps, V = 256 byte values.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

import numpy as np
import tensorflow as tf
from keras import ops
from tqdm import tqdm

from tfsent.data.batches import ScoreBatch
from tfsent.model.language_model import ByteLanguageModel
from tfsent.training.processes import Processes
from tfsent.training.results import Score


class Evaluator:
    """Scores text with a model; compiled once for each shape of a batch.

    Reads the model's weights anew at every call. Runs on one device of each process,
    under a strategy too.

    Args:
        model: The model.
        processes: Who scores together, each its own lanes. Default: this one alone.
    """

    def __init__(self, model: ByteLanguageModel, processes: Processes | None = None):
        self._model = model
        self._processes = processes or Processes()
        self._window_bits = tf.function(self._bits, jit_compile=True, autograph=False)

    def score(self, batches: Iterable[ScoreBatch]) -> Score:
        """Return the score of all windows together."""
        start_s = time.perf_counter()
        weights = [tf.identity(v.value) for v in self._model.trainable_variables]
        constants = [tf.identity(v.value) for v in self._model.non_trainable_variables]
        bits, scored, state = 0.0, 0, None
        # A bar on a terminal alone: a test of 32 MB takes a CPU a quarter of an hour.
        for batch in tqdm(batches, unit="window", leave=False, disable=None):
            own = self._processes.lanes(len(batch.bytes_BT1))
            batch = ScoreBatch(*(array[own] for array in batch))
            if state is None:
                state = self._model.zero_state(batch.bytes_BT1.shape[0])
            window_bits, state = self._window_bits(weights, constants, batch, state)
            # Windows are added up in float64 on the host.
            bits += float(window_bits)
            scored += int(batch.score_BT.sum())
        sums = self._processes.join_lanes(np.array([[bits, scored]], np.float64))
        bits, scored = sums[:, 0].sum(), int(sums[:, 1].sum())
        bpc = bits / scored if scored else math.nan
        return Score(bpc, scored, time.perf_counter() - start_s)

    def _bits(self, weights, constants, batch, state):
        """Return the bits of the scored bytes of a window, float32[], and the state."""
        bytes_BT1 = tf.cast(batch.bytes_BT1, tf.int32)
        (logits_BTV, state), _ = self._model.stateless_call(
            weights,
            constants,
            bytes_BT1[:, :-1],
            state=state,
            reset_BT=batch.reset_BT,
            return_state=True,
            training=False,
        )
        nats_BT = ops.sparse_categorical_crossentropy(
            bytes_BT1[:, 1:], logits_BTV, from_logits=True
        )
        nats_BT = tf.where(batch.score_BT, nats_BT, tf.zeros_like(nats_BT))
        return tf.reduce_sum(nats_BT) / math.log(2), state
