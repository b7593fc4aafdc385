"""The LSTM: one step and its gradient, and the layer.

    z_t = wx x_t + b + wh h_{t-1}        four blocks in the order of GATES
    c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(u)
    h_t = sigmoid(o) * tanh(c_t)

Axes: B lanes, H hidden units, G = 4 H gate columns.

Reference:
    Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000.
"""

from __future__ import annotations

from compare.twin.gates import (
    SAVED,
    gates_backward,
    gates_forward,
    gates_slopes,
    gates_views,
    output_gate,
)
from compare.twin.recurrence import Equations
from compare.twin.recurrent_layer import RecurrentLayer, Weight


def _forward(p, h, before, weights, after, saved):
    (wh,) = weights
    gates_forward(wh.plus(h, p[0]), before[1], after, saved)
    return ()


def _slopes(before, after, saved):
    return gates_slopes(before[1], saved)


def _backward(slopes, kept, dafter, weights, upstream, dp, extras):
    (wh,) = weights
    dc_BH = gates_backward(slopes, dafter, dp[0])
    return [wh.plus(dp[0], upstream), dc_BH]


def _pairs(h, saved, dp, extras):
    return [(h, dp[0])]


EQUATIONS = Equations(
    num_states=2,
    inputs=(4,),
    saved=SAVED,
    extras=(),
    views=gates_views,
    forward=_forward,
    slopes=_slopes,
    backward=_backward,
    pairs=_pairs,
    output_gate=output_gate,
)


class LSTM(RecurrentLayer):
    """LSTM layer on the same loop as `MultiplicativeLSTM`.

    Weights, [out, in], gate rows in the order of `compare.twin.gates.GATES`, that
    of `torch.nn.LSTM`: `wx` (4H, E), `wh` (4H, H), `b` (4H). No forget-gate bias is
    added. Arguments, masks, states: `RecurrentLayer`.
    """

    equations = EQUATIONS
    inputs = (Weight("wx", 4),)
    recurrent = (Weight("wh", 4),)
    biases = (Weight("b", 4),)
