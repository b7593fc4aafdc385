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
from tfsent.model.gated_layer import GatedLayer
from tfsent.model.gates import gates_backward, gates_forward, gates_output
from tfsent.model.recurrence import Equations
from tfsent.model.recurrent_layer import Weight
from tfsent.model.weight_norm import normalize


def _forward(gate, p_PB, before, weights_t):
    h_HB, c_HB = before
    wh_GH, wmh_HH = weights_t
    g = wh_GH.shape[0]
    u_HB = ops.cast(wmh_HH @ ops.cast(h_HB, wmh_HH.dtype), c_HB.dtype)
    m_HB = ops.cast(p_PB[g:], c_HB.dtype) * u_HB
    z_GB = p_PB[:g] + wh_GH @ ops.cast(m_HB, wh_GH.dtype)
    h_HB, c_HB, gates_GB = gates_forward(gate, ops.cast(z_GB, c_HB.dtype), c_HB)
    saved = (gates_GB, u_HB, m_HB)
    return [h_HB, c_HB], tuple(ops.cast(s, p_PB.dtype) for s in saved)


def _backward(gate, p_PB, before, after, saved, dafter, weights):
    wh_HG, wmh_HH = weights
    dh_HB, dc_HB = dafter
    dtype = dc_HB.dtype
    gates_GB, u_HB, _ = (ops.cast(s, dtype) for s in saved)
    dz_GB, dc_HB = gates_backward(gate, gates_GB, before[1], after[1], dh_HB, dc_HB)
    dm_HB = ops.cast(wh_HG @ ops.cast(dz_GB, wh_HG.dtype), dtype)
    du_HB = dm_HB * ops.cast(p_PB[wh_HG.shape[1] :], dtype)
    dh_HB = ops.cast(wmh_HH @ ops.cast(du_HB, wmh_HH.dtype), dtype)
    dp_PB = ops.concatenate([dz_GB, dm_HB * u_HB], axis=0)
    return ops.cast(dp_PB, p_PB.dtype), [dh_HB, dc_HB], (ops.cast(du_HB, p_PB.dtype),)


def _products(before, saved, dp_TPB, extras):
    _, _, m_THB = saved
    (du_THB,) = extras
    g = 4 * m_THB.shape[1]
    return [(m_THB, dp_TPB[:, :g]), (before[0], du_THB)]


@functools.cache
def equations_of(gate_activation: str) -> Equations:
    """Return the mLSTM whose gates pass through an activation, by its name."""
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
