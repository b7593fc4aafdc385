"""A sequence of outputs -> one vector.

Axes: N texts, T words, H hidden units.
"""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfsent")
class MaskedMean(keras.layers.Layer):
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

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, sequences, mask=None):
        """Return the mean."""
        h_NTH = ops.cast(sequences, self.variable_dtype)
        if mask is None:
            return ops.cast(ops.mean(h_NTH, axis=1), self.compute_dtype)
        mask_NT = ops.cast(mask, self.variable_dtype)
        steps_N1 = ops.maximum(ops.sum(mask_NT, axis=1, keepdims=True), 1.0)
        # A product would let NaN at a masked step through.
        valid_NT1 = ops.expand_dims(ops.cast(mask, "bool"), -1)
        h_NTH = ops.where(valid_NT1, h_NTH, ops.zeros_like(h_NTH))
        mean_NH = ops.sum(h_NTH, axis=1) / steps_N1
        return ops.cast(mean_NH, self.compute_dtype)

    def compute_mask(self, sequences, previous_mask=None):
        """Return none: there are no steps any more."""
        return None

    def compute_output_shape(self, sequences_shape):
        """Return the shape without its steps."""
        return (sequences_shape[0], sequences_shape[-1])
