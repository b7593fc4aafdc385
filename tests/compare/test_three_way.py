"""Keras layer, twin and float64 NumPy agree: each against each, at working sizes.

Outputs, last states and every gradient, for each cell with and without weight
normalisation: 1,024 steps of 512 units, and 64 steps of 4096 units.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from compare.formats import twin
from compare.formats.table import to_ours
from compare.twin.language_model import CELLS as TWIN_LAYERS
from tests import reference_rnn
from tests.model.layer_gradients import compute
from tests.tolerances import THREE_WAY_F32
from tfsent.config import ModelConfig

B, E = 2, 64
STATES = {"mlstm": ("h0", "c0"), "lstm": ("h0", "c0")}


def block(rng, rows, columns):
    """Return a random block with orthonormal rows or columns, as layers start."""
    q, _ = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
    return q if rows >= columns else q.T


def case(cell, weight_norm, hidden, steps):
    """Return weights, inputs, start state and upstream gradients, float32."""
    rng = np.random.default_rng([hidden, steps, weight_norm])
    blocks = {"mlstm": 4, "lstm": 4, "gru": 3}.get(cell, 1)
    shapes = {"wx": (E, blocks), "wh": (hidden, blocks)}
    if cell == "mlstm":
        shapes |= {"wmx": (E, 1), "wmh": (hidden, 1)}
    weights = {}
    for name, (rows, count) in shapes.items():
        # Blocks of 4096 columns are random, scaled alike: QR takes a minute each.
        made = [
            block(rng, rows, hidden)
            if hidden <= 512
            else rng.normal(size=(rows, hidden)) / np.sqrt(hidden)
            for _ in range(count)
        ]
        weights[name] = np.concatenate(made, axis=1)
    weights["b"] = rng.normal(size=blocks * hidden) * 0.1
    if cell == "gru":
        weights["bh"] = rng.normal(size=blocks * hidden) * 0.1
    if weight_norm:
        for matrix, gain in reference_rnn.GAINS.items():
            if matrix in weights:
                norm = np.sqrt((weights[matrix] ** 2).sum(axis=0))
                weights[gain] = norm * rng.uniform(0.8, 1.1, norm.shape)
    arrays = {f"w/{name}": value for name, value in weights.items()}
    arrays |= {"x": rng.normal(size=(B, steps, E))}
    arrays |= {"dh": rng.normal(size=(B, steps, hidden))}
    for name in ("h0", "c0", "dh_last", "dc_last"):
        arrays[name] = 0.5 * rng.normal(size=(B, hidden))
    return {name: value.astype(np.float32) for name, value in arrays.items()}


def in_numpy(cell, arrays):
    """Return outputs, states and gradients in float64."""
    wide = {name: value.astype(np.float64) for name, value in arrays.items()}
    weights = {n[2:]: v for n, v in wide.items() if n.startswith("w/")}
    c0, dc_last = (wide[name] if cell in STATES else None for name in ("c0", "dc_last"))
    h, h_last, c_last = reference_rnn.forward(cell, weights, wide["x"], wide["h0"], c0)
    grads = reference_rnn.gradients(
        cell, weights, wide["x"], wide["h0"], c0, wide["dh"], wide["dh_last"], dc_last
    )
    found = {"h": h, "h_last": h_last} | {f"d/{n}": g for n, g in grads.items()}
    return found | ({} if c_last is None else {"c_last": c_last})


def in_torch(cell, arrays):
    """Return the same from the twin's layer, in the axes and order of the Keras one."""
    hidden = arrays["h0"].shape[1]
    ours = {n[2:]: v for n, v in arrays.items() if n.startswith("w/")}
    model = ModelConfig(
        cell=cell, hidden_size=hidden, embedding_size=E, weight_norm="gx" in ours
    )
    with torch.device("meta"):  # Orthogonal blocks of 4096 units take their time.
        layer = TWIN_LAYERS[cell](E, hidden, weight_norm=model.weight_norm)
    layer.to_empty(device="cpu")
    theirs = twin.to_twin({f"layers/0/{n}": v for n, v in ours.items()}, model)
    layer.load_state_dict(
        {n.removeprefix("layers.0."): torch.from_numpy(v) for n, v in theirs.items()}
    )
    names = ("x", *STATES.get(cell, ("h0",)))
    given = [torch.from_numpy(arrays[n]).requires_grad_() for n in names]
    h, state = layer(given[0], tuple(given[1:]))
    upstream = [arrays[n] for n in ("dh", "dh_last", "dc_last")[: 1 + len(state)]]
    torch.autograd.backward([h, *state], [torch.from_numpy(u) for u in upstream])
    gradients = {
        f"layers.0.{name}": weight.grad.numpy()
        for name, weight in layer.named_parameters()
    }
    found = dict(zip(("h", "h_last", "c_last"), (h, *state), strict=False))
    found = {name: value.detach().numpy() for name, value in found.items()}
    gradients["embedding.weight"] = np.zeros((256, E), np.float32)
    back = to_ours(twin.table_of(model), gradients, model, Path(), decoder=False)
    for name, gradient in back.weights.items():
        if name.startswith("layers/0/"):
            found[f"d/{name.removeprefix('layers/0/')}"] = gradient
    return found | {f"d/{n}": g.grad.numpy() for n, g in zip(names, given, strict=True)}


def worst(one, other):
    """Return the largest difference over the largest value, and where it is."""
    assert one.keys() == other.keys()
    errors = {n: np.abs(one[n] - other[n]).max() / np.abs(other[n]).max() for n in one}
    assert np.isfinite(list(errors.values())).all()
    name = max(errors, key=errors.get)
    # Python's own number: a process of pytest hands properties to another as such.
    return float(errors[name]), name


def hold(cell, weight_norm, hidden, steps):
    arrays = case(cell, weight_norm, hidden, steps)
    truth = in_numpy(cell, arrays)
    keras = compute(cell, weight_norm, arrays, masked=False)
    torchs = in_torch(cell, arrays)
    found = {
        "Keras against NumPy": worst(keras, truth),
        "twin against NumPy": worst(torchs, truth),
        "twin against Keras": worst(torchs, keras),
    }
    assert max(error for error, _ in found.values()) <= THREE_WAY_F32.value, found
    return found


each = pytest.mark.parametrize("cell", reference_rnn.CELLS)
both = pytest.mark.parametrize("weight_norm", [False, True], ids=["plain", "normed"])


@each
@both
def test_three_agree_over_few_steps_of_few_units(cell, weight_norm):
    hold(cell, weight_norm, hidden=7, steps=5)


@pytest.mark.slow
@each
@both
def test_three_agree_over_1024_steps_of_512_units(cell, weight_norm, record_property):
    record_property("errors", hold(cell, weight_norm, hidden=512, steps=1024))


@pytest.mark.slow
@each
@both
def test_three_agree_over_64_steps_of_4096_units(cell, weight_norm, record_property):
    record_property("errors", hold(cell, weight_norm, hidden=4096, steps=64))
