"""The plain recurrent network with tanh or ReLU: one step, its gradient, the layers.

    h_t = activation(wx x_t + b + wh h_{t-1})

Axes: T time steps, B lanes, H hidden units.

Reference:
    Elman 1990.
"""

from __future__ import annotations

import torch

from compare.twin.recurrence import Equations
from compare.twin.recurrent_layer import RecurrentLayer, Weight


def _equations(activation, slope) -> Equations:
    """Return the cell of an activation whose slope follows from its value."""

    def forward(p, h, before, weights, after, saved):
        z_BH = weights[0].plus(h, p[0])
        after[0].copy_(activation(z_BH.to(after[0].dtype)))
        return ()

    def slopes(before, after, saved):
        return (slope(after[0]),)

    def backward(slopes, kept, dafter, weights, upstream, dp, extras):
        torch.mul(dafter[0], slopes[0], out=dp[0])
        return [weights[0].plus(dp[0], upstream)]

    def pairs(h, saved, dp, extras):
        return [(h, dp[0])]

    return Equations(1, (1,), (), (), list, forward, slopes, backward, pairs)


TANH_EQUATIONS = _equations(torch.tanh, lambda h: 1 - h * h)
RELU_EQUATIONS = _equations(torch.relu, lambda h: (h > 0).to(h.dtype))


class _SimpleRNN(RecurrentLayer):
    inputs = (Weight("wx", 1),)
    recurrent = (Weight("wh", 1),)
    biases = (Weight("b", 1),)


class TanhRNN(_SimpleRNN):
    """Recurrent layer with tanh on the same loop as `MultiplicativeLSTM`.

    Weights, [out, in]: `wx` (H, E), `wh` (H, H), `b` (H). Arguments, masks, states:
    `RecurrentLayer`.
    """

    equations = TANH_EQUATIONS


class ReLURNN(_SimpleRNN):
    """Recurrent layer with ReLU on the same loop as `MultiplicativeLSTM`.

    Weights, [out, in]: `wx` (H, E), `wh` (H, H), `b` (H). Arguments, masks, states:
    `RecurrentLayer`.
    """

    equations = RELU_EQUATIONS
