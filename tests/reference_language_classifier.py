"""A language model with heads in plain NumPy float64, one text after the other.

No batch, no padding and no mask: what they must not change. Names of weights are those
of a run of system language.

Axes: T bytes, H hidden units, F columns of the feature, M heads, K outputs, V bytes.
"""

from __future__ import annotations

import numpy as np

from tests.reference_rnn import (
    effective,
    layer_weights,
    log_softmax,
    output_matrix,
    run,
)

POOL = {
    "last": lambda s_TH: s_TH[-1],
    "mean": lambda s_TH: s_TH.mean(axis=0),
    "max": lambda s_TH: s_TH.max(axis=0),
    "min": lambda s_TH: s_TH.min(axis=0),
}


def states(cell, weights, text):
    """Return for each layer h and c after every byte of a text, (h_TH, c_TH)."""
    x_1TE = np.asarray(weights["embedding/weight"], np.float64)[text][None]
    found = []
    for w in layer_weights(weights):
        zeros = np.zeros((1, w["wh"].shape[0]))
        h_1TH, _, c_last, trace = run(
            cell, effective(w), x_1TE, zeros, zeros, None, None
        )
        c_TH = np.concatenate([*(c_BH for _, _, _, c_BH, _ in trace[1:]), c_last])
        found.append((h_1TH[0], c_TH))
        x_1TE = h_1TH
    return found


def feature(found, parts):
    """Return float64[F] from the states of a text."""
    return np.concatenate(
        [POOL[pooling](found[layer][number]) for layer, number, pooling in parts]
    )


def heads(config, weights, feature_F, num_outputs):
    """Return what each head says of a feature, float64[M, K]."""
    x_F = (feature_F - weights["heads/center"]) * weights["heads/scale"]
    for k in range(len(config.hidden)):
        name = f"heads/hidden/{k}"
        x_F = x_F @ weights[f"{name}/weight"] + weights[f"{name}/bias"]
        slope = weights.get(f"{name}/slope", np.zeros(1))
        x_F = np.where(x_F > 0.0, x_F, slope * x_F)
    said = x_F @ weights["heads/output/weight"] + weights["heads/output/bias"]
    return said.reshape(config.heads, num_outputs)


def likeness(config, weights, num_outputs):
    """Return the mean squared cosine between two heads' weights for one output."""
    w_FMK = weights["heads/output/weight"].reshape(-1, config.heads, num_outputs)
    squares = []
    for k in range(num_outputs):
        for m in range(config.heads):
            for n in range(m):
                a, b = w_FMK[:, m, k], w_FMK[:, n, k]
                squares.append((a @ b) ** 2 / (a @ a) / (b @ b))
    return np.mean(squares) if squares else 0.0


def loss(cell, config, weights, parts, texts, labels, num_outputs):
    """Return what an update of one class a text makes smaller."""
    told, nats = [], []
    for text, label in zip(texts, labels, strict=True):
        found = states(cell, weights, text)
        said_MK = heads(config, weights, feature(found, parts), num_outputs)
        told += list(-log_softmax(said_MK)[:, label])
        if config.language_loss:
            logits_TV = found[-1][0][:-1] @ output_matrix(weights)
            odds_TV = log_softmax(logits_TV + weights["output/bias"])
            nats += list(-odds_TV[np.arange(len(text) - 1), text[1:]])
    total = np.mean(told) + config.head_variance * likeness(
        config, weights, num_outputs
    )
    return total + (config.language_loss * np.mean(nats) if nats else 0.0)
