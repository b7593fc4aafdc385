"""Drawing bytes in plain NumPy float64: the truth that both frameworks are held to.

Axes: V byte values, H units.
"""

import numpy as np

from tests import reference_rnn


def generate(
    cell, weights, prompt, length, noise, temperature=1.0, top_k=256, pin=None
):
    """Return the bytes drawn, the states after every step, the closest call.

    Args:
        pin: (layer, "hidden" or "cell", {unit: value}), held after every step.

    The states are a list a step of (h, c) a layer. The closest call is the smallest
    distance of anything drawn from another outcome: below a few 1e-6 float32 may err.
    """
    layers = reference_rnn.layer_weights(weights)
    effective = [reference_rnn.effective(w) for w in layers]
    embedding = np.asarray(weights["embedding/weight"], np.float64)
    zeros = [np.zeros((1, w["wh"].shape[0])) for w in layers]
    state = [(zero, zero) for zero in zeros]
    read, drawn, states, closest = list(prompt), [], [], np.inf
    for k in range(len(prompt) - 1 + length):
        x = embedding[read[k]][None]
        for n, w in enumerate(effective):
            h, c, saved = reference_rnn.step(cell, w, x, *state[n])
            if pin is not None and pin[0] == n:
                h, c = pinned(h, c, saved, *pin[1:])
            state[n] = (h, c)
            x = h
        states.append(list(state))
        if k + 1 < len(prompt):
            continue
        logits = x[0] @ reference_rnn.output_matrix(weights) + weights["output/bias"]
        byte, margin = draw(logits, noise[len(drawn)], temperature, top_k)
        closest = min(closest, margin)
        drawn.append(byte)
        read.append(byte)
    return bytes(drawn), states, closest


def pinned(h, c, saved, name, values):
    units = list(values)
    if name == "cell":
        c = c.copy()
        c[0, units] = list(values.values())
        return saved["o"] * np.tanh(c), c
    h = h.copy()
    h[0, units] = list(values.values())
    return h, c


def draw(logits, noise, temperature, top_k):
    """Return the byte drawn, and how far noise and logits are from another one."""
    order = np.argsort(-logits, kind="stable")
    margin = np.inf if top_k == 256 else -np.diff(logits[order])[top_k - 1]
    if temperature == 0:
        return int(order[0]), -np.diff(logits[order])[0]
    kept = np.full(256, -np.inf)
    kept[order[:top_k]] = logits[order[:top_k]]
    weight = np.exp((kept - kept.max()) / temperature)
    borders = np.cumsum(weight) / weight.sum()
    byte = int(np.searchsorted(borders, noise, side="right"))
    return byte, min(margin, np.abs(borders[:-1] - noise).min())
