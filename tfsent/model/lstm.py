"""The LSTM: one step and its gradient, and the layer.

    z_t = x_t wx + h_{t-1} wh + b        four blocks in the order of GATES
    c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(u)
    h_t = sigmoid(o) * tanh(c_t)

Axes: B lanes, T time steps, H hidden units, G = P = 4 H gate columns.

Reference:
    Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000.
"""

from __future__ import annotations

import keras
from keras import ops

from tfsent.model.gates import gates_backward, gates_forward, gates_output
from tfsent.model.recurrence import Equations
from tfsent.model.recurrent_layer import RecurrentLayer, Weight


def _forward(p_PB, before, weights_t):
    h_HB, c_HB = before
    (wh_GH,) = weights_t
    z_GB = p_PB + wh_GH @ ops.cast(h_HB, wh_GH.dtype)
    h_HB, c_HB, gates_GB = gates_forward(ops.cast(z_GB, c_HB.dtype), c_HB)
    return [h_HB, c_HB], (ops.cast(gates_GB, p_PB.dtype),)


def _backward(p_PB, before, after, saved, dafter, weights):
    (wh_HG,) = weights
    dh_HB, dc_HB = dafter
    gates_GB = ops.cast(saved[0], dc_HB.dtype)
    dz_GB, dc_HB = gates_backward(gates_GB, before[1], after[1], dh_HB, dc_HB)
    dh_HB = ops.cast(wh_HG @ ops.cast(dz_GB, wh_HG.dtype), dc_HB.dtype)
    return ops.cast(dz_GB, p_PB.dtype), [dh_HB, dc_HB], ()


def _products(before, saved, dp_TPB, extras):
    return [(before[0], dp_TPB)]


EQUATIONS = Equations(2, _forward, _backward, _products, gates_output)


@keras.saving.register_keras_serializable(package="tfsent")
class LSTM(RecurrentLayer):
    """LSTM layer on the same fast scan as `MultiplicativeLSTM`.

    Weights, [in, out], gate blocks in the order of `tfsent.config.GATES` (Keras
    and PyTorch have i, f, g, o): `wx` (E, 4H), `wh` (H, 4H), `b` (4H), gains `gx
    gh`. No forget-gate bias is added. Arguments, masks, states: `RecurrentLayer`.
    """

    equations = EQUATIONS
    inputs = (Weight("wx", 4, "gx"),)
    recurrent = (Weight("wh", 4, "gh"),)
    biases = (Weight("b", 4),)
