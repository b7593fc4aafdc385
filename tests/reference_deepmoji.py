"""The whole network of DeepMoji in plain NumPy float64, forward and reverse.

    x = tanh(embedding[word])        both LSTMs in both directions, hard sigmoid
    pooled = attention over [second LSTM, first LSTM, x], forward units first
    logits = pooled W + b            loss: mean nats of the right class

The cell and the attention are those of `reference_rnn` and `reference_pooling`; here
stands how they are put together. Weights have our names and axes, gates i f o u.
`tests/model/test_reference_deepmoji.py` holds the gradients to central differences.

Axes: N texts, T words, E embedding, H units, F pooled width, K classes.
"""

import numpy as np

from tests import reference_pooling, reference_rnn

GATE = "hard_sigmoid"
SIDES = ("forward", "backward")


def shapes(num_words, embedding_size, units, num_classes):
    """Return our name of every weight with its shape."""
    V, E, H, K = num_words, embedding_size, units, num_classes
    found = {"embedding/weight": (V, E)}
    for layer, inputs in enumerate((E, 2 * H)):
        for side in SIDES:
            found[f"layers/{layer}/{side}/wx"] = (inputs, 4 * H)
            found[f"layers/{layer}/{side}/wh"] = (H, 4 * H)
            found[f"layers/{layer}/{side}/b"] = (4 * H,)
    F = 4 * H + E
    return found | {
        "attention/weight": (F, 1),
        "output/weight": (F, K),
        "output/bias": (K,),
    }


def draw(num_words=13, embedding_size=3, units=4, num_classes=5, seed=0):
    """Return weights of a size at which every part of the network matters."""
    rng = np.random.default_rng(seed)
    sizes = shapes(num_words, embedding_size, units, num_classes)
    return {n: (0.6 * rng.standard_normal(s)).astype("f4") for n, s in sizes.items()}


def _direction(weights, layer, side):
    return {n: weights[f"layers/{layer}/{side}/{n}"] for n in ("wx", "wh", "b")}


def _read(w, x_NTE, mask_NT, side):
    """Return the outputs of one direction, in the order of the text."""
    turn = slice(None, None, -1) if side == "backward" else slice(None)
    zeros_NH = np.zeros((len(x_NTE), w["wh"].shape[0]))
    h_NTH, _, _ = reference_rnn.forward(
        "lstm", w, x_NTE[:, turn], zeros_NH, zeros_NH, None, mask_NT[:, turn], GATE
    )
    return h_NTH[:, turn]


def _layers(weights, words_NT, mask_NT):
    """Return the embedding and the outputs of both LSTMs."""
    w = {n: a.astype("f8") for n, a in weights.items()}
    found = [np.tanh(w["embedding/weight"][words_NT])]
    for layer in (0, 1):
        sides = [
            _read(_direction(w, layer, side), found[-1], mask_NT, side)
            for side in SIDES
        ]
        found.append(np.concatenate(sides, axis=2))
    return w, found


def forward(weights, words_NT, mask_NT, epsilon=1e-7):
    """Return logits [N, K] and the weight of each word [N, T]."""
    w, found = _layers(weights, words_NT, mask_NT)
    h_NTF = np.concatenate(found[::-1], axis=2)
    attention_F = w["attention/weight"][:, 0]
    pooled_NF = reference_pooling.pool(
        "attention", h_NTF, mask_NT, attention_F, epsilon
    )
    weight_NT = np.zeros(mask_NT.shape)
    for h_TF, valid_T, weight_T in zip(h_NTF, mask_NT, weight_NT, strict=True):
        weight_T[valid_T] = reference_pooling.attention_weights(
            h_TF[valid_T], attention_F, epsilon
        )
    return pooled_NF @ w["output/weight"] + w["output/bias"], weight_NT


def loss(weights, words_NT, mask_NT, labels_N):
    """Return the mean nats of the right class."""
    logits_NK, _ = forward(weights, words_NT, mask_NT)
    rows = np.arange(len(labels_N))
    return -reference_rnn.log_softmax(logits_NK)[rows, labels_N].mean()


def gradients(weights, words_NT, mask_NT, labels_N):
    """Return the gradient of `loss` for every weight, by our names."""
    w, found = _layers(weights, words_NT, mask_NT)
    h_NTF = np.concatenate(found[::-1], axis=2)
    attention_F = w["attention/weight"][:, 0]
    pooled_NF = reference_pooling.pool("attention", h_NTF, mask_NT, attention_F)
    logits_NK = pooled_NF @ w["output/weight"] + w["output/bias"]
    hot_NK = np.eye(logits_NK.shape[1])[labels_N]
    dlogits_NK = (np.exp(reference_rnn.log_softmax(logits_NK)) - hot_NK) / len(hot_NK)
    grads = {
        "output/weight": pooled_NF.T @ dlogits_NK,
        "output/bias": dlogits_NK.sum(0),
    }
    dh_NTF, dattention_F = reference_pooling.gradients(
        "attention", h_NTF, mask_NT, dlogits_NK @ w["output/weight"].T, attention_F
    )
    grads["attention/weight"] = dattention_F[:, None]
    width = found[1].shape[2]
    d_second, d_first, d_embedding = np.split(dh_NTF, (width, 2 * width), axis=2)
    d_inputs, more = _reverse(w, 1, found[1], mask_NT, d_second)
    grads |= more
    d_inputs, more = _reverse(w, 0, found[0], mask_NT, d_first + d_inputs)
    grads |= more
    dz_NTE = (d_embedding + d_inputs) * (1.0 - found[0] ** 2)
    grads["embedding/weight"] = np.zeros(w["embedding/weight"].shape)
    np.add.at(grads["embedding/weight"], words_NT, dz_NTE)
    return grads


def _reverse(w, layer, x_NTE, mask_NT, dout_NTH):
    """Return the gradients of a layer's inputs and of its weights."""
    dx_NTE, grads = np.zeros(x_NTE.shape), {}
    for side, dside_NTH in zip(SIDES, np.split(dout_NTH, 2, axis=2), strict=True):
        turn = slice(None, None, -1) if side == "backward" else slice(None)
        weights = _direction(w, layer, side)
        zeros_NH = np.zeros((len(x_NTE), weights["wh"].shape[0]))
        found = reference_rnn.gradients(
            "lstm",
            weights,
            x_NTE[:, turn],
            zeros_NH,
            zeros_NH,
            dside_NTH[:, turn],
            zeros_NH,
            None,
            mask_BT=mask_NT[:, turn],
            gate=GATE,
        )
        dx_NTE += found["x"][:, turn]
        grads |= {f"layers/{layer}/{side}/{n}": found[n] for n in weights}
    return dx_NTE, grads


def batch(num_words=13, lengths=(6, 1, 4, 3), side="after", num_classes=5, seed=3):
    """Return words and mask, both [N, T], and labels; filled up on one side."""
    rng = np.random.default_rng(seed)
    T = max(lengths) + 2
    step_T, length_N1 = np.arange(T), np.array(lengths)[:, None]
    mask_NT = step_T < length_N1 if side == "after" else step_T >= T - length_N1
    words_NT = rng.integers(1, num_words, mask_NT.shape) * mask_NT
    return words_NT, mask_NT, rng.integers(0, num_classes, len(lengths))
