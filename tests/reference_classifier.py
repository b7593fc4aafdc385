"""The Theano tutorial's classifier in plain NumPy, float64, step by step.

Its own names and shapes: `x` and `mask` are [T, N]. Dropout, where the model was
trained with it, halves the mean when it predicts (`dropout_layer` with no noise).

Source: http://deeplearning.net/tutorial/lstm.html, `lstm.py`.
"""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def predict(params, x, mask, use_dropout=True):
    """Return the probabilities [N, 2], as `f_pred_prob` does."""
    params = {name: value.astype("f8") for name, value in params.items()}
    mask = mask.astype("f8")
    dim = params["lstm_U"].shape[0]
    emb = params["Wemb"][x]
    below = emb @ params["lstm_W"] + params["lstm_b"]
    h = c = np.zeros((x.shape[1], dim))
    outputs = []
    for m, x_ in zip(mask, below, strict=True):
        preact = h @ params["lstm_U"] + x_
        i, f, o = (sigmoid(preact[:, k * dim : (k + 1) * dim]) for k in range(3))
        new = f * c + i * np.tanh(preact[:, 3 * dim :])
        new = m[:, None] * new + (1 - m)[:, None] * c
        h = m[:, None] * (o * np.tanh(new)) + (1 - m)[:, None] * h
        c = new
        outputs.append(h)
    proj = (np.stack(outputs) * mask[:, :, None]).sum(0) / mask.sum(0)[:, None]
    if use_dropout:
        proj = proj * 0.5
    logits = proj @ params["U"] + params["b"]
    odds = np.exp(logits - logits.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)


def draw(num_words=11, dim=5, seed=0, dtype="f4"):
    """Return parameters of a size at which every gate matters."""
    rng = np.random.default_rng(seed)
    shapes = {
        "Wemb": (num_words, dim),
        "lstm_W": (dim, 4 * dim),
        "lstm_U": (dim, 4 * dim),
        "lstm_b": (4 * dim,),
        "U": (dim, 2),
        "b": (2,),
    }
    return {n: rng.standard_normal(s).astype(dtype) for n, s in shapes.items()}


def batch(num_words=11, seed=0, lengths=(6, 1, 4)):
    """Return `x` and `mask`, [T, N], padded at the end with zeros."""
    rng = np.random.default_rng(seed + 50)
    mask = np.arange(max(lengths))[:, None] < np.array(lengths)
    return rng.integers(1, num_words, mask.shape) * mask, mask
