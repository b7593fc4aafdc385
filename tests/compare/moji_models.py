"""DeepMoji's network put together from plain layers of Keras and of PyTorch.

Nothing of this project is in it: what a converted file holds is loaded by the names,
axes and orders of each framework's own code, or put together by hand.

Axes: N texts, T words, H units, F pooled width.
"""

import h5py
import keras
import numpy as np
import torch
from keras import ops
from keras.src.legacy.saving import legacy_h5_format
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

EPSILON = 1e-7

_PARTS = {"wx": "weight_ih", "wh": "weight_hh", "b": "bias_ih"}


# Bidirectional copies its layer by names: under Keras's own name it would become what
# Keras 3 calls the hard sigmoid, clip(x / 6 + 0.5, 0, 1).
@keras.saving.register_keras_serializable(package="tests")
def old_hard_sigmoid(x):
    """Return the hard sigmoid of Keras 1 and 2."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


@keras.saving.register_keras_serializable(package="tests")
class WeightedAverage(keras.layers.Layer):
    """Mean of the steps, weighted by a softmax over those that are valid."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_mask(self, h_NTF, mask=None):
        return None

    def build(self, shape):
        self.vector = self.add_weight(shape=(shape[-1], 1), name=f"{self.name}_W")

    def call(self, h_NTF, mask=None):
        logits_NT = ops.matmul(h_NTF, self.vector)[:, :, 0]
        e_NT = ops.exp(logits_NT - ops.max(logits_NT, axis=1, keepdims=True))
        e_NT = e_NT * ops.cast(mask, "float32")
        weight_NT = e_NT / (ops.sum(e_NT, axis=1, keepdims=True) + EPSILON)
        return ops.sum(h_NTF * weight_NT[:, :, None], axis=1)


def in_keras(num_words, embedding_size, units, num_classes):
    """Return the network in Keras, logits its output; layers have DeepMoji's names."""
    layers = keras.layers
    words_NT = keras.Input((None,), dtype="int32")
    x = layers.Embedding(num_words, embedding_size, mask_zero=True, name="embedding")(
        words_NT
    )
    outputs = [layers.Activation("tanh")(x)]
    for k in range(2):
        lstm = layers.LSTM(
            units, return_sequences=True, recurrent_activation=old_hard_sigmoid
        )
        both = layers.Bidirectional(lstm, name=f"bi_lstm_{k}")
        outputs.append(both(outputs[-1]))
    joined = layers.Concatenate()(outputs[::-1])
    pooled = WeightedAverage(name="attlayer")(joined)
    pooled = layers.Dense(num_classes, name="softmax")(pooled)
    return keras.Model(words_NT, pooled)


def load_old(model, path):
    """Give a Keras model the weights of a file of Keras 1 or 2, by Keras's reader."""
    with h5py.File(path) as file:
        legacy_h5_format.load_weights_from_hdf5_group(file, model)


def save_old(model, path):
    """Write the weights of a Keras model as Keras 2 did, by Keras's writer."""
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


class InTorch(nn.Module):
    """The network in PyTorch, logits its output; parameters have torchMoji's names."""

    def __init__(self, num_words, embedding_size, units, num_classes):
        super().__init__()
        self.embed = nn.Embedding(num_words, embedding_size)
        make = {"bidirectional": True, "batch_first": True}
        self.lstm_0 = nn.LSTM(embedding_size, units, **make)
        self.lstm_1 = nn.LSTM(2 * units, units, **make)
        self.attention_layer = nn.Module()
        vector = torch.empty(4 * units + embedding_size)
        self.attention_layer.attention_vector = nn.Parameter(vector)
        self.output_layer = nn.Sequential(nn.Linear(len(vector), num_classes))

    def forward(self, words_NT):
        lengths_N = (words_NT != 0).sum(1)
        packed = pack_padded_sequence(
            words_NT, lengths_N, batch_first=True, enforce_sorted=False
        )
        words_NT, _ = pad_packed_sequence(packed, batch_first=True)
        x_NTE = torch.tanh(self.embed(words_NT))
        first_NTF = self._read(self.lstm_0, x_NTE, lengths_N)
        second_NTF = self._read(self.lstm_1, first_NTF, lengths_N)
        h_NTF = torch.cat([second_NTF, first_NTF, x_NTE], 2)
        logits_NT = h_NTF @ self.attention_layer.attention_vector
        e_NT = (logits_NT - logits_NT.max()).exp()
        e_NT = e_NT * (torch.arange(e_NT.shape[1]) < lengths_N[:, None])
        weight_NT = e_NT / e_NT.sum(1, keepdim=True)
        return self.output_layer((h_NTF * weight_NT[:, :, None]).sum(1))

    def _read(self, lstm, x_NTE, lengths_N):
        """Return both directions of a layer, each text by itself."""
        rows = []
        for x_TE, length in zip(x_NTE, lengths_N, strict=True):
            sides = [
                _direction(lstm, suffix, x_TE[:length], turn)
                for suffix, turn in (("", False), ("_reverse", True))
            ]
            h_TF = torch.cat(sides, 1)
            rows.append(nn.functional.pad(h_TF, (0, 0, 0, len(x_TE) - length)))
        return torch.stack(rows)


def _direction(lstm, suffix, x_TE, turn):
    w = {
        name: getattr(lstm, f"{name}_l0{suffix}")
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    h_H = c_H = torch.zeros(w["weight_hh"].shape[1])
    found = []
    for x_E in x_TE.flip(0) if turn else x_TE:
        z_G = w["weight_ih"] @ x_E + w["bias_ih"] + w["weight_hh"] @ h_H + w["bias_hh"]
        i, f, g, o = z_G.chunk(4)
        i, f, o = ((0.2 * gate + 0.5).clamp(0, 1) for gate in (i, f, o))
        c_H = f * c_H + i * torch.tanh(g)
        h_H = o * torch.tanh(c_H)
        found.append(h_H)
    return torch.stack(found[::-1] if turn else found)


def torch_arrays(weights):
    """Return our weights as torchMoji has them, put together by hand."""
    found = {"embed.weight": weights["embedding/weight"]}
    for layer in (0, 1):
        for side, end in (("forward", ""), ("backward", "_reverse")):
            for part, name in _PARTS.items():
                i, f, o, u = np.split(weights[f"layers/{layer}/{side}/{part}"], 4, -1)
                array = np.concatenate([i, f, u, o], -1)
                found[f"lstm_{layer}.{name}_l0{end}"] = array.T
            found[f"lstm_{layer}.bias_hh_l0{end}"] = np.zeros(len(array.T), "f4")
    found["attention_layer.attention_vector"] = weights["attention/weight"][:, 0]
    found["output_layer.0.weight"] = weights["output/weight"].T
    found["output_layer.0.bias"] = weights["output/bias"]
    return {name: np.ascontiguousarray(array) for name, array in found.items()}
