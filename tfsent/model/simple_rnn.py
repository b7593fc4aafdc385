"""The plain recurrent network with tanh or ReLU: one step, its gradient, the layers.

    h_t = activation(x_t wx + h_{t-1} wh + b)

Axes: B lanes, T time steps, H = P hidden units.

Reference:
    Elman 1990.
"""

from __future__ import annotations

import keras
from keras import ops

from tfsent.model.recurrence import Equations
from tfsent.model.recurrent_layer import RecurrentLayer, Weight


def _equations(activation, slope) -> Equations:
    """Return the cell of an activation whose slope follows from its value."""

    def forward(p_PB, before, weights_t):
        (h_HB,), (wh_HH,) = before, weights_t
        z_HB = p_PB + wh_HH @ ops.cast(h_HB, wh_HH.dtype)
        return [activation(ops.cast(z_HB, h_HB.dtype))], ()

    def backward(p_PB, before, after, saved, dafter, weights):
        (h_HB,), (dh_HB,), (wh_HH,) = after, dafter, weights
        dz_HB = ops.cast(dh_HB * slope(h_HB), p_PB.dtype)
        dh_HB = ops.cast(wh_HH @ ops.cast(dz_HB, wh_HH.dtype), dh_HB.dtype)
        return dz_HB, [dh_HB], ()

    def products(before, saved, dp_TPB, extras):
        return [(before[0], dp_TPB)]

    return Equations(1, forward, backward, products)


TANH_EQUATIONS = _equations(ops.tanh, lambda h: 1 - h * h)
RELU_EQUATIONS = _equations(ops.relu, lambda h: ops.cast(h > 0, h.dtype))


class _SimpleRNN(RecurrentLayer):
    inputs = (Weight("wx", 1, "gx"),)
    recurrent = (Weight("wh", 1, "gh"),)
    biases = (Weight("b", 1),)


@keras.saving.register_keras_serializable(package="tfsent")
class TanhRNN(_SimpleRNN):
    """Recurrent layer with tanh on the same fast scan as `MultiplicativeLSTM`.

    Weights, [in, out]: `wx` (E, H), `wh` (H, H), `b` (H), gains `gx gh`.
    Arguments, masks, states: `RecurrentLayer`.
    """

    equations = TANH_EQUATIONS


@keras.saving.register_keras_serializable(package="tfsent")
class ReLURNN(_SimpleRNN):
    """Recurrent layer with ReLU on the same fast scan as `MultiplicativeLSTM`.

    Weights, [in, out]: `wx` (E, H), `wh` (H, H), `b` (H), gains `gx gh`.
    Arguments, masks, states: `RecurrentLayer`.
    """

    equations = RELU_EQUATIONS
