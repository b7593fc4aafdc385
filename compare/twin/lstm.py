"""The LSTM: one step and its gradient, and the layer.

    z_t = wx x_t + b + wh h_{t-1}        four blocks in the order of GATES
    c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(u)
    h_t = sigmoid(o) * tanh(c_t)

Axes: B lanes, H hidden units, G = 4 H gate columns.

Reference:
    Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000.
"""

from __future__ import annotations

import functools

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


def _forward(gate, p, h, before, weights, after, saved):
    (wh,) = weights
    gates_forward(gate, wh.plus(h, p[0]), before[1], after, saved)
    return ()


def _slopes(gate, before, after, saved):
    return gates_slopes(gate, before[1], saved)


def _backward(slopes, kept, dafter, weights, upstream, dp, extras):
    (wh,) = weights
    dc_BH = gates_backward(slopes, dafter, dp[0])
    return [wh.plus(dp[0], upstream), dc_BH]


def _pairs(h, saved, dp, extras):
    return [(h, dp[0])]


@functools.cache
def equations_of(gate_activation: str) -> Equations:
    """Return the LSTM whose gates pass through an activation, by its name."""
    gate = gate_of(gate_activation)
    return Equations(
        num_states=2,
        inputs=(4,),
        saved=SAVED,
        extras=(),
        views=gates_views,
        forward=functools.partial(_forward, gate),
        slopes=functools.partial(_slopes, gate),
        backward=_backward,
        pairs=_pairs,
        output_gate=output_gate,
    )


EQUATIONS = equations_of("sigmoid")


class LSTM(GatedLayer):
    """LSTM layer on the same loop as `MultiplicativeLSTM`.

    Weights, [out, in], gate rows in the order of `compare.twin.gates.GATES`, that
    of `torch.nn.LSTM`: `wx` (4H, E), `wh` (4H, H), `b` (4H). No forget-gate bias is
    added. Arguments, masks, states: `GatedLayer`, `RecurrentLayer`.
    """

    equations = EQUATIONS
    equations_of = staticmethod(equations_of)
    inputs = (Weight("wx", 4),)
    recurrent = (Weight("wh", 4),)
    biases = (Weight("b", 4),)
