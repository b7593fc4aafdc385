"""The model as a graph of its own: no weight normalisation, no Keras, all lengths.

Texts are sorted by length and read in windows; only those that go on are read, and
within its last window a text's state is frozen at its end. Memory is the state,
the pooled values and one window of bytes, whatever the length. Equations are the
model's own (`Equations.forward`), with lanes in the last axis.

Axes: N texts or lanes, T time steps, H hidden units, P columns of an input
projection, V = 256 byte values, 1 an axis of size one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfsent.model.language_model import ByteLanguageModel
from tfsent.model.recurrent_layer import RecurrentLayer
from tfsent.transfer.feature import STATES, Part

_WINDOW = 64
State = list[list[Any]]
"""For each layer its state tensors, float32[H, N], h first."""


class Read(NamedTuple):
    """What was made of texts.

    Attributes:
        pooled: For each part float32[N, H].
        bits: float64[N]. What all bytes but the first cost; zeros if not asked for.
    """

    pooled: list[Any]
    bits: Any


class Reader(tf.Module):
    """A language model that reads bytes, its weights stored once.

    Args:
        model: The model; its weights are copied and folded.

    Attributes:
        config: Shape of the model.
        decoder: Whether there are logits.
    """

    def __init__(self, model: ByteLanguageModel):
        super().__init__(name="reader")
        self.config = model.config
        self.decoder = model.decoder
        embedding_VE = keras.ops.convert_to_numpy(model.embedding)
        self.layers = [
            _Layer(layer, embedding_VE if k == 0 else None)
            for k, layer in enumerate(model.recurrent_layers)
        ]
        if not self.decoder:
            return
        output_VH = (
            embedding_VE
            if model.config.tied_embedding
            else keras.ops.convert_to_numpy(model.output_weight).T
        )
        self.output_VH = _variable(output_VH, "output_weight")
        bias_V = keras.ops.convert_to_numpy(model.output_bias)
        self.output_V1 = _variable(bias_V[:, None], "output_bias")

    @property
    def num_states(self) -> int:
        """State tensors of a layer: 2 with a cell state, else 1."""
        return self.layers[0].equations.num_states

    def step(self, byte_N: Any, state: State) -> State:
        """Return the state after one byte more of each lane."""
        after, below_HN = [], None
        for layer, layer_state in zip(self.layers, state, strict=True):
            p_PN = layer.of_bytes(byte_N) if below_HN is None else layer.of(below_HN)
            weights_t = [tf.convert_to_tensor(w) for w in layer.recurrent]
            layer_state, _ = layer.equations.forward(p_PN, layer_state, weights_t)
            below_HN = layer_state[0]
            after.append(list(layer_state))
        return after

    def logits(self, state: State) -> Any:
        """Return the logits of the next byte, float32[N, V]."""
        return tf.transpose(self.output_VH @ state[-1][0] + self.output_V1)

    def zero_state(self, lanes: Any) -> State:
        """Return the state before any byte."""
        zeros_HN = tf.zeros([self.config.hidden_size, lanes])
        return [[zeros_HN] * self.num_states for _ in self.layers]

    def read(self, text_N: Any, parts: Sequence[Part], score: bool = False) -> Read:
        """Return what reading whole texts gives, from zero states.

        Args:
            text_N: string[N]. Bytes as the model reads them, none empty.
            parts: What to pool.
            score: Whether to return what predicting the bytes costs.
        """
        length_N = tf.strings.length(text_N)
        order_N = tf.argsort(length_N, direction="DESCENDING", stable=True)
        text_N, length_N = tf.gather(text_N, order_N), tf.gather(length_N, order_N)
        lanes = tf.shape(text_N)[0]
        carried = (self.zero_state(lanes), self._pools(parts, lanes), _nothing(lanes))

        def window(start: Any, carried: Any) -> Any:
            going = tf.reduce_sum(tf.cast(length_N > start, tf.int32))
            first = tf.nest.map_structure(lambda v: v[..., :going], carried)
            rest = tf.nest.map_structure(lambda v: v[..., going:], carried)
            # One byte more: the last one of the window predicts it.
            chunk_N = tf.strings.substr(
                text_N[:going], tf.fill([going], start), tf.fill([going], _WINDOW + 1)
            )
            bytes_NT = tf.io.decode_raw(chunk_N, tf.uint8, fixed_length=_WINDOW + 1)
            bytes_TN = tf.transpose(tf.cast(bytes_NT, tf.int32))
            left_N = length_N[:going] - start
            first = self._window(bytes_TN, left_N, parts, score, first)
            joined = tf.nest.map_structure(
                lambda a, b: tf.concat([a, b], -1), first, rest
            )
            return start + _WINDOW, joined

        longest = tf.reduce_max(tf.concat([length_N, [0]], 0))
        _, (state, pools, bits_N) = tf.while_loop(
            lambda start, _: start < longest,
            window,
            (tf.constant(0), carried),
            parallel_iterations=1,
        )
        back_N = tf.argsort(order_N)
        pooled = [
            tf.gather(tf.transpose(_finish(part, v_HN, state, length_N)), back_N)
            for part, v_HN in zip(parts, pools, strict=True)
        ]
        return Read(pooled, tf.gather(bits_N, back_N))

    def read_one(self, bytes_T: Any, parts: Sequence[Part]) -> list[Any]:
        """Return for each part what reading one text gives, float32[1, H].

        In the plainest operations: a loop over single bytes, no text, no sorting.

        Args:
            bytes_T: uint8[T]. At least one byte, as the model reads it.
            parts: What to pool.
        """
        length = tf.shape(bytes_T)[0]
        bytes_T1 = tf.cast(bytes_T, tf.int32)[:, None]

        def step(t: Any, state: State, pools: list[Any]) -> Any:
            state = self.step(tf.gather(bytes_T1, t), state)
            pools = [
                _pool(part, v_H1, state)
                for part, v_H1 in zip(parts, pools, strict=True)
            ]
            return t + 1, state, pools

        _, state, pools = tf.while_loop(
            lambda t, *_: t < length,
            step,
            (tf.constant(0), self.zero_state(1), self._pools(parts, 1)),
            parallel_iterations=1,
        )
        return [
            tf.transpose(_finish(part, v_H1, state, length))
            for part, v_H1 in zip(parts, pools, strict=True)
        ]

    def _window(
        self, bytes_TN: Any, left_N: Any, parts: Sequence[Part], score: bool, carry: Any
    ) -> Any:
        """Return what is carried after a window; `left_N` bytes are left."""

        def step(t: Any, carry: Any) -> Any:
            before, pools, bits_N = carry
            going_1N = (t < left_N)[None]
            state = tf.nest.map_structure(
                lambda new, old: tf.where(going_1N, new, old),
                self.step(bytes_TN[t], before),
                before,
            )
            pools = [
                tf.where(going_1N, _pool(part, v_HN, state), v_HN)
                for part, v_HN in zip(parts, pools, strict=True)
            ]
            if score:
                nats_N = tf.nn.sparse_softmax_cross_entropy_with_logits(
                    bytes_TN[t + 1], self.logits(state)
                )
                scored_N = t + 1 < left_N
                nats_N = tf.where(scored_N, nats_N, tf.zeros_like(nats_N))
                bits_N += tf.cast(nats_N, tf.float64) / math.log(2)
            return t + 1, (state, pools, bits_N)

        steps = tf.minimum(left_N[0], _WINDOW)  # The first text is the longest.
        _, carry = tf.while_loop(
            lambda t, _: t < steps, step, (tf.constant(0), carry), parallel_iterations=1
        )
        return carry

    def _pools(self, parts: Sequence[Part], lanes: Any) -> list[Any]:
        """Return the start of each part's pooled values."""
        # Finite, since a converter may spell a choice as a product with 0.
        start = {"mean": 0.0, "max": tf.float32.min, "min": tf.float32.max}
        pools = []
        for part in parts:
            if part.pooling == "last":  # The state itself.
                pools.append(tf.zeros([0, lanes]))
                continue
            # A sum has as many rows again for what its additions lost.
            rows = self.config.hidden_size * (2 if part.pooling == "mean" else 1)
            pools.append(tf.fill([rows, lanes], tf.constant(start[part.pooling])))
        return pools


class _Layer(tf.Module):
    """The weights of one layer as its equations take them.

    Args:
        layer: The layer.
        embedding_VE: Embeddings, if the layer reads bytes: their projections are
            stored, 256 rows, and nothing else of the way in.
    """

    def __init__(self, layer: RecurrentLayer, embedding_VE: np.ndarray | None):
        super().__init__(name=layer.name)
        self.equations = layer.equations
        weights = layer.folded()
        if embedding_VE is not None:
            table_VP = layer.project(tf.constant(embedding_VE), weights)
            self.table_VP = _variable(table_VP, "table")
        else:
            w_EP = np.concatenate([weights[w.name] for w in layer.inputs], axis=1)
            b_1P = layer.project(tf.zeros([1, len(w_EP)]), weights)
            self.input_PE = _variable(w_EP.T, "input")
            self.input_P1 = _variable(tf.transpose(b_1P), "input_bias")
        self.recurrent = [
            _variable(w.T if w.ndim == 2 else w[:, None], weight.name)
            for weight in layer.recurrent + layer.recurrent_biases
            for w in [weights[weight.name]]
        ]

    def of_bytes(self, byte_N: Any) -> Any:
        """Return the projections of bytes, float32[P, N]."""
        # Read as a whole first: LiteRT cannot gather from a variable in a loop.
        table_VP = tf.convert_to_tensor(self.table_VP)
        return tf.transpose(tf.gather(table_VP, tf.cast(byte_N, tf.int32)))

    def of(self, below_HN: Any) -> Any:
        """Return the projections of the layer below, float32[P, N]."""
        return self.input_PE @ below_HN + self.input_P1


def _variable(value: Any, name: str) -> tf.Variable:
    return tf.Variable(value, trainable=False, dtype=tf.float32, name=name)


def _nothing(lanes: Any) -> Any:
    return tf.zeros([lanes], tf.float64)


def _of_part(part: Part, state: State) -> Any:
    return state[part.layer][STATES.index(part.state)]


def _pool(part: Part, v_HN: Any, state: State) -> Any:
    """Return pooled values with one step more."""
    if part.pooling == "last":
        return v_HN
    x_HN = _of_part(part, state)
    if part.pooling == "mean":
        # Kahan's sum: plain float32 is off in the fifth digit after 100 kB of text,
        # and LiteRT adds no float64.
        sum_HN, lost_HN = tf.split(v_HN, 2, axis=0)
        x_HN -= lost_HN
        total_HN = sum_HN + x_HN
        return tf.concat([total_HN, (total_HN - sum_HN) - x_HN], 0)
    return (tf.maximum if part.pooling == "max" else tf.minimum)(v_HN, x_HN)


def _finish(part: Part, v_HN: Any, state: State, length_N: Any) -> Any:
    if part.pooling == "last":
        return _of_part(part, state)
    if part.pooling == "mean":
        sum_HN, _ = tf.split(v_HN, 2, axis=0)
        return sum_HN / tf.cast(length_N, tf.float32)
    return v_HN
