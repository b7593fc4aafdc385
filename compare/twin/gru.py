"""The gated recurrent unit: one step and its gradient, and the layer.

    r_t = sigmoid(wx_r x_t + b_r + wh_r h_{t-1} + bh_r)
    z_t = sigmoid(wx_z x_t + b_z + wh_z h_{t-1} + bh_z)
    n_t = tanh(wx_n x_t + b_n + r_t * (wh_n h_{t-1} + bh_n))
    h_t = z_t * h_{t-1} + (1 - z_t) * n_t

The reset gate acts after the product, as `reset_after=True` in Keras and as in
cuDNN and PyTorch.

Axes: T time steps, B lanes, H hidden units, G = 3 H rows: r, z, n.

Reference:
    Cho et al. 2014, arXiv:1406.1078, version 1.
"""

from __future__ import annotations

import functools

import torch

from compare.twin.activations import gate_of
from compare.twin.gated_layer import GatedLayer
from compare.twin.recurrence import Equations
from compare.twin.recurrent_layer import Weight

aten = torch.ops.aten


def _forward(gate, p, h, before, weights, after, saved):
    (h_BH,) = before
    wh, bh_G = weights
    dtype, H = h_BH.dtype, h_BH.shape[1]
    p_BG, a_BG = p[0].to(dtype), (wh(h) + bh_G).to(dtype)
    gates_BG, h_n_BH = saved
    rz, n = gates_BG[:, : 2 * H], gates_BG[:, 2 * H :]
    h_n_BH.copy_(a_BG[:, 2 * H :])
    gate.forward(p_BG[:, : 2 * H] + a_BG[:, : 2 * H], rz)
    torch.tanh(torch.addcmul(p_BG[:, 2 * H :], rz[:, :H], h_n_BH), out=n)
    torch.lerp(n, h_BH, rz[:, H:], out=after[0])
    return ()


def _slopes(gate, before, after, saved):
    gates_TBG, h_n_TBH = saved
    r, z, n = gates_TBG.chunk(3, dim=2)
    by_n_TBH = aten.tanh_backward(1 - z, n)
    by_p_TBG = torch.cat(
        [
            gate.backward(by_n_TBH * h_n_TBH, r),
            gate.backward(before[0] - n, z),
            by_n_TBH,
        ],
        dim=2,
    )
    by_a_TBG = by_p_TBG.clone()
    by_a_TBG[:, :, 2 * r.shape[2] :] *= r
    return by_p_TBG, by_a_TBG, z


def _backward(slopes, kept, dafter, weights, upstream, dp, extras):
    by_p_BG, by_a_BG, by_h_BH = slopes
    (dh_BH,) = dafter
    wh, _ = weights
    dh_B3H = dh_BH.repeat(1, 3)
    torch.mul(dh_B3H, by_p_BG, out=dp[0])
    torch.mul(dh_B3H, by_a_BG, out=extras[0])
    dh_BH = torch.mul(dh_BH, by_h_BH)
    if upstream is not None:
        dh_BH += upstream
    return [wh.plus(extras[0], dh_BH)]


def _pairs(h, saved, dp, extras):
    return [(h, extras[0]), (None, extras[0])]


@functools.cache
def equations_of(gate_activation: str) -> Equations:
    """Return the GRU whose gates pass through an activation, by its name."""
    gate = gate_of(gate_activation)
    return Equations(
        num_states=1,
        inputs=(3,),
        saved=((3, False), (1, False)),
        extras=(3,),
        views=list,
        forward=functools.partial(_forward, gate),
        slopes=functools.partial(_slopes, gate),
        backward=_backward,
        pairs=_pairs,
    )


EQUATIONS = equations_of("sigmoid")


class GRU(GatedLayer):
    """GRU layer on the same loop as `MultiplicativeLSTM`.

    Weights, [out, in], rows r, z, n as in `torch.nn.GRU` (Keras has z, r, n): `wx`
    (3H, E), `wh` (3H, H), `b` (3H) beside the input, `bh` (3H) beside the state.
    Arguments, masks, states: `GatedLayer`, `RecurrentLayer`.
    """

    equations = EQUATIONS
    equations_of = staticmethod(equations_of)
    inputs = (Weight("wx", 3),)
    recurrent = (Weight("wh", 3),)
    biases = (Weight("b", 3),)
    recurrent_biases = (Weight("bh", 3),)
