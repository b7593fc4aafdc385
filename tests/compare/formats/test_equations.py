"""The equations of the published code, on the arrays as published, against ours.

Names, axes and gate orders are right if a state computed as their code computes it
equals the reference state of this project on the converted weights. In float64;
values of half precision, so that two biases add up without rounding.
"""

import numpy as np
import pytest
import torch

from compare import containers
from compare.formats import nvidia, openai
from tests import tolerances
from tests.compare.formats import parts as made
from tests.reference_rnn import effective, step

B, T, E, H = 2, 4, 3, 5


def _ours(checkpoint, x_TBE):
    """Final hidden state of the reference on converted weights."""
    weights = {n: a.astype("f8") for n, a in checkpoint.weights.items()}
    inputs = x_TBE
    for k in range(checkpoint.model.layers):
        layer = f"layers/{k}/"
        w = {n[len(layer) :]: a for n, a in weights.items() if n.startswith(layer)}
        w = effective(w)
        h_BH, c_BH, outputs = np.zeros((B, H)), np.zeros((B, H)), []
        for x_BE in inputs:
            h_BH, c_BH, _ = step(checkpoint.model.cell, w, x_BE, h_BH, c_BH)
            outputs.append(h_BH)
        inputs = outputs
    return inputs[-1] @ weights["output/weight"] + weights["output/bias"]


def _bytes():
    return np.random.default_rng(1).integers(0, 256, (T, B))


def _weight(arrays, name):
    """A matrix of apex, merged or under weight normalisation."""
    if name in arrays:
        return arrays[name]
    v, g = arrays[f"{name}_v"], arrays[f"{name}_g"]
    return v * (g / v.norm(dim=1, keepdim=True))


def _apex_cell(cell, order, arrays, x, h, c):
    """One step of RNNCell or mLSTMRNNCell."""
    w_ih, w_hh = _weight(arrays, "w_ih"), _weight(arrays, "w_hh")
    b_ih, b_hh = arrays["b_ih"], arrays["b_hh"]
    linear = torch.nn.functional.linear
    if cell == "gru":
        return torch.gru_cell(x, h, w_ih, w_hh, b_ih, b_hh), c
    if cell in ("tanh", "relu"):
        run = getattr(torch, f"rnn_{cell}_cell")
        return run(x, h, w_ih, w_hh, b_ih, b_hh), c
    if cell == "lstm":
        return torch.lstm_cell(x, (h, c), w_ih, w_hh, b_ih, b_hh)
    m = linear(x, _weight(arrays, "w_mih")) * linear(h, _weight(arrays, "w_mhh"))
    if order == "ifuo":
        return torch.lstm_cell(x, (m, c), w_ih, w_hh, b_ih, b_hh)
    i, f, o, u = (linear(x, w_ih, b_ih) + linear(m, w_hh, b_hh)).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * u.tanh()
    return o.sigmoid() * c.tanh(), c


@pytest.mark.parametrize("symbols", [256, 257])
@pytest.mark.parametrize("weight_norm", [False, True])
@pytest.mark.parametrize(
    ("cell", "order"),
    [
        ("mlstm", "ifou"),
        ("mlstm", "ifuo"),
        ("lstm", "ifuo"),
        ("gru", "rzn"),
        ("tanh", "x"),
        ("relu", "x"),
    ],
)
def test_nvidias_equations_on_its_arrays_are_ours_on_the_converted(
    cell, order, weight_norm, symbols
):
    parts = made.draw(cell, H, E, layers=2, symbols=symbols, dtype=np.float16)
    content = made.nvidia(parts, order, weight_norm)
    container = containers.Container("torch", made.flat(content))
    told = {"mlstm": order, "tanh": "tanh", "relu": "relu"}.get(cell)
    checkpoint = nvidia.read(container, told)
    text_TB = _bytes()
    theirs = {n: torch.tensor(a.astype("f8")) for n, a in container.arrays.items()}
    # With a padding symbol byte b is b + 1.
    inputs = theirs["encoder.encoder.weight"][torch.tensor(text_TB) + symbols - 256]
    for k in range(2):
        start = f"encoder.rnn.rnns.{k}."
        arrays = {n[len(start) :]: a for n, a in theirs.items() if n.startswith(start)}
        h = c = torch.zeros(B, H, dtype=torch.float64)
        outputs = []
        for x in inputs:
            h, c = _apex_cell(cell, order, arrays, x, h, c)
            outputs.append(h)
        inputs = torch.stack(outputs)
    logits = inputs[-1] @ theirs["decoder.weight"].T + theirs["decoder.bias"]
    mine = _ours(
        checkpoint, checkpoint.weights["embedding/weight"].astype("f8")[text_TB]
    )
    error = np.abs(logits.numpy()[:, symbols - 256 :] - mine).max()
    assert error <= tolerances.PUBLISHED_F64.value


def test_openais_equations_on_its_arrays_are_ours_on_the_converted():
    parts = made.draw("mlstm", H, E, dtype=np.float16, one_bias=True)
    arrays = made.openai(parts)
    checkpoint = openai.read(containers.Container("npy-folder", arrays))
    text_TB = _bytes()
    p = [arrays[str(n)].astype("f8") for n in range(15)]
    wh = np.concatenate(p[2:6], axis=1)
    wx, wmx, wmh = p[1], p[6], p[7]
    scaled = [
        v / np.sqrt((v * v).sum(0)) * g
        for v, g in zip((wx, wh, wmx, wmh), p[9:13], strict=True)
    ]
    wx, wh, wmx, wmh = scaled
    h, c = np.zeros((B, H)), np.zeros((B, H))
    for x in p[0][text_TB]:
        m = (x @ wmx) * (h @ wmh)
        i, f, o, u = np.split(x @ wx + m @ wh + p[8], 4, axis=1)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        c = f * c + i * np.tanh(u)
        h = o * np.tanh(c)
    logits = h @ p[13] + p[14]
    mine = _ours(
        checkpoint, checkpoint.weights["embedding/weight"].astype("f8")[text_TB]
    )
    assert np.abs(logits - mine).max() <= tolerances.PUBLISHED_F64.value
