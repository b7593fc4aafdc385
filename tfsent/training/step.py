"""One compiled update: loss, gradients, apply, new state.

What the order of things in a replica guards against, under tf.distribute:

1. Gradients are averaged over the replicas first, once. Keras clips before the
   sum, and its loss scaling looks at the first replica's own gradients alone.
2. Then they are tested for finiteness and clipped; all replicas hold the same
   numbers, so all skip or none.
3. The gradient of a replica is an XLA program of plain tensors, weights in,
   gradients out: a compiled function must not touch a mirrored variable.

Axes: B lanes of one replica, T time steps, V = 256 byte values.
"""

from __future__ import annotations

import math

import keras
import tensorflow as tf
from keras import ops

from tfsent.config import MAX_LOSS_SCALE, MIN_LOSS_SCALE
from tfsent.model.language_model import ByteLanguageModel
from tfsent.training.gradients import BatchGradients
from tfsent.training.optimizer import clip_by_global_norm
from tfsent.training.precision import loss_scale_of
from tfsent.training.results import StepResult

# Draws of a dropout mask that a step may take before they meet the next step's.
_DRAWS_PER_STEP = 1024


class TrainStep:
    """The update of a language model under a strategy; call it once a batch.

    Args:
        model: The model, built under `strategy.scope()`.
        optimizer: From `make_optimizer`, built for the model's trainable variables.
        strategy: Where to compute.
        clip_norm: Largest global norm of the averaged gradient; 0 for no clipping.
        seed: Seed of dropout. The masks of a step follow from it, the step and
            the replica, so that resuming needs no random state.
        accumulation_steps: Portions of a replica's lanes that are computed one
            after the other; their number must divide the lanes.
        recompute_segment: Bytes of a segment whose activations are computed anew on
            the way back, a divisor of T; None keeps all of them.
    """

    def __init__(
        self,
        model: ByteLanguageModel,
        optimizer: keras.optimizers.Optimizer,
        strategy: tf.distribute.Strategy,
        *,
        clip_norm: float,
        seed: int,
        accumulation_steps: int = 1,
        recompute_segment: int | None = None,
    ):
        self._model = model
        self._portions = accumulation_steps
        self._batch_gradients = BatchGradients(
            model, accumulation_steps, recompute_segment
        )
        self._optimizer = optimizer
        self._strategy = strategy
        self._clip_norm = clip_norm or math.inf
        self._seed = seed
        self._gradients = tf.function(
            self._loss_and_gradients,
            jit_compile=not model.unrolled,
            autograph=False,
        )
        self._run = tf.function(self._on_all_replicas, autograph=False)

    def __call__(self, bytes_BT1, reset_BT, state, step: int):
        """Update the model once and return what came of it.

        Args:
            bytes_BT1: uint8[B, T+1], dealt to the replicas by `scatter`.
            reset_BT: bool[B, T], dealt.
            state: Carried state, dealt.
            step: Updates before this one.

        Returns:
            `(StepResult, state)`, the state still dealt to the replicas.
        """
        return self._run(bytes_BT1, reset_BT, state, tf.constant(step, tf.int64))

    def gradients(self, bytes_BT1, reset_BT, state):
        """Return the gradient of the mean loss for each of the trainable variables.

        By the program that updates use, on one replica, neither scaled nor clipped;
        nothing is changed. Arguments as for a call.
        """
        _, gradients, _ = self._gradients(
            [tf.identity(v.value) for v in self._model.trainable_variables],
            self._seeds(tf.constant(0, tf.int64), 0),
            bytes_BT1,
            reset_BT,
            state,
            tf.ones([]),
        )
        return gradients

    def _on_all_replicas(self, bytes_BT1, reset_BT, state, step):
        scale = loss_scale_of(self._optimizer)
        used = tf.ones([]) if scale is None else tf.identity(scale.value)
        rate = tf.cast(self._optimizer.learning_rate, tf.float32)
        result, state = self._strategy.run(
            self._on_replica, args=(bytes_BT1, reset_BT, state, step)
        )
        if scale is not None:
            scale.assign(ops.clip(scale, MIN_LOSS_SCALE, MAX_LOSS_SCALE))
        # Equal on all replicas.
        bpc, norm = (self._strategy.experimental_local_results(r)[0] for r in result)
        finite = tf.math.is_finite(norm)
        return StepResult(bpc, norm, finite, rate, used), state

    def _on_replica(self, bytes_BT1, reset_BT, state, step):
        context = tf.distribute.get_replica_context()
        variables = self._model.trainable_variables
        scale = loss_scale_of(self._optimizer)
        scale = tf.ones([]) if scale is None else tf.identity(scale.value)
        nats, gradients, state = self._gradients(
            [tf.identity(v.value) for v in variables],
            self._seeds(step, context.replica_id_in_sync_group),
            bytes_BT1,
            reset_BT,
            state,
            scale,
        )
        if context.num_replicas_in_sync > 1:
            nats, *gradients = context.all_reduce(
                tf.distribute.ReduceOp.MEAN, [nats, *gradients]
            )
        gradients, norm = clip_by_global_norm(gradients, self._clip_norm * scale)
        self._optimizer.apply(gradients, variables)
        return (nats / math.log(2), norm / scale), state

    def _seeds(self, step, replica):
        """Return the state of every seed generator for one step of one replica.

        A list for each portion: those of R replicas with K portions each are those
        of R * K replicas.
        """
        step = tf.cast(step * _DRAWS_PER_STEP % 2**32, tf.uint32)
        first = self._portions * replica + 1
        return [
            [
                tf.stack(
                    [tf.cast(self._seed + 65537 * (first + p) + k, tf.uint32), step]
                )
                for k, _ in enumerate(self._model.non_trainable_variables)
            ]
            for p in range(self._portions)
        ]

    def _loss_and_gradients(self, weights, seeds, bytes_BT1, reset_BT, state, scale):
        """Return `(mean nats, gradients times scale, new state)` of one replica."""
        nats, gradients, state = self._batch_gradients(
            weights, seeds, tf.cast(bytes_BT1, tf.int32), reset_BT, state, scale
        )
        if loss_scale_of(self._optimizer) is not None:
            # The update is skipped and forgotten; a lane that overflowed must not
            # carry NaN into every step after it.
            state = tf.nest.map_structure(_finite_lanes, state)
        return nats, gradients, state


def _finite_lanes(state_BH):
    """Return the state with every lane that is not finite set to zero."""
    finite_B1 = tf.reduce_all(tf.math.is_finite(state_BH), axis=1, keepdims=True)
    return tf.where(finite_B1, state_BH, tf.zeros_like(state_BH))
