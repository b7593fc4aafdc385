"""Pooling in plain NumPy float64, forward and reverse, one text after the other.

What is no valid step is cut out before anything is computed. `tests/model/
test_pooling.py` holds the gradients to central differences.

Axes: N texts, T words, H hidden units, S valid steps of one text.
"""

import numpy as np

KINDS = ("mean", "max", "last", "attention")


def attention_weights(h_SH, attention_H, epsilon):
    logits_S = h_SH @ attention_H
    e_S = np.exp(logits_S - logits_S.max())
    return e_S / (epsilon + e_S.sum())


def pool(kind, h_NTH, mask_NT, attention_H=None, epsilon=1e-7):
    """Return float64[N, H]."""
    rows = []
    for h_TH, valid_T in zip(h_NTH, mask_NT, strict=True):
        h_SH = h_TH[valid_T].astype(np.float64)
        if not len(h_SH):
            rows.append(np.zeros(h_TH.shape[1]))
        elif kind == "mean":
            rows.append(h_SH.sum(axis=0) / len(h_SH))
        elif kind == "max":
            rows.append(h_SH.max(axis=0))
        elif kind == "last":
            rows.append(h_SH[-1])
        else:
            rows.append(attention_weights(h_SH, attention_H, epsilon) @ h_SH)
    return np.stack(rows)


def gradients(kind, h_NTH, mask_NT, dout_NH, attention_H=None, epsilon=1e-7):
    """Return the gradients of `h` and of `attention` of sum(dout * result)."""
    dh_NTH = np.zeros(h_NTH.shape)
    dattention_H = np.zeros(h_NTH.shape[2])
    for h_TH, valid_T, d_H, dh_TH in zip(h_NTH, mask_NT, dout_NH, dh_NTH, strict=True):
        h_SH = h_TH[valid_T].astype(np.float64)
        dh_SH = np.zeros_like(h_SH)
        if not len(h_SH):
            continue
        if kind == "mean":
            dh_SH += d_H / len(h_SH)
        elif kind == "max":
            dh_SH[h_SH.argmax(axis=0), np.arange(len(d_H))] = d_H
        elif kind == "last":
            dh_SH[-1] = d_H
        else:
            weight_S = attention_weights(h_SH, attention_H, epsilon)
            dweight_S = h_SH @ d_H
            dlogits_S = weight_S * (dweight_S - weight_S @ dweight_S)
            # The maximum is subtracted from the logits but not from epsilon.
            dlogits_S[(h_SH @ attention_H).argmax()] -= dlogits_S.sum()
            dh_SH += np.outer(weight_S, d_H) + np.outer(dlogits_S, attention_H)
            dattention_H += h_SH.T @ dlogits_S
        dh_TH[valid_T] = dh_SH
    return dh_NTH, dattention_H
