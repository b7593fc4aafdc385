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
from tfsent.model.forms import Form
from tfsent.model.gated_layer import GatedLayer
from tfsent.model.recurrence import Equations, in_both_forms
from tfsent.model.recurrent_layer import Weight


def _equations(gate, form: Form) -> Equations:
    """Return the cell of an activation of gates in a form."""

    @form.fuse
    def step(p, a, h, reset):
        """Return `(state, saved)` after one step; `a` is what the state adds to `p`."""
        x_z, x_r, x_n = form.split(ops.cast(p, h.dtype), 3)
        h_z, h_r, h_n = form.split(ops.cast(a, h.dtype), 3)
        z, r = gate.forward(x_z + h_z), gate.forward(x_r + h_r)
        n = ops.tanh(x_n + r * h_n)
        saved = [ops.cast(s, p.dtype) for s in (z, r, n, h_n)]
        return form.left([z * h + (1 - z) * n], reset), saved

    @form.fuse
    def slopes(saved, h, dafter):
        """Return `(dp, da, dh past the product)` from the gradient of the state."""
        (dh,) = form.arrived(dafter)
        z, r, n, h_n = (ops.cast(s, dh.dtype) for s in saved)
        dz = gate.backward(dh * (h - n), z)
        dn = dh * (1 - z) * (1 - n * n)
        dr = gate.backward(dn * h_n, r)
        dp, da = (
            ops.cast(form.concatenate([dz, dr, last]), saved[0].dtype)
            for last in (dn, dn * r)
        )
        return dp, da, dh * z

    def forward(p, before, weights, reset=None):
        (h,), (wh, bh) = before, weights
        state, saved = step(p, form.forth(wh, ops.cast(h, wh.dtype)) + bh, h, reset)
        return state, tuple(saved)

    def backward(p, before, after, saved, dafter, weights):
        dp, da, dh = slopes(list(saved), before[0], dafter)
        dh = dh + ops.cast(form.back(weights[0], da), dh.dtype)
        return form.joined(dp), [dh], (da,)

    def products(before, saved, dp, extras):
        (da,) = extras
        return [(before[0], da), (None, da)]

    return Equations(1, forward, backward, products)


@functools.cache
def equations_of(gate_activation: str) -> Equations:
    """Return the GRU whose gates pass through an activation, by its name."""
    return in_both_forms(functools.partial(_equations, gate_of(gate_activation)))


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
