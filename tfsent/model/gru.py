"""The gated recurrent unit: one step and its gradient, and the layer.

    z_t = sigmoid(x_t wx_z + b_z + h_{t-1} wh_z + bh_z)
    r_t = sigmoid(x_t wx_r + b_r + h_{t-1} wh_r + bh_r)
    n_t = tanh(x_t wx_n + b_n + r_t * (h_{t-1} wh_n + bh_n))
    h_t = z_t * h_{t-1} + (1 - z_t) * n_t

The reset gate acts after the product, as `reset_after=True` in Keras and as in
cuDNN and PyTorch.

Axes: B lanes, T time steps, H hidden units, P = 3 H columns: z, r, n.

Reference:
    Cho et al. 2014, arXiv:1406.1078, version 1.
"""

from __future__ import annotations

import functools

import keras
from keras import ops

from tfsent.model.activations import gate_of
from tfsent.model.gated_layer import GatedLayer
from tfsent.model.recurrence import Equations
from tfsent.model.recurrent_layer import Weight


def _forward(gate, p_PB, before, weights_t):
    (h_HB,) = before
    wh_PH, bh_P1 = weights_t
    dtype = h_HB.dtype
    a_PB = ops.cast(wh_PH @ ops.cast(h_HB, wh_PH.dtype) + bh_P1, dtype)
    x_z, x_r, x_n = ops.split(ops.cast(p_PB, dtype), 3, axis=0)
    h_z, h_r, h_n = ops.split(a_PB, 3, axis=0)
    z, r = gate.forward(x_z + h_z), gate.forward(x_r + h_r)
    n = ops.tanh(x_n + r * h_n)
    saved = ops.concatenate([z, r, n, h_n], axis=0)
    return [z * h_HB + (1 - z) * n], (ops.cast(saved, p_PB.dtype),)


def _backward(gate, p_PB, before, after, saved, dafter, weights):
    (h_HB,), (dh_HB,) = before, dafter
    wh_HP, _ = weights
    z, r, n, h_n = ops.split(ops.cast(saved[0], dh_HB.dtype), 4, axis=0)
    dz = gate.backward(dh_HB * (h_HB - n), z)
    dn = dh_HB * (1 - z) * (1 - n * n)
    dr = gate.backward(dn * h_n, r)
    da_PB = ops.cast(ops.concatenate([dz, dr, dn * r], axis=0), p_PB.dtype)
    dp_PB = ops.cast(ops.concatenate([dz, dr, dn], axis=0), p_PB.dtype)
    dh_HB = dh_HB * z + ops.cast(wh_HP @ ops.cast(da_PB, wh_HP.dtype), dh_HB.dtype)
    return dp_PB, [dh_HB], (da_PB,)


def _products(before, saved, dp_TPB, extras):
    (da_TPB,) = extras
    return [(before[0], da_TPB), (None, da_TPB)]


@functools.cache
def equations_of(gate_activation: str) -> Equations:
    """Return the GRU whose gates pass through an activation, by its name."""
    gate = gate_of(gate_activation)
    return Equations(
        1,
        functools.partial(_forward, gate),
        functools.partial(_backward, gate),
        _products,
    )


EQUATIONS = equations_of("sigmoid")


@keras.saving.register_keras_serializable(package="tfsent")
class GRU(GatedLayer):
    """GRU layer on the same fast scan as `MultiplicativeLSTM`.

    Weights, [in, out], blocks in Keras's order z, r, n: `wx` (E, 3H), `wh` (H, 3H),
    `b` (3H) beside the input, `bh` (3H) beside the state, gains `gx gh`.
    Arguments, masks, states: `GatedLayer`, `RecurrentLayer`.
    """

    equations = EQUATIONS
    equations_of = staticmethod(equations_of)
    inputs = (Weight("wx", 3, "gx"),)
    recurrent = (Weight("wh", 3, "gh"),)
    biases = (Weight("b", 3),)
    recurrent_biases = (Weight("bh", 3),)
