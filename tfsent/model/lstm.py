"""The LSTM: one step and its gradient, and the layer.

    z_t = x_t wx + h_{t-1} wh + b        four blocks in the order of GATES
    c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(u)
    h_t = sigmoid(o) * tanh(c_t)

Axes: B lanes, T time steps, H hidden units, G = P = 4 H gate columns.

Reference:
    Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000.
"""

from __future__ import annotations

import functools

import keras
from keras import ops

from tfsent.model.activations import gate_of
from tfsent.model.gated_layer import GatedLayer
from tfsent.model.gates import gates_backward, gates_forward, gates_output
from tfsent.model.recurrence import Equations
from tfsent.model.recurrent_layer import Weight


def _forward(gate, p_PB, before, weights_t):
    h_HB, c_HB = before
    (wh_GH,) = weights_t
    z_GB = p_PB + wh_GH @ ops.cast(h_HB, wh_GH.dtype)
    h_HB, c_HB, gates_GB = gates_forward(gate, ops.cast(z_GB, c_HB.dtype), c_HB)
    return [h_HB, c_HB], (ops.cast(gates_GB, p_PB.dtype),)


def _backward(gate, p_PB, before, after, saved, dafter, weights):
    (wh_HG,) = weights
    dh_HB, dc_HB = dafter
    gates_GB = ops.cast(saved[0], dc_HB.dtype)
    dz_GB, dc_HB = gates_backward(gate, gates_GB, before[1], after[1], dh_HB, dc_HB)
    dh_HB = ops.cast(wh_HG @ ops.cast(dz_GB, wh_HG.dtype), dc_HB.dtype)
    return ops.cast(dz_GB, p_PB.dtype), [dh_HB, dc_HB], ()


def _products(before, saved, dp_TPB, extras):
    return [(before[0], dp_TPB)]


@functools.cache
def equations_of(gate_activation: str) -> Equations:
    """Return the LSTM whose gates pass through an activation, by its name."""
    gate = gate_of(gate_activation)
    return Equations(
        2,
        functools.partial(_forward, gate),
        functools.partial(_backward, gate),
        _products,
        gates_output,
    )


EQUATIONS = equations_of("sigmoid")


@keras.saving.register_keras_serializable(package="tfsent")
class LSTM(GatedLayer):
    """LSTM layer on the same fast scan as `MultiplicativeLSTM`.

    Weights, [in, out], gate blocks in the order of `tfsent.config.GATES` (Keras
    and PyTorch have i, f, g, o): `wx` (E, 4H), `wh` (H, 4H), `b` (4H), gains `gx
    gh`. No forget-gate bias is added. Arguments, masks, states: `GatedLayer`,
    `RecurrentLayer`.
    """

    equations = EQUATIONS
    equations_of = staticmethod(equations_of)
    inputs = (Weight("wx", 4, "gx"),)
    recurrent = (Weight("wh", 4, "gh"),)
    biases = (Weight("b", 4),)
