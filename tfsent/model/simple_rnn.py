"""The plain recurrent network with tanh or ReLU: one step, its gradient, the layers.

    h_t = activation(x_t wx + h_{t-1} wh + b)

Axes: B lanes, T time steps, H = P hidden units.

Reference:
    Elman 1990.
"""

from __future__ import annotations

import functools

import keras
from keras import ops

from tfsent.model.forms import Form
from tfsent.model.recurrence import Equations, in_both_forms
from tfsent.model.recurrent_layer import RecurrentLayer, Weight


def _equations(activation, slope, form: Form) -> Equations:
    """Return in a form the cell of an activation whose slope follows from its value."""

    @form.fuse
    def step(p, z, h, reset):
        h = activation(ops.cast(p, h.dtype) + ops.cast(z, h.dtype))
        return form.left([h], reset)

    @form.fuse
    def slopes(p, h, dafter):
        (dh,) = form.arrived(dafter)
        return ops.cast(dh * slope(h), p.dtype)

    def forward(p, before, weights, reset=None):
        (h,), (wh,) = before, weights
        return step(p, form.forth(wh, ops.cast(h, wh.dtype)), h, reset), ()

    def backward(p, before, after, saved, dafter, weights):
        dz = slopes(p, after[0], dafter)
        return form.joined(dz), [form.back(weights[0], dz)], ()

    def products(before, saved, dp, extras):
        return [(before[0], form.leading(dp, before[0].shape[form.axis + 1]))]

    return Equations(1, forward, backward, products)


def _of(activation, slope) -> Equations:
    return in_both_forms(functools.partial(_equations, activation, slope))


TANH_EQUATIONS = _of(ops.tanh, lambda h: 1 - h * h)
RELU_EQUATIONS = _of(ops.relu, lambda h: ops.cast(h > 0, h.dtype))


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
