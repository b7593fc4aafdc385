"""The multiplicative LSTM: one step and its gradient, the layer, the plain cell.

    m_t = (x_t wmx) * (h_{t-1} wmh)
    z_t = x_t wx + m_t wh + b            four blocks in the order of GATES
    c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(u)
    h_t = sigmoid(o) * tanh(c_t)

Axes: B lanes, T time steps, E input features, H hidden units, G = 4 H gate
columns, P = 5 H columns of the input projection (gates, then m).

Reference:
    Krause et al. 2016, arXiv:1609.07959, equations 14 to 19.
"""

from __future__ import annotations

import functools

import keras
from keras import ops

from tfsent.config import GATES
from tfsent.model.activations import gate_of
from tfsent.model.forms import Form
from tfsent.model.gated_layer import GatedLayer
from tfsent.model.gates import gates_output, gates_slopes, gates_step
from tfsent.model.recurrence import Equations, in_both_forms
from tfsent.model.recurrent_layer import Weight
from tfsent.model.weight_norm import normalize


def _equations(gate, form: Form) -> Equations:
    """Return the cell of an activation of gates in a form."""
    step, slopes = gates_step(gate, form), gates_slopes(gate, form)

    def factor(p, u):
        """Return what u is multiplied with to m."""
        return form.units(p, len(GATES) * u.shape[form.axis])

    def forward(p, before, weights, reset=None):
        h, c = before
        wh, wmh = weights
        u = form.forth(wmh, ops.cast(h, wmh.dtype))
        m = factor(p, u) * u
        state, gates = step(p, form.forth(wh, m), c, reset)
        return state, (*gates, u, m)

    def backward(p, before, after, saved, dafter, weights):
        wh, wmh = weights
        *gates, u, _ = saved
        dz, dc = slopes(gates, before[1], after[1], dafter)
        dm = form.back(wh, dz)
        du = dm * factor(p, u)
        return form.joined(dz, dm * u), [form.back(wmh, du), dc], (du,)

    def products(before, saved, dp, extras):
        (du,) = extras
        return [
            (saved[-1], form.leading(dp, 4 * du.shape[form.axis + 1])),
            (before[0], du),
        ]

    return Equations(2, forward, backward, products, gates_output)


@functools.cache
def equations_of(gate_activation: str) -> Equations:
    """Return the mLSTM whose gates pass through an activation, by its name."""
    return in_both_forms(functools.partial(_equations, gate_of(gate_activation)))


EQUATIONS = equations_of("sigmoid")


@keras.saving.register_keras_serializable(package="tfsent")
class MultiplicativeLSTM(GatedLayer):
    """Multiplicative LSTM layer, with the conventions of `keras.layers.LSTM`.

    Weights, [in, out], gate blocks in the order of `tfsent.config.GATES`: `wx`
    (E, 4H), `wh` (H, 4H), `wmx` (E, H), `wmh` (H, H), `b` (4H), and under weight
    normalisation the gains `gx gh gmx gmh`, one a column.

    Input: float[B, T, E]. Output: float[B, H], or float[B, T, H] with
    `return_sequences`; with `return_state` also h and c, each float[B, H].

    Arguments, masks and states: see `GatedLayer` and `RecurrentLayer`.

    Reference:
        Krause et al. 2016, arXiv:1609.07959; weight normalisation as in Radford
        et al. 2017, arXiv:1704.01444.

    Example:
        >>> layer = MultiplicativeLSTM(7, return_sequences=True)
        >>> layer(ops.zeros((2, 5, 3))).shape
        TensorShape([2, 5, 7])
    """

    equations = EQUATIONS
    equations_of = staticmethod(equations_of)
    inputs = (Weight("wx", 4, "gx"), Weight("wmx", 1, "gmx"))
    recurrent = (Weight("wh", 4, "gh"), Weight("wmh", 1, "gmh"))
    biases = (Weight("b", 4),)


@keras.saving.register_keras_serializable(package="tfsent")
class MLSTMCell(keras.layers.Layer):
    """One step of the multiplicative LSTM, for `keras.layers.RNN`.

    The equation in its plainest form, differentiated automatically: the reference
    that `MultiplicativeLSTM` is tested and measured against. Same weights, in
    the same order.

    Args:
        units: H, the width of the state.
        weight_norm: Whether the four matrices are weight-normalised.
    """

    def __init__(self, units: int, weight_norm: bool = True, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.weight_norm = weight_norm
        self.state_size = [units, units]
        self.output_size = units

    def build(self, input_shape):
        """Create the weights."""
        matrices = {
            "wx": (input_shape[-1], 4 * self.units),
            "wmx": (input_shape[-1], self.units),
            "wh": (self.units, 4 * self.units),
            "wmh": (self.units, self.units),
        }
        for name, shape in matrices.items():
            setattr(self, name, self.add_weight(shape=shape, name=name))
        self.b = self.add_weight(shape=(4 * self.units,), initializer="zeros", name="b")
        if self.weight_norm:
            for name, shape in matrices.items():
                gain = "g" + name[1:]
                setattr(
                    self,
                    gain,
                    self.add_weight(shape=(shape[1],), initializer="ones", name=gain),
                )

    def call(self, x_BE, states, training=False):
        """Return the output and the new state."""
        h_BH, c_BH = states
        w = {n: getattr(self, n) for n in ("wx", "wmx", "wh", "wmh")}
        if self.weight_norm:
            w = {n: normalize(v, getattr(self, "g" + n[1:])) for n, v in w.items()}
        m_BH = (x_BE @ w["wmx"]) * (h_BH @ w["wmh"])
        z_BG = x_BE @ w["wx"] + m_BH @ w["wh"] + self.b
        i, f, o, u = ops.split(z_BG, len(GATES), axis=1)
        c_BH = ops.sigmoid(f) * c_BH + ops.sigmoid(i) * ops.tanh(u)
        h_BH = ops.sigmoid(o) * ops.tanh(c_BH)
        return h_BH, [h_BH, c_BH]

    def get_config(self):
        """Return the arguments."""
        return super().get_config() | {
            "units": self.units,
            "weight_norm": self.weight_norm,
        }
