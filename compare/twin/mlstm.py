"""The multiplicative LSTM: one step and its gradient, and the layer.

    m_t = (wmx x_t) * (wmh h_{t-1})
    z_t = wx x_t + b + wh m_t            four blocks in the order of GATES
    c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(u)
    h_t = sigmoid(o) * tanh(c_t)

Axes: B lanes, H hidden units, G = 4 H gate columns.

Reference:
    Krause et al. 2016, arXiv:1609.07959, equations 14 to 19.
"""

from __future__ import annotations

import functools

import torch

from compare.twin.activations import gate_of
from compare.twin.gated_layer import GatedLayer
from compare.twin.gates import (
    SAVED,
    gates_backward,
    gates_forward,
    gates_slopes,
    gates_views,
    output_gate,
)
from compare.twin.recurrence import Equations
from compare.twin.recurrent_layer import Weight


def _views(saved):
    *gates, m_TBH = saved
    return [*gates_views(gates), m_TBH]


def _forward(gate, p, h, before, weights, after, saved):
    p_z_BG, p_m_BH = p
    wh, wmh = weights
    *gates, m_BH = saved
    u_BH = wmh(h)
    torch.mul(u_BH, p_m_BH, out=m_BH)
    gates_forward(gate, wh.plus(m_BH, p_z_BG), before[1], after, gates)
    return u_BH, p_m_BH


def _slopes(gate, before, after, saved):
    return gates_slopes(gate, before[1], saved[:-1])


def _backward(slopes, kept, dafter, weights, upstream, dp, extras):
    u_BH, p_m_BH = kept
    wh, wmh = weights
    dz_BG, dp_m_BH = dp
    (du_BH,) = extras
    dc_BH = gates_backward(slopes, dafter, dz_BG)
    dm_BH = wh(dz_BG)
    torch.mul(dm_BH, u_BH, out=dp_m_BH)
    torch.mul(dm_BH, p_m_BH, out=du_BH)
    return [wmh.plus(du_BH, upstream), dc_BH]


def _pairs(h, saved, dp, extras):
    return [(saved[2], dp[0]), (h, extras[0])]


@functools.cache
def equations_of(gate_activation: str) -> Equations:
    """Return the mLSTM whose gates pass through an activation, by its name."""
    gate = gate_of(gate_activation)
    return Equations(
        num_states=2,
        inputs=(4, 1),
        saved=(*SAVED, (1, True)),
        extras=(1,),
        views=_views,
        forward=functools.partial(_forward, gate),
        slopes=functools.partial(_slopes, gate),
        backward=_backward,
        pairs=_pairs,
        output_gate=output_gate,
    )


EQUATIONS = equations_of("sigmoid")


class MultiplicativeLSTM(GatedLayer):
    """Multiplicative LSTM layer.

    Weights, [out, in], gate rows in the order of `compare.twin.gates.GATES`: `wx`
    (4H, E), `wmx` (H, E), `wh` (4H, H), `wmh` (H, H), `b` (4H). Arguments, masks,
    states, weight normalisation: `GatedLayer`, `RecurrentLayer`.
    """

    equations = EQUATIONS
    equations_of = staticmethod(equations_of)
    inputs = (Weight("wx", 4), Weight("wmx", 1))
    recurrent = (Weight("wh", 4), Weight("wmh", 1))
    biases = (Weight("b", 4),)
