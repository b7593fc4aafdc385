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
        left: `(state, reset) -> state` as `Equations.forward` returns it, within the
            last piece of a step.
        arrived: `(dafter) -> gradients` of the state after a step, within the first
            piece on its way back.
    """

    axis: int
    fuse: Callable[[Callable], Callable]
    forth: Callable[[Any, Any], Any]
    back: Callable[[Any, Any], Any]
    joined: Callable[..., Any]
    leading: Callable[[Any, int], Any]
    left: Callable[[list, Any], Any]
    arrived: Callable[[Any], list]

    def split(self, x, blocks: int) -> list:
        """Return the blocks of a tensor of one step, of equal size."""
        return ops.split(x, blocks, axis=self.axis)

    def concatenate(self, blocks: Sequence):
        """Return a tensor of one step from its blocks."""
        return ops.concatenate(list(blocks), axis=self.axis)

    def units(self, x, first: int, last: int | None = None):
        """Return some units of a tensor of one step."""
        return x[first:last] if self.axis == 0 else x[:, first:last]


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


class Arriving(NamedTuple):
    """The gradients of a state, as they reach a step from behind.

    Attributes:
        dh: Of the output of the step itself.
        reset: The lanes that began anew after the step; None if none did.
        dstate: Of the state that the next step read, of any dtype.
    """

    dh: Any
    reset: Any
    dstate: Sequence[Any]


def reset_state(reset, state) -> list:
    """Return a state, or its gradient, that is zero in the lanes that begin anew."""
    if reset is None:
        return list(state)
    return [ops.where(reset, ops.zeros_like(s), s) for s in state]


def _left_first(state, reset):
    return state, reset_state(reset, state)


def _arrived_first(arriving):
    dh, reset, dstate = arriving
    dstate = reset_state(reset, [ops.cast(d, dh.dtype) for d in dstate])
    return [dstate[0] + dh, *dstate[1:]]


LANES_LAST = Form(
    axis=0,
    fuse=lambda function: function,
    forth=lambda w_KI, x_IB: w_KI @ x_IB,
    back=lambda w_IK, d_KB: w_IK @ d_KB,
    joined=lambda *blocks: ops.concatenate(blocks, axis=0),
    leading=lambda dp_TPB, rows: dp_TPB[:, :rows],
    left=lambda state, reset: state,
    arrived=lambda dafter: dafter,
)
LANES_FIRST = Form(
    axis=1,
    fuse=fused,
    forth=lambda w_IK, x_BI: x_BI @ w_IK,
    back=_back_first,
    joined=lambda *blocks: blocks,
    leading=lambda dp, rows: dp[0],
    left=_left_first,
    arrived=_arrived_first,
)
