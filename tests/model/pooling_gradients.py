"""Values and gradients of the pooling layers on the backend in use.

Run as a program it does so for a file of inputs, so that another backend can be
asked in a process of its own: `KERAS_BACKEND=jax python -m
tests.model.pooling_gradients INPUTS.npz RESULTS.npz`.
"""

import sys

import keras
import numpy as np

from tests.reference_pooling import KINDS
from tfsent.model.pooling import AttentionPooling, LastStep, MaskedMax, MaskedMean

N, T, H = 5, 6, 7
LAYERS = {"mean": MaskedMean, "max": MaskedMax, "last": LastStep}
# Large enough that its place in the equation shows.
EPSILON = 0.5


def inputs():
    """Return sequences, a mask, an attention vector and upstream gradients.

    Texts: whole, padded behind, in front, with a hole, without a valid step.
    """
    rng = np.random.default_rng(0)
    mask_NT = np.array(
        [
            [1, 1, 1, 1, 1, 1],
            [1, 1, 0, 0, 0, 0],
            [0, 0, 0, 1, 1, 1],
            [0, 1, 0, 1, 1, 0],
            [0, 0, 0, 0, 0, 0],
        ],
        bool,
    )
    shapes = {"h": (N, T, H), "dout": (N, H), "attention": (H,)}
    arrays = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    return {n: a.astype(np.float32) for n, a in arrays.items()} | {"mask": mask_NT}


def layer_of(kind, **options):
    """Return a pooling layer with its weights made."""
    if kind == "attention":
        layer = AttentionPooling(**({"epsilon": EPSILON} | options))
    else:
        layer = LAYERS[kind](**options)
    layer.build((None, None, H))
    return layer


def compute(kind, arrays, mask_NT):
    """Return the result, and the gradients of the sequences and of the weights."""
    layer = layer_of(kind)
    weights = [arrays["attention"][:, None]] if kind == "attention" else []
    given = [keras.ops.convert_to_tensor(a) for a in (arrays["h"], *weights)]

    def result(tensors):
        h_NTH, *weights = tensors
        return layer.stateless_call(weights, [], h_NTH, mask=mask_NT)[0]

    def scalar(tensors):
        return keras.ops.sum(result(tensors) * arrays["dout"])

    if keras.backend.backend() == "jax":
        import jax

        grads = jax.grad(scalar)(given)
    else:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(given)
            loss = scalar(given)
        grads = tape.gradient(loss, given)
    found = {"result": result(given)}
    found |= dict(zip(("d/h", "d/attention"), grads, strict=False))
    return {n: keras.ops.convert_to_numpy(v) for n, v in found.items()}


def main(source, target):
    """Compute every kind of pooling."""
    arrays = np.load(source)
    np.savez(
        target,
        **{
            f"{kind}:{name}": value
            for kind in KINDS
            for name, value in compute(kind, arrays, arrays["mask"]).items()
        },
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
