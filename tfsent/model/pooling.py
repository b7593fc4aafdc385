"""A sequence of outputs -> one vector.

A masked step may hold anything, NaN too: it reaches neither the vector nor a gradient.
A text without a valid step gives zeros.

Axes: N texts, T words, H hidden units, 1 an axis of size one.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class _Pooling(keras.layers.Layer):
    """Base of the layers that pool; they take a mask and hand none on."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, sequences, previous_mask=None):
        """Return none: there are no steps any more."""
        return None

    def compute_output_shape(self, sequences_shape):
        """Return the shape without its steps."""
        return (sequences_shape[0], sequences_shape[-1])


@keras.saving.register_keras_serializable(package="tfsent")
class MaskedMean(_Pooling):
    """Mean over the valid steps of a sequence.

        mean_n = sum_t mask_nt h_nt / sum_t mask_nt

    Sums are float32 under mixed precision: 2,000 steps of a state near 1 come close to
    the end of float16's whole numbers. A text without a valid step gives zeros (the
    source divides 0 by 0).

    Call arguments: `sequences` float[N, T, H]; `mask` bool[N, T] or numbers of 0 and
    1, by default that of the layer before; without one every step is valid.

    Call returns float[N, H], in the compute dtype. No mask goes on from here.

    Reference:
        LSTM tutorial of http://deeplearning.net/tutorial/lstm.html (LISA lab 2014),
        `lstm.py`, function `build_model`: `(proj * mask[:, :, None]).sum(axis=0)` over
        `mask.sum(axis=0)[:, None]`.
    """

    def call(self, sequences, mask=None):
        """Return the mean."""
        h_NTH = ops.cast(sequences, self.variable_dtype)
        if mask is None:
            return ops.cast(ops.mean(h_NTH, axis=1), self.compute_dtype)
        mask_NT = ops.cast(mask, self.variable_dtype)
        steps_N1 = ops.maximum(ops.sum(mask_NT, axis=1, keepdims=True), 1.0)
        mean_NH = ops.sum(_valid(h_NTH, mask), axis=1) / steps_N1
        return ops.cast(mean_NH, self.compute_dtype)


@keras.saving.register_keras_serializable(package="tfsent")
class MaskedMax(_Pooling):
    """Largest value of each unit over the valid steps of a sequence.

    Call arguments and result: as for `MaskedMean`. Where several steps share the
    largest value, they share its gradient.
    """

    def call(self, sequences, mask=None):
        """Return the largest values."""
        if mask is None:
            return ops.max(sequences, axis=1)
        valid_NT1 = ops.expand_dims(ops.cast(mask, "bool"), -1)
        lowest_NTH = ops.full_like(sequences, -float("inf"))
        max_NH = ops.max(ops.where(valid_NT1, sequences, lowest_NTH), axis=1)
        return ops.where(ops.any(valid_NT1, axis=1), max_NH, ops.zeros_like(max_NH))


@keras.saving.register_keras_serializable(package="tfsent")
class LastStep(_Pooling):
    """Output at the last valid step of a sequence, whichever side the padding is on.

    Call arguments and result: as for `MaskedMean`.
    """

    def call(self, sequences, mask=None):
        """Return the output at the last valid step."""
        if mask is None:
            return sequences[:, -1]
        step_T = ops.arange(ops.shape(sequences)[1], dtype="int32")
        step_NT = ops.where(ops.cast(mask, "bool"), step_T, -1)
        last_N1 = ops.max(step_NT, axis=1, keepdims=True)
        # Sums of one number and zeros: exact in any type.
        return ops.sum(_valid(sequences, ops.equal(step_T, last_N1)), axis=1)


@keras.saving.register_keras_serializable(package="tfsent")
class AttentionPooling(_Pooling):
    """Mean over the valid steps of a sequence, weighted by how they answer a vector.

        logit_t = h_t . attention
        e_t = exp(logit_t - max_s logit_s)
        weight_t = e_t / (epsilon + sum_s e_s)
        result = sum_t weight_t h_t

    Over valid steps, the maximum too: in the source that is over all steps, so that
    padding changes the last bits of the result (`epsilon` counts for more or less).
    Computed in float32 under mixed precision.

    Weights: `attention` (H, 1).

    Call arguments: `sequences` and `mask` as for `MaskedMean`; `return_attention`.

    Call returns float[N, H], in the compute dtype; with `return_attention`
    `(result, weights)`, weights float[N, T], 0 at masked steps.

    Args:
        epsilon: What is added to the sum: 1e-7 as in Keras DeepMoji, 0 as in torchMoji.
        initializer: Start of the weights; uniform between -0.05 and 0.05 as in the
            source.
        **kwargs: As for every Keras layer.

    Raises:
        ValueError: If `epsilon` is below 0.

    Reference:
        Felbo et al. 2017, arXiv:1708.00524, section 3.2; `attlayer.py` of DeepMoji.
    """

    def __init__(
        self, epsilon: float = 1e-7, initializer: Any = "random_uniform", **kwargs
    ):
        super().__init__(**kwargs)
        if not epsilon >= 0.0:
            raise ValueError(f"epsilon is {epsilon}; 0 or more will do.")
        self.epsilon = epsilon
        self.initializer = keras.initializers.get(initializer)

    def build(self, sequences_shape):
        """Create the weights."""
        self.attention = self.add_weight(
            shape=(sequences_shape[-1], 1),
            initializer=self.initializer,
            autocast=False,
            name="attention",
        )

    def call(self, sequences, mask=None, return_attention=False):
        """Return the weighted mean and, if asked for, the weights."""
        h_NTH = ops.cast(sequences, self.variable_dtype)
        if mask is not None:
            h_NTH = _valid(h_NTH, mask)
        attention_H1 = ops.convert_to_tensor(self.attention)
        logits_NT1 = ops.matmul(h_NTH, attention_H1)
        if mask is None:
            valid_NT1 = ops.ones_like(logits_NT1, "bool")
        else:
            valid_NT1 = ops.expand_dims(ops.cast(mask, "bool"), -1)
        any_N11 = ops.any(valid_NT1, axis=1, keepdims=True)
        lowest_NT1 = ops.full_like(logits_NT1, -float("inf"))
        logits_NT1 = ops.where(valid_NT1, logits_NT1, lowest_NT1)
        max_N11 = ops.max(logits_NT1, axis=1, keepdims=True)
        max_N11 = ops.where(any_N11, max_N11, ops.zeros_like(max_N11))
        e_NT1 = ops.exp(logits_NT1 - max_N11)
        sum_N11 = ops.sum(e_NT1, axis=1, keepdims=True) + self.epsilon
        sum_N11 = ops.where(any_N11, sum_N11, ops.ones_like(sum_N11))
        weight_NT1 = e_NT1 / sum_N11
        result_NH = ops.cast(ops.sum(weight_NT1 * h_NTH, axis=1), self.compute_dtype)
        if return_attention:
            return result_NH, ops.cast(weight_NT1[:, :, 0], self.compute_dtype)
        return result_NH

    def compute_output_spec(self, sequences, mask=None, return_attention=False):
        """Return shapes and types of the result."""
        N, T, H = sequences.shape
        result = keras.KerasTensor((N, H), self.compute_dtype)
        if return_attention:
            return result, keras.KerasTensor((N, T), self.compute_dtype)
        return result

    def get_config(self):
        """Return the arguments."""
        return super().get_config() | {
            "epsilon": self.epsilon,
            "initializer": keras.initializers.serialize(self.initializer),
        }


def _valid(h_NTH, mask_NT):
    """Return the sequences with zeros at masked steps."""
    # A product would let NaN through.
    valid_NT1 = ops.expand_dims(ops.cast(mask_NT, "bool"), -1)
    return ops.where(valid_NT1, h_NTH, ops.zeros_like(h_NTH))
