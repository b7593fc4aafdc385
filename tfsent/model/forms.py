"""The two forms in which a cell's equations are written, from one text.

- `LANES_LAST`: for a loop that XLA compiles as a whole. States are [H, B] and weights
  stand on the left of products, which is where XLA's are fast.
- `LANES_FIRST`: for steps whose products TensorFlow carries out one by one
  (`tfsent.model.unrolled`). States are [B, H], so that nothing has to be transposed
  before a window's products, and what lies between two products is one XLA program.

Axes: B lanes, H hidden units, I input rows and K columns of a weight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
from keras import ops


class Form(NamedTuple):
    """How to write equations.

    Attributes:
        axis: That of units in a tensor of one step.
        fuse: Makes of a function, element-wise on tensors, one program.
        forth: `(w, x) -> x w`: the product of a state or such with a weight, which is
            given as this form wants it.
        back: `(w, d) -> d w^T`, the gradient of x; w is [I, K].
        joined: Makes of the blocks of the input projection's gradient what
            `Equations.backward` returns.
        leading: `(dp, rows) -> d`: the first block of stacked ones, of so many units.
    """

    axis: int
    fuse: Callable[[Callable], Callable]
    forth: Callable[[Any, Any], Any]
    back: Callable[[Any, Any], Any]
    joined: Callable[..., Any]
    leading: Callable[[Any, int], Any]

    def split(self, x, blocks: int) -> list:
        """Return the blocks of a tensor of one step, of equal size."""
        return ops.split(x, blocks, axis=self.axis)

    def concatenate(self, blocks: Sequence):
        """Return a tensor of one step from its blocks."""
        return ops.concatenate(list(blocks), axis=self.axis)

    def units(self, x, first: int, last: int | None = None):
        """Return some units of a tensor of one step."""
        return x[first:last] if self.axis == 0 else x[:, first:last]


def wide(x):
    """Return `x`, as float32 if its type has 16 bits."""
    narrow = keras.backend.standardize_dtype(x.dtype) in ("float16", "bfloat16")
    return ops.cast(x, "float32") if narrow else x


def fused(function: Callable) -> Callable:
    """Return `function` as an XLA program of its own, where TensorFlow computes."""
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(function, jit_compile=True, autograph=False)


def _back_first(w_IK, d_BK):
    import tensorflow as tf

    # Not transposed beforehand: with 16 bits oneDNN is as fast as this (1.86 and 1.75
    # of the rate of float32, B=128, H=1024), with 32 it is not.
    return tf.matmul(d_BK, w_IK, transpose_b=True)


LANES_LAST = Form(
    axis=0,
    fuse=lambda function: function,
    forth=lambda w_KI, x_IB: w_KI @ x_IB,
    back=lambda w_IK, d_KB: w_IK @ d_KB,
    joined=lambda *blocks: ops.concatenate(blocks, axis=0),
    leading=lambda dp_TPB, rows: dp_TPB[:, :rows],
)
LANES_FIRST = Form(
    axis=1,
    fuse=fused,
    forth=lambda w_IK, x_BI: x_BI @ w_IK,
    back=_back_first,
    joined=lambda *blocks: blocks,
    leading=lambda dp, rows: dp[0],
)
