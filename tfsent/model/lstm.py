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
from tfsent.model.forms import Form
from tfsent.model.gated_layer import GatedLayer
from tfsent.model.gates import gates_output, gates_slopes, gates_step
from tfsent.model.recurrence import Equations, in_both_forms
from tfsent.model.recurrent_layer import Weight


def _equations(gate, form: Form) -> Equations:
    """Return the cell of an activation of gates in a form."""
    step, slopes = gates_step(gate, form), gates_slopes(gate, form)

    def forward(p, before, weights, reset=None):
        (h, c), (wh,) = before, weights
        state, gates = step(p, form.forth(wh, ops.cast(h, wh.dtype)), c, reset)
        return state, tuple(gates)

    def backward(p, before, after, saved, dafter, weights):
        dz, dc = slopes(list(saved), before[1], after[1], dafter)
        return form.joined(dz), [form.back(weights[0], dz), dc], ()

    def products(before, saved, dp, extras):
        return [(before[0], form.leading(dp, 4 * before[0].shape[form.axis + 1]))]

    return Equations(2, forward, backward, products, gates_output)


@functools.cache
def equations_of(gate_activation: str) -> Equations:
    """Return the LSTM whose gates pass through an activation, by its name."""
    return in_both_forms(functools.partial(_equations, gate_of(gate_activation)))


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
