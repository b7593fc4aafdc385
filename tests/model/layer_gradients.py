"""Values and gradients of one layer on the backend in use, through its public call.

Run as a program it does so for a file of inputs, so that another backend can be
asked in a process of its own: `KERAS_BACKEND=jax python -m
tests.model.layer_gradients INPUTS.npz RESULTS.npz`.
"""

import sys

import keras
import numpy as np

from tests.reference_rnn import CELLS
from tfsent.model.language_model import CELLS as LAYERS

B, T, E, H = 2, 5, 3, 7
GATED = ("mlstm", "lstm", "gru")
OTHER_GATES = ("hard_sigmoid", "steep_sigmoid")
CASES = [(cell, norm, "sigmoid") for cell in CELLS for norm in (False, True)] + [
    (cell, True, gate) for cell in GATED for gate in OTHER_GATES
]
BLOCKS = {"mlstm": 4, "lstm": 4, "gru": 3, "tanh": 1, "relu": 1}


def inputs_of(cell, weight_norm, seed=0):
    """Return random weights, inputs, upstream gradients, a mask and resets."""
    rng = np.random.default_rng(seed)
    g = BLOCKS[cell] * H
    shapes = {"wx": (E, g), "wh": (H, g), "b": (g,)}
    if cell == "mlstm":
        shapes |= {"wmx": (E, H), "wmh": (H, H)}
    if cell == "gru":
        shapes |= {"bh": (g,)}
    if weight_norm:
        gains = {"wx": "gx", "wh": "gh", "wmx": "gmx", "wmh": "gmh"}
        shapes |= {gains[n]: (s[1],) for n, s in shapes.items() if n in gains}
    arrays = {f"w/{n}": rng.normal(size=s) * 0.5 for n, s in shapes.items()}
    for name, shape in {"x": (B, T, E), "dh": (B, T, H), "dh_last": (B, H)}.items():
        arrays[name] = rng.normal(size=shape)
    for name in ("h0", "c0", "dc_last"):
        arrays[name] = rng.normal(size=(B, H))
    arrays = {n: a.astype(np.float32) for n, a in arrays.items()}
    # The first step is valid: what a leading masked step puts out is Keras's
    # convention, not an equation (tests/model/test_mlstm.py).
    arrays["mask"] = np.array([[1, 1, 0, 1, 1], [1, 0, 0, 1, 0]], bool)
    arrays["reset"] = np.array([[0, 0, 1, 0, 1], [0, 1, 0, 1, 0]], bool)
    return arrays


def compute(cell, weight_norm, arrays, masked=True, gate="sigmoid"):
    """Return outputs, last states, and gradients of weights, input and states."""
    options = {} if gate == "sigmoid" else {"gate_activation": gate}
    layer = LAYERS[cell](
        arrays["h0"].shape[1],
        weight_norm=weight_norm,
        # Weights are given below; orthogonal blocks of 4096 units take minutes.
        kernel_initializer="zeros",
        recurrent_initializer="zeros",
        return_sequences=True,
        return_state=True,
        **options,
    )
    layer.build((None, None, arrays["x"].shape[-1]))
    names = [v.name for v in layer.trainable_variables]
    if set(names) != {n[2:] for n in arrays if n.startswith("w/")}:
        raise ValueError(f"layer {cell} has weights {names}")
    states = ["h0", "c0"][: layer.equations.num_states]
    upstream = [arrays[n] for n in ("dh", "dh_last", "dc_last")[: 1 + len(states)]]
    flags = {n: arrays[n] for n in ("mask", "reset")} if masked else {}

    def outputs(tensors):
        weights, x, start = (
            tensors[: len(names)],
            tensors[len(names)],
            tensors[-len(states) :],
        )
        return layer.stateless_call(
            list(weights), [], x, initial_state=list(start), **flags
        )[0]

    def scalar(tensors):
        terms = zip(outputs(tensors), upstream, strict=True)
        return sum(keras.ops.sum(o * u) for o, u in terms)

    given = [arrays[f"w/{n}"] for n in names] + [arrays[n] for n in ("x", *states)]
    given = [keras.ops.convert_to_tensor(a) for a in given]
    values = outputs(given)
    if keras.backend.backend() == "jax":
        import jax

        grads = jax.grad(scalar)(given)
    else:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(given)
            loss = scalar(given)
        grads = tape.gradient(loss, given)
    result = dict(zip(("h", "h_last", "c_last"), values, strict=False))
    result |= {f"d/{n}": g for n, g in zip([*names, "x", *states], grads, strict=True)}
    return {n: keras.ops.convert_to_numpy(v) for n, v in result.items()}


def main(source, target):
    """Compute every cell of the file, with and without weight normalisation."""
    stored = np.load(source)
    results = {}
    for cell, norm, gate in CASES:
        key = f"{cell}-{norm}-{gate}:"
        arrays = {n[len(key) :]: stored[n] for n in stored if n.startswith(key)}
        for name, value in compute(cell, norm, arrays, gate=gate).items():
            results[key + name] = value
    np.savez(target, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
