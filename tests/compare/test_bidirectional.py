"""Two layers, one reading backwards, and pooling: Keras, twin and NumPy agree.

Texts are padded behind and in front. Results, and gradients of every weight and of
the input, each against each, for each activation of the gates and each pooling.
"""

import keras
import numpy as np
import pytest
import torch

from compare.twin import pooling as twin_pooling
from compare.twin.language_model import CELLS as TWIN_LAYERS
from tests import reference_pooling, reference_rnn
from tests.tolerances import BIDIRECTIONAL_F32, CELL_F32
from tfsent.model import pooling
from tfsent.model.language_model import CELLS as LAYERS

N, T, E, H = 4, 6, 3, 7
MASK = np.array(
    [[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1], [0, 1, 0, 0, 0, 0]],
    bool,
)
SIDES = ("forward", "backward")
CASES = [
    ("lstm", "sigmoid", "max"),
    ("lstm", "hard_sigmoid", "attention"),
    ("lstm", "steep_sigmoid", "last"),
    ("gru", "hard_sigmoid", "last"),
    ("gru", "steep_sigmoid", "attention"),
    ("mlstm", "hard_sigmoid", "mean"),
    ("mlstm", "steep_sigmoid", "max"),
]
# Blocks i f o u are i f u o in the twin, z r n are r z n; each its own inverse.
BLOCKS = {"mlstm": (0, 1, 3, 2), "lstm": (0, 1, 3, 2), "gru": (1, 0, 2)}
POOLINGS = {
    "mean": "MaskedMean",
    "max": "MaskedMax",
    "last": "LastStep",
    "attention": "AttentionPooling",
}


def case(cell):
    """Return weights, inputs and upstream gradients."""
    rng = np.random.default_rng(len(cell))
    blocks = len(BLOCKS[cell])
    shapes = {"wx": (E, blocks * H), "wh": (H, blocks * H), "b": (blocks * H,)}
    if cell == "mlstm":
        shapes |= {"wmx": (E, H), "wmh": (H, H)}
    if cell == "gru":
        shapes |= {"bh": (blocks * H,)}
    arrays = {
        f"{side}/{name}": 0.5 * rng.normal(size=shape)
        for side in SIDES
        for name, shape in shapes.items()
    }
    arrays |= {"attention": rng.normal(size=(2 * H,)), "x": rng.normal(size=(N, T, E))}
    arrays |= {"dout": rng.normal(size=(N, 2 * H))}
    return {name: value.astype(np.float32) for name, value in arrays.items()}


def in_numpy(cell, gate, kind, arrays):
    """Return the result and the gradients in float64."""
    arrays = {name: value.astype(np.float64) for name, value in arrays.items()}
    zeros_NH = np.zeros((N, H))
    sides = []
    for side, step in zip(SIDES, (1, -1), strict=True):
        weights = {
            name.removeprefix(f"{side}/"): value
            for name, value in arrays.items()
            if name.startswith(side)
        }
        sides.append((weights, arrays["x"][:, ::step], MASK[:, ::step], step))
    h_NTF = np.concatenate(
        [
            reference_rnn.forward(
                cell, weights, x_NTE, zeros_NH, zeros_NH, mask_BT=mask_NT, gate=gate
            )[0][:, ::step]
            for weights, x_NTE, mask_NT, step in sides
        ],
        axis=2,
    )
    attention_F = arrays["attention"]
    found = {"result": reference_pooling.pool(kind, h_NTF, MASK, attention_F)}
    dh_NTF, dattention_F = reference_pooling.gradients(
        kind, h_NTF, MASK, arrays["dout"], attention_F
    )
    if kind == "attention":
        found["d/attention"] = dattention_F
    found["d/x"] = np.zeros((N, T, E))
    for k, (weights, x_NTE, mask_NT, step) in enumerate(sides):
        dh_NTH = dh_NTF[:, ::step, k * H : (k + 1) * H]
        has_c = cell != "gru"
        grads = reference_rnn.gradients(
            cell, weights, x_NTE, zeros_NH, zeros_NH if has_c else None, dh_NTH,
            zeros_NH, zeros_NH if has_c else None, mask_BT=mask_NT, gate=gate,
        )  # fmt: skip
        found["d/x"] += grads["x"][:, ::step]
        found |= {f"d/{SIDES[k]}/{name}": grads[name] for name in weights}
    return found


def keras_layers(cell, gate, kind, arrays):
    """Return `(forward, backward, pooling)` with the weights given."""
    layers = [
        LAYERS[cell](
            H, weight_norm=False, gate_activation=gate, return_sequences=True,
            go_backwards=side == "backward",
        )
        for side in SIDES
    ]  # fmt: skip
    for side, layer in zip(SIDES, layers, strict=True):
        layer.build((None, None, E))
        for variable in layer.trainable_variables:
            variable.assign(arrays[f"{side}/{variable.name}"])
    layers.append(getattr(pooling, POOLINGS[kind])())
    layers[-1].build((None, None, 2 * H))
    if kind == "attention":
        layers[-1].attention.assign(arrays["attention"][:, None])
    return layers


def read_keras(layers, x_NTE, mask_NT=None):
    forward, backward, pool = layers
    sides = [
        forward(x_NTE, mask=mask_NT),
        keras.ops.flip(backward(x_NTE, mask=mask_NT), axis=1),
    ]
    return pool(keras.ops.concatenate(sides, axis=2), mask=mask_NT)


def in_keras(cell, gate, kind, arrays):
    """Return the result and the gradients of the Keras layers."""
    import tensorflow as tf

    layers = keras_layers(cell, gate, kind, arrays)
    variables = {
        f"{side}/{variable.name}": variable.value
        for side, layer in zip((*SIDES, "pooling"), layers, strict=True)
        for variable in layer.trainable_variables
    }
    variables |= {"x": tf.constant(arrays["x"])}
    with tf.GradientTape() as tape:
        tape.watch(variables["x"])
        result = read_keras(layers, variables["x"], MASK)
        loss = tf.reduce_sum(result * arrays["dout"])
    grads = tape.gradient(loss, variables)
    found = {"result": result} | {f"d/{name}": g for name, g in grads.items()}
    found = {name: np.array(value) for name, value in found.items()}
    if kind == "attention":
        found["d/attention"] = found.pop("d/pooling/attention")[:, 0]
    return found


def turned(cell, array):
    """Return a weight of the twin in our layout, or one of ours in the twin's.

    The axis of the blocks comes first.
    """
    blocks = BLOCKS[cell]
    if len(array) != len(blocks) * H:
        return array
    parts = np.split(array, len(blocks))
    return np.concatenate([parts[k] for k in blocks])


def twin_layers(cell, gate, kind, arrays):
    """Return `(forward, backward, pooling)` with the weights given."""
    layers = [
        TWIN_LAYERS[cell](
            E, H, weight_norm=False, gate_activation=gate,
            go_backwards=side == "backward",
        )
        for side in SIDES
    ]  # fmt: skip
    for side, layer in zip(SIDES, layers, strict=True):
        for name, parameter in layer.named_parameters():
            value = turned(cell, arrays[f"{side}/{name}"].T)
            parameter.data = torch.from_numpy(np.ascontiguousarray(value))
    made = getattr(twin_pooling, POOLINGS[kind])
    layers.append(made(2 * H) if kind == "attention" else made())
    if kind == "attention":
        layers[-1].attention.data = torch.from_numpy(arrays["attention"])
    return layers


def read_twin(layers, x_NTE, mask_NT=None):
    forward, backward, pool = layers
    sides = [
        forward(x_NTE, mask_BT=mask_NT)[0],
        backward(x_NTE, mask_BT=mask_NT)[0].flip(1),
    ]
    return pool(torch.cat(sides, 2), mask_NT)


def in_torch(cell, gate, kind, arrays):
    """Return the result and the gradients of the twin, in our layout."""
    layers = twin_layers(cell, gate, kind, arrays)
    x_NTE = torch.from_numpy(arrays["x"]).requires_grad_()
    result = read_twin(layers, x_NTE, torch.from_numpy(MASK))
    result.backward(torch.from_numpy(arrays["dout"]))
    found = {"result": result.detach().numpy(), "d/x": x_NTE.grad.numpy()}
    for side, layer in zip(SIDES, layers, strict=False):
        for name, parameter in layer.named_parameters():
            found[f"d/{side}/{name}"] = turned(cell, parameter.grad.numpy()).T
    if kind == "attention":
        found["d/attention"] = layers[-1].attention.grad.numpy()
    return found


def worst(one, other):
    """Return the largest difference over the largest value, and where it is."""
    assert one.keys() == other.keys()
    # The last step is the first for who reads backwards: its state before is zero, and
    # so is the gradient of the recurrent matrix.
    errors = {
        n: np.abs(one[n] - other[n]).max() / (np.abs(other[n]).max() or 1.0)
        for n in one
    }
    assert np.isfinite(list(errors.values())).all()
    name = max(errors, key=errors.get)
    return errors[name], name


@pytest.mark.parametrize(("cell", "gate", "kind"), CASES)
def test_three_agree_in_both_directions(cell, gate, kind):
    arrays = case(cell)
    truth = in_numpy(cell, gate, kind, arrays)
    in_both = in_keras(cell, gate, kind, arrays), in_torch(cell, gate, kind, arrays)
    found = {
        "Keras against NumPy": worst(in_both[0], truth),
        "twin against NumPy": worst(in_both[1], truth),
        "twin against Keras": worst(*in_both[::-1]),
    }
    assert max(error for error, _ in found.values()) <= BIDIRECTIONAL_F32.value, found


@pytest.mark.parametrize(("cell", "gate", "kind"), CASES[:5])
def test_a_padded_text_gives_the_same_as_alone(cell, gate, kind):
    arrays = case(cell)
    ours = keras_layers(cell, gate, kind, arrays)
    theirs = twin_layers(cell, gate, kind, arrays)
    x_NTE = torch.from_numpy(arrays["x"])
    together = np.array(read_keras(ours, arrays["x"], MASK))
    also_together = read_twin(theirs, x_NTE, torch.from_numpy(MASK))
    # Padded behind and padded in front; of one length, which is compiled once.
    for n in (1, 2):
        valid_T = MASK[n]
        alone = np.array(read_keras(ours, arrays["x"][n : n + 1, valid_T]))[0]
        also_alone = read_twin(theirs, x_NTE[n : n + 1, torch.from_numpy(valid_T)])[0]
        assert np.abs(together[n] - alone).max() <= CELL_F32.value
        difference = (also_together[n] - also_alone).abs().max()
        assert difference <= CELL_F32.value
