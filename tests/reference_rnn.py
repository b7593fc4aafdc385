"""The equations of the five cells in plain NumPy float64, forward and reverse.

The truth that Keras layers and twins are measured against: loops over time, one
line an equation, no shared code with either. `tests/model/test_reference.py`
holds its gradients to central differences.

Weights are a dictionary: `wx (E, G)`, `wh (H, G)`, `b (G)`; mlstm also `wmx (E, H)`
and `wmh (H, H)`; gru also `bh (G)`. With gains (`gx gh gmx gmh`, one a column) the
matrix is a direction: w = g * v / |v|, norm over the input axis. G is 4H with blocks
i f o u (mlstm, lstm), 3H with blocks z r h (gru), or H (tanh, relu). `gate` names
what i, f, o or z, r pass through.

Axes: B lanes, T time steps, E inputs, H units, G gate columns, V byte values.
"""

from __future__ import annotations

import numpy as np

GAINS = {"wx": "gx", "wh": "gh", "wmx": "gmx", "wmh": "gmh"}
CELLS = ("mlstm", "lstm", "gru", "tanh", "relu")


def sigmoid(x):
    return 0.5 * (1.0 + np.tanh(0.5 * x))


# What gates pass through, and its slope where the value is a.
GATES = {
    "sigmoid": (sigmoid, lambda a: a * (1.0 - a)),
    "hard_sigmoid": (
        lambda x: np.minimum(np.maximum(0.2 * x + 0.5, 0.0), 1.0),
        lambda a: 0.2 * ((a > 0.0) & (a < 1.0)),
    ),
    "steep_sigmoid": (lambda x: sigmoid(3.75 * x), lambda a: 3.75 * a * (1.0 - a)),
}


def effective(weights):
    """Return the weights with every gain multiplied into its matrix."""
    folded = {k: v for k, v in weights.items() if k not in GAINS.values()}
    for matrix, gain in GAINS.items():
        if gain in weights:
            v = weights[matrix]
            folded[matrix] = weights[gain] * v / np.sqrt((v * v).sum(axis=0))
    return folded


def unfold_gradients(weights, grads):
    """Turn gradients of effective matrices into gradients of directions and gains."""
    unfolded = dict(grads)
    for matrix, gain in GAINS.items():
        if gain in weights:
            v, dw = weights[matrix], grads[matrix]
            norm = np.sqrt((v * v).sum(axis=0))
            unfolded[gain] = (dw * v / norm).sum(axis=0)
            unfolded[matrix] = weights[gain] / norm * (dw - v / norm * unfolded[gain])
    return unfolded


def step(cell, w, x_BE, h_BH, c_BH, gate="sigmoid"):
    """Return h, c after one step and what the reverse step needs."""
    if cell == "mlstm":
        a_BH = x_BE @ w["wmx"]
        q_BH = h_BH @ w["wmh"]
        m_BH = a_BH * q_BH
        z_BG = x_BE @ w["wx"] + m_BH @ w["wh"] + w["b"]
        return lstm_gates(z_BG, c_BH, {"a": a_BH, "q": q_BH, "m": m_BH}, gate)
    if cell == "lstm":
        z_BG = x_BE @ w["wx"] + h_BH @ w["wh"] + w["b"]
        return lstm_gates(z_BG, c_BH, {}, gate)
    if cell == "gru":
        xz, xr, xh = np.split(x_BE @ w["wx"] + w["b"], 3, axis=1)
        hz, hr, hh = np.split(h_BH @ w["wh"] + w["bh"], 3, axis=1)
        activate, _ = GATES[gate]
        z_BH, r_BH = activate(xz + hz), activate(xr + hr)
        n_BH = np.tanh(xh + r_BH * hh)
        saved = {"z": z_BH, "r": r_BH, "n": n_BH, "hh": hh}
        return z_BH * h_BH + (1.0 - z_BH) * n_BH, c_BH, saved
    s_BH = x_BE @ w["wx"] + h_BH @ w["wh"] + w["b"]
    h_new = np.tanh(s_BH) if cell == "tanh" else np.maximum(s_BH, 0.0)
    return h_new, c_BH, {"h_new": h_new}


def lstm_gates(z_BG, c_BH, saved, gate):
    activate, _ = GATES[gate]
    i, f, o, u = np.split(z_BG, 4, axis=1)
    i, f, o, u = activate(i), activate(f), activate(o), np.tanh(u)
    c_new = f * c_BH + i * u
    saved |= {"i": i, "f": f, "o": o, "u": u, "tc": np.tanh(c_new)}
    return o * saved["tc"], c_new, saved


def lstm_gates_reverse(saved, c_BH, dh, dc, gate):
    """Return the gradients of z and of the incoming c."""
    _, slope = GATES[gate]
    i, f, o, u, tc = (saved[k] for k in ("i", "f", "o", "u", "tc"))
    dc = dc + dh * o * (1.0 - tc * tc)
    dz_BG = np.concatenate(
        [
            dc * u * slope(i),
            dc * c_BH * slope(f),
            dh * tc * slope(o),
            dc * i * (1.0 - u * u),
        ],
        axis=1,
    )
    return dz_BG, dc * f


def step_reverse(cell, w, x_BE, h_BH, c_BH, saved, dh, dc, pairs, gate):
    """Return the gradients of x, h and c in one step.

    Appends to `pairs[name]` an (a, d) for every weight: its gradient is the sum over
    steps of a.T @ d.
    """
    one_B1 = np.ones((len(x_BE), 1))
    if cell == "mlstm":
        dz_BG, dc_in = lstm_gates_reverse(saved, c_BH, dh, dc, gate)
        dm_BH = dz_BG @ w["wh"].T
        da_BH, dq_BH = dm_BH * saved["q"], dm_BH * saved["a"]
        pairs["wx"].append((x_BE, dz_BG))
        pairs["wh"].append((saved["m"], dz_BG))
        pairs["wmx"].append((x_BE, da_BH))
        pairs["wmh"].append((h_BH, dq_BH))
        pairs["b"].append((one_B1, dz_BG))
        dx_BE = dz_BG @ w["wx"].T + da_BH @ w["wmx"].T
        return dx_BE, dq_BH @ w["wmh"].T, dc_in
    if cell == "gru":
        _, slope = GATES[gate]
        z, r, n, hh = (saved[k] for k in ("z", "r", "n", "hh"))
        ds_BH = dh * (1.0 - z) * (1.0 - n * n)
        dz_BH = dh * (h_BH - n) * slope(z)
        dr_BH = ds_BH * hh * slope(r)
        dx_BG = np.concatenate([dz_BH, dr_BH, ds_BH], axis=1)
        dh_BG = np.concatenate([dz_BH, dr_BH, ds_BH * r], axis=1)
        pairs["wx"].append((x_BE, dx_BG))
        pairs["wh"].append((h_BH, dh_BG))
        pairs["b"].append((one_B1, dx_BG))
        pairs["bh"].append((one_B1, dh_BG))
        return dx_BG @ w["wx"].T, dh * z + dh_BG @ w["wh"].T, dc
    dc_in = dc
    if cell == "lstm":
        ds_BG, dc_in = lstm_gates_reverse(saved, c_BH, dh, dc, gate)
    elif cell == "tanh":
        ds_BG = dh * (1.0 - saved["h_new"] ** 2)
    else:
        ds_BG = dh * (saved["h_new"] > 0.0)
    pairs["wx"].append((x_BE, ds_BG))
    pairs["wh"].append((h_BH, ds_BG))
    pairs["b"].append((one_B1, ds_BG))
    return ds_BG @ w["wx"].T, ds_BG @ w["wh"].T, dc_in


def run(cell, w, x_BTE, h0, c0, reset_BT, mask_BT, gate="sigmoid"):
    """Return h at every step, the last h and c, and the trace of every step."""
    if cell not in CELLS:
        raise ValueError(f"cell is {cell!r}; one of {CELLS} will do.")
    B, T, _ = x_BTE.shape
    x_BTE = np.asarray(x_BTE, dtype=np.float64)
    h_BH = np.asarray(h0, dtype=np.float64)
    c_BH = np.zeros_like(h_BH) if c0 is None else np.asarray(c0, dtype=np.float64)
    keep_BT = np.ones((B, T)) if reset_BT is None else 1.0 - np.asarray(reset_BT)
    valid_BT = np.ones((B, T), bool) if mask_BT is None else np.asarray(mask_BT, bool)
    h_BTH = np.zeros((B, T, h_BH.shape[1]))
    trace = []
    for t in range(T):
        keep_B1, valid_B1 = keep_BT[:, t, None], valid_BT[:, t, None]
        h_BH, c_BH = h_BH * keep_B1, c_BH * keep_B1
        h_new, c_new, saved = step(cell, w, x_BTE[:, t], h_BH, c_BH, gate)
        trace.append((keep_B1, valid_B1, h_BH, c_BH, saved))
        h_BH, c_BH = np.where(valid_B1, h_new, h_BH), np.where(valid_B1, c_new, c_BH)
        h_BTH[:, t] = h_BH
    return h_BTH, h_BH, c_BH, trace


def forward(
    cell, weights, x_BTE, h0, c0=None, reset_BT=None, mask_BT=None, gate="sigmoid"
):
    """Return h at every step, the last h, and the last c (None where there is no c).

    A True in `reset_BT` zeroes the lane's state before step t. A False in `mask_BT`
    carries the lane's state, after any reset, through step t and puts its h out.
    """
    w = effective(weights)
    h_BTH, h_last, c_last, _ = run(cell, w, x_BTE, h0, c0, reset_BT, mask_BT, gate)
    return h_BTH, h_last, c_last if cell in ("mlstm", "lstm") else None


def gradients(
    cell, weights, x_BTE, h0, c0, dh_BTH, dh_last, dc_last, reset_BT=None,
    mask_BT=None, gate="sigmoid",
):  # fmt: skip
    """Return the gradient of every weight and of `x`, `h0`, `c0`, by name.

    The scalar is sum(dh_BTH * h_BTH) + sum(dh_last * h_last) + sum(dc_last * c_last).
    Cells without c take None for `c0` and `dc_last` and return no `c0`.
    """
    w = effective(weights)
    *_, trace = run(cell, w, x_BTE, h0, c0, reset_BT, mask_BT, gate)
    pairs = {name: [] for name in w}
    dx_BTE = np.zeros(x_BTE.shape)
    dh = np.array(dh_last, dtype=np.float64)
    dc = np.zeros_like(dh) if dc_last is None else np.array(dc_last, dtype=np.float64)
    for t in reversed(range(x_BTE.shape[1])):
        keep_B1, valid_B1, h_BH, c_BH, saved = trace[t]
        dh = dh + dh_BTH[:, t]
        x_BE, dh_new, dc_new = x_BTE[:, t], dh * valid_B1, dc * valid_B1
        dx_BTE[:, t], dh_in, dc_in = step_reverse(
            cell, w, x_BE, h_BH, c_BH, saved, dh_new, dc_new, pairs, gate
        )
        carried = ~valid_B1
        dh = np.where(carried, dh + dh_in, dh_in) * keep_B1
        dc = np.where(carried, dc, dc_in) * keep_B1
    # One product over all steps: a sum of outer products of 4096 units takes minutes.
    grads = {}
    for name, steps in pairs.items():
        a, d = (np.concatenate(each) for each in zip(*steps, strict=True))
        grads[name] = (a.T @ d).reshape(w[name].shape)
    grads = unfold_gradients(weights, grads) | {"x": dx_BTE, "h0": dh}
    return grads | {"c0": dc} if cell in ("mlstm", "lstm") else grads


def layer_weights(weights):
    """Return one dictionary a layer from names such as `layers/0/wx`."""
    layers = {}
    for name, value in weights.items():
        if name.startswith("layers/"):
            _, index, short = name.split("/")
            layers.setdefault(int(index), {})[short] = np.asarray(value, np.float64)
    return [layers[k] for k in sorted(layers)]


def language_model_logits(cell, weights, bytes_BT, states=None, reset_BT=None):
    """Return logits_BTV, the final (h, c) of every layer and every layer's input."""
    x_BTE = np.asarray(weights["embedding/weight"], np.float64)[bytes_BT]
    last, inputs = [], []
    for k, w in enumerate(layer_weights(weights)):
        zeros = np.zeros((len(bytes_BT), w["wh"].shape[0]))
        h0, c0 = (zeros, zeros) if states is None else states[k]
        inputs.append(x_BTE)
        x_BTE, h_last, c_last = forward(cell, w, x_BTE, h0, c0, reset_BT)
        last.append((h_last, c_last))
    inputs.append(x_BTE)
    return x_BTE @ output_matrix(weights) + weights["output/bias"], last, inputs


def output_matrix(weights):
    """Return (H, 256): the output weight, or the tied embedding where there is none."""
    tied = np.asarray(weights["embedding/weight"], np.float64).T
    return weights.get("output/weight", tied)


def log_softmax(logits_BTV):
    shifted = logits_BTV - logits_BTV.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def language_model_loss(cell, weights, bytes_BT1, states=None, reset_BT=None):
    """Return the mean nats a byte of predicting `bytes[:, 1:]` from `bytes[:, :-1]`."""
    inputs_BT, targets_BT = bytes_BT1[:, :-1], bytes_BT1[:, 1:]
    logits_BTV, *_ = language_model_logits(cell, weights, inputs_BT, states, reset_BT)
    picked = np.take_along_axis(log_softmax(logits_BTV), targets_BT[..., None], -1)
    return -float(picked.mean())


def language_model_gradients(cell, weights, bytes_BT1, states=None, reset_BT=None):
    """Return the gradient of `language_model_loss` for every weight, by file name."""
    inputs_BT, targets_BT = bytes_BT1[:, :-1], bytes_BT1[:, 1:]
    logits_BTV, _, inputs = language_model_logits(
        cell, weights, inputs_BT, states, reset_BT
    )
    hot_BTV = np.eye(logits_BTV.shape[-1])[targets_BT]
    dlogits_BTV = (np.exp(log_softmax(logits_BTV)) - hot_BTV) / targets_BT.size
    dout_HV = np.einsum("bth,btv->hv", inputs[-1], dlogits_BTV)
    grads = {"output/bias": dlogits_BTV.sum(axis=(0, 1))}
    dx_BTE = dlogits_BTV @ output_matrix(weights).T
    for k, w in reversed(list(enumerate(layer_weights(weights)))):
        zeros = np.zeros((len(bytes_BT1), w["wh"].shape[0]))
        h0, c0 = (zeros, zeros) if states is None else states[k]
        layer = gradients(
            cell, w, inputs[k], h0, c0, dx_BTE, zeros, None, reset_BT=reset_BT
        )
        grads |= {f"layers/{k}/{name}": layer[name] for name in w}
        dx_BTE = layer["x"]
    dembedding = np.zeros(weights["embedding/weight"].shape)
    np.add.at(dembedding, inputs_BT, dx_BTE)
    if "output/weight" in weights:
        grads["output/weight"] = dout_HV
    else:
        dembedding += dout_HV.T
    return grads | {"embedding/weight": dembedding}
