"""Loss and gradients of one replica's batch, in the memory that there is.

Two ways to need less of it, both exact; together they nest:

- Portions: the lanes are read group by group, one after the other, and the
  gradients added up. Activations are those of one group.
- Segments: of a window only the states between its segments are kept. The way
  back goes from the last segment to the first and computes each one's activations
  anew, those of the head included. About sqrt(T) bytes a segment takes the least
  memory.

Axes: B lanes of one replica, T time steps, V = 256 byte values.
"""

from __future__ import annotations

import tensorflow as tf
from keras import ops

from tfsent.model.forms import fused
from tfsent.model.language_model import ByteLanguageModel


def mean_nats(logits_BTV, targets_BT):
    """Return the mean cross entropy in nats a byte, float32[].

    Args:
        logits_BTV: float32[B, T, 256].
        targets_BT: int32[B, T].
    """
    nats_BT = ops.sparse_categorical_crossentropy(
        targets_BT, logits_BTV, from_logits=True
    )
    return ops.mean(nats_BT)


class BatchGradients:
    """Loss, gradients and new state of a batch, as a function of plain tensors.

    Args:
        model: The model, built.
        portions: Groups of lanes that are read one after the other; a divisor of B.
        segment: Bytes of a segment, a divisor of T; None keeps all activations.
    """

    def __init__(
        self, model: ByteLanguageModel, portions: int = 1, segment: int | None = None
    ):
        self._model = model
        self._portions = portions
        self._segment = segment

    def __call__(self, weights, seeds, bytes_BT1, reset_BT, state, scale):
        """Return `(mean nats, gradients of nats times scale, new state)`.

        Args:
            weights: The trainable weights, in the model's order.
            seeds: For each portion the state of every seed generator.
            bytes_BT1: int32[B, T+1].
            reset_BT: bool[B, T].
            state: As the model's `zero_state` gives it.
            scale: float32[]. The loss scale.
        """
        if self._portions == 1:
            return self._of_lanes(weights, seeds[0], bytes_BT1, reset_BT, state, scale)
        num = self._portions
        seeds = [tf.stack(generator) for generator in zip(*seeds, strict=True)]
        batch = (bytes_BT1, reset_BT, state)
        grouped = tf.nest.map_structure(lambda a: _split(a, num), batch)

        def body(k, nats, gradients, new_state):
            bytes_BT1, reset_BT, state = tf.nest.map_structure(lambda a: a[k], grouped)
            part, more, state = self._of_lanes(
                weights, [s[k] for s in seeds], bytes_BT1, reset_BT, state, scale
            )
            new_state = tf.nest.map_structure(
                lambda all_, own: ops.slice_update(all_, (k, 0, 0), own[None]),
                new_state,
                state,
            )
            gradients = [a + b for a, b in zip(gradients, more, strict=True)]
            return k + 1, nats + part, gradients, new_state

        start = (
            tf.zeros([], tf.int32),
            tf.zeros([]),
            [tf.zeros_like(w) for w in weights],
            tf.nest.map_structure(tf.zeros_like, grouped[2]),
        )
        _, nats, gradients, new_state = tf.while_loop(
            lambda k, *_: k < num, body, start
        )
        new_state = tf.nest.map_structure(_joined, new_state)
        return nats / num, [g / num for g in gradients], new_state

    def _of_lanes(self, weights, seeds, bytes_BT1, reset_BT, state, scale):
        """Return what a call returns, for lanes that are read together."""
        window = reset_BT.shape[1]
        segment = self._segment or window
        if segment == window:
            return self._of_segment(
                weights, seeds, bytes_BT1, reset_BT, state, scale, None
            )
        num = window // segment

        def read(k):
            at, lanes = k * segment, bytes_BT1.shape[0]
            return (
                [tf.stack([s[0], s[1] + self._draws(k)]) for s in seeds],
                tf.slice(bytes_BT1, [0, at], [lanes, segment + 1]),
                tf.slice(reset_BT, [0, at], [lanes, segment]),
            )

        # Before each segment; the state after the last one comes on the way back.
        borders = tf.nest.map_structure(
            lambda s: ops.slice_update(
                tf.zeros([num, *s.shape], s.dtype), (0, 0, 0), s[None]
            ),
            state,
        )

        def forward(k, state, borders):
            own_seeds, bytes_BS1, reset_BS = read(k)
            # What only the logits need XLA does not compute.
            _, state = self._read(weights, own_seeds, bytes_BS1, reset_BS, state)
            borders = tf.nest.map_structure(
                lambda all_, s: ops.slice_update(all_, (k + 1, 0, 0), s[None]),
                borders,
                state,
            )
            return k + 1, state, borders

        zero = tf.zeros([], tf.int32)
        _, last, borders = tf.while_loop(
            lambda k, *_: k < num - 1, forward, (zero, state, borders)
        )

        def backward(k, nats, gradients, dstate, after):
            own_seeds, bytes_BS1, reset_BS = read(k)
            before = tf.nest.map_structure(lambda all_: all_[k], borders)
            part, more, state = self._of_segment(
                weights, own_seeds, bytes_BS1, reset_BS, before, scale / num, dstate
            )
            more, dstate = more[: len(weights)], more[len(weights) :]
            gradients = [a + b for a, b in zip(gradients, more, strict=True)]
            # The first segment taken is the last one of the window.
            is_last = tf.equal(k, num - 1)
            after = tf.nest.map_structure(
                lambda new, old: tf.where(is_last, new, old), state, after
            )
            return k - 1, nats + part, gradients, dstate, after

        _, nats, gradients, _, after = tf.while_loop(
            lambda k, *_: k >= 0,
            backward,
            (
                zero + num - 1,
                tf.zeros([]),
                [tf.zeros_like(w) for w in weights],
                [tf.zeros_like(s) for s in tf.nest.flatten(state)],
                tf.nest.map_structure(tf.zeros_like, last),
            ),
        )
        return nats / num, gradients, after

    def _draws(self, segments):
        """Return how many dropout masks so many segments draw: one a layer."""
        # A generator counts its draws in its second number.
        return tf.cast(segments * self._model.config.layers, tf.uint32)

    def _of_segment(self, weights, seeds, bytes_BT1, reset_BT, state, scale, dstate):
        """Return `(mean nats, gradients, new state)` of bytes that are kept whole.

        With `dstate`, the gradient of the new state, a tensor each, the gradients
        have those of the old state behind them.
        """
        with tf.GradientTape() as tape:
            tape.watch((weights, state))
            logits_BTV, new_state = self._read(
                weights, seeds, bytes_BT1, reset_BT, state
            )
            loss = fused(mean_nats) if self._model.unrolled else mean_nats
            nats = loss(logits_BTV, bytes_BT1[:, 1:])
            scaled = nats * scale
        if dstate is None:
            return nats, tape.gradient(scaled, weights), new_state
        gradients = tape.gradient(
            [scaled, *tf.nest.flatten(new_state)],
            [*weights, *tf.nest.flatten(state)],
            [tf.ones([]), *dstate],
        )
        return nats, gradients, new_state

    def _read(self, weights, seeds, bytes_BT1, reset_BT, state):
        """Return the logits after each byte but the last, and the state."""
        found, _ = self._model.stateless_call(
            weights,
            seeds,
            bytes_BT1[:, :-1],
            state=state,
            reset_BT=reset_BT,
            return_state=True,
            training=True,
        )
        return found


def _split(array, num: int):
    """Return lanes (axis 0) as groups of them: [num, B / num, ...]."""
    return tf.reshape(array, [num, array.shape[0] // num, *array.shape[1:]])


def _joined(array):
    return tf.reshape(array, [-1, *array.shape[2:]])
