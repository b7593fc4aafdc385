"""The four gates of an LSTM: from pre-activations to the state, and back.

Shared by the LSTM and the multiplicative LSTM, which differ only in what they
multiply before the gates.

Axes: T time steps, B lanes, H hidden units, G = 4 H gate columns.
"""

from __future__ import annotations

import torch

from compare.twin.activations import SIGMOID

GATES = ("i", "f", "u", "o")
"""Order of the gate blocks in the twin, as in `torch.nn.LSTM`; `u` is the candidate."""

SAVED = ((len(GATES), False), (1, False))
"""Activated gates and tanh(c), in the type of the state; see `Equations`."""

_MINUS_ONE = torch.tensor(-1.0)
aten = torch.ops.aten


def gates_views(saved):
    """Return gates, each gate, and tanh(c) of the sequences saved."""
    gates_TBG, tanh_c_TBH = saved
    return [gates_TBG, *gates_TBG.chunk(len(GATES), dim=2), tanh_c_TBH]


def gates_forward(gate, z_BG, c_BH, after, saved) -> None:
    """Write h, c, activated gates and tanh(c) of a step into their places.

    Args:
        gate: What i, f and o pass through, an `activations.Gate`.
        z_BG: float[B, G]. The pre-activations; they are overwritten.
        c_BH: float[B, H]. The cell state before the step.
        after: Places of h and c after it.
        saved: Places, from `gates_views`.
    """
    h_BH, new_c_BH = after
    gates_BG, i, f, u, o, tanh_c_BH = saved
    H = c_BH.shape[1]
    z_BG = z_BG.to(gates_BG.dtype)
    # tanh(x) = 2 sigmoid(2 x) - 1, here and below: torch's tanh takes 2.6 ns a
    # number, its sigmoid 0.5 (Zen 4, one core). The error grows from 3e-8 to 1.8e-7.
    z_BG[:, 2 * H : 3 * H].mul_(2)
    if gate is SIGMOID:
        torch.sigmoid(z_BG, out=gates_BG)
    else:
        gate.forward(z_BG, gates_BG)
        torch.sigmoid(z_BG[:, 2 * H : 3 * H], out=u)
    torch.add(_MINUS_ONE, u, alpha=2, out=u)
    torch.mul(f, c_BH, out=new_c_BH)
    new_c_BH.addcmul_(i, u)
    torch.mul(new_c_BH, 2, out=tanh_c_BH).sigmoid_()
    torch.add(_MINUS_ONE, tanh_c_BH, alpha=2, out=tanh_c_BH)
    torch.mul(o, tanh_c_BH, out=h_BH)


def output_gate(saved):
    """Return o of what `gates_views` gave: the output is `o * tanh(c)`."""
    return saved[1 + GATES.index("o")]


def gates_slopes(gate, c_TBH, saved):
    """Return what the gradients of a step are multiplied with.

    Args:
        gate: As for `gates_forward`.
        c_TBH: float[T, B, H]. The cell state before each step.
        saved: From `gates_views`.

    Returns:
        Sequences: dc by dh; dz of i, f and u by dc; dz of o by dh; dc before by dc.
    """
    gates_TBG, i, f, u, o, tanh_c_TBH = saved
    T, B, H = c_TBH.shape
    by_c_TB3H = c_TBH.new_empty((T, B, 3, H))
    di, df, du = by_c_TB3H.unbind(2)
    gate.backward(u, i, di)
    gate.backward(c_TBH, f, df)
    aten.tanh_backward.grad_input(i, u, grad_input=du)
    do = gate.backward(tanh_c_TBH, o)
    return aten.tanh_backward(o, tanh_c_TBH), by_c_TB3H, do, f


def gates_backward(slopes, dafter, dz_BG):
    """Write the gradient of the pre-activations; return that of the c before."""
    dc_by_dh_BH, by_c_B3H, by_h_BH, by_f_BH = slopes
    dh_BH, dc_BH = dafter
    B, H = dh_BH.shape
    dc_BH = torch.addcmul(dc_BH, dh_BH, dc_by_dh_BH)
    dz_B4H = dz_BG.view(B, 4, H)
    torch.mul(by_c_B3H, dc_BH[:, None], out=dz_B4H[:, :3])
    torch.mul(by_h_BH, dh_BH, out=dz_B4H[:, 3])
    return dc_BH.mul_(by_f_BH)
