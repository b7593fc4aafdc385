"""The mLSTM language model in float64, in its plainest form, on PyTorch's CPU.

    m_t = (x_t wmx) * (h_{t-1} wmh)
    z_t = x_t wx + m_t wh + b            four blocks in the order of GATES
    c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(u)
    h_t = sigmoid(o) * tanh(c_t)

What fast ways of computing it are held against: one loop, differentiated automatically.

Axes: B lanes, T time steps, H hidden units.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch.nn import functional

from compare.runners.training import GRADIENT, LOGITS


def exact_answers(
    weights: Mapping[str, np.ndarray], bytes_BT1: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the logits and the gradient of the mean loss, from states of zero.

    Args:
        weights: By our names, of one layer with weight normalisation.
        bytes_BT1: uint8[B, T+1].

    Returns:
        Answers by the names that runners give them, float64.
    """
    w = {
        name: torch.tensor(value, dtype=torch.float64, requires_grad=True)
        for name, value in weights.items()
    }
    wx, wh, wmx, wmh = (_normalized(w, name) for name in ("x", "h", "mx", "mh"))
    read_BT1 = torch.from_numpy(bytes_BT1.astype(np.int64))
    lanes, units = len(bytes_BT1), wmh.shape[0]
    h_BH = c_BH = torch.zeros((lanes, units), dtype=torch.float64)
    logits = []
    for byte_B in read_BT1[:, :-1].T:
        x_BE = w["embedding/weight"][byte_B]
        m_BH = (x_BE @ wmx) * (h_BH @ wmh)
        z_BG = x_BE @ wx + m_BH @ wh + w["layers/0/b"]
        i, f, o, u = z_BG.chunk(4, dim=1)
        c_BH = f.sigmoid() * c_BH + i.sigmoid() * u.tanh()
        h_BH = o.sigmoid() * c_BH.tanh()
        logits.append(h_BH @ w["output/weight"] + w["output/bias"])
    logits_BTV = torch.stack(logits, dim=1)
    loss = functional.cross_entropy(logits_BTV.flatten(0, 1), read_BT1[:, 1:].flatten())
    loss.backward()
    gradients = {GRADIENT + name: value.grad.numpy() for name, value in w.items()}
    return {LOGITS: logits_BTV.detach().numpy(), **gradients}


def _normalized(w: Mapping[str, torch.Tensor], name: str) -> torch.Tensor:
    v_IK, gain_K = w[f"layers/0/w{name}"], w[f"layers/0/g{name}"]
    return gain_K * v_IK / v_IK.norm(dim=0)
