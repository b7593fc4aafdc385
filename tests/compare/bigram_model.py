"""A model that knows text without any training: byte frequencies made into weights.

Each byte sets one unit and forgets the one before; the output weights are logarithms
of how often each byte follows it. Read in another gate order it no longer does so.
"""

import dataclasses
import functools

import numpy as np

from compare.checkpoint import Checkpoint, Origin
from tfsent.checkpoint import expected_shapes
from tfsent.config import GATES, ModelConfig
from tfsent.data import clean, reviews

UNITS = 128
"""One for each byte of ASCII; other bytes are nothing to the model."""
OPEN, CLOSED, LOUD = 4.0, -4.0, 3.0
BIASES = {
    "mlstm": dict(zip(GATES, (OPEN, CLOSED, OPEN, 0.0), strict=True)),
    "lstm": dict(zip(GATES, (OPEN, CLOSED, OPEN, 0.0), strict=True)),
    "gru": {"z": CLOSED, "r": OPEN, "n": 0.0},
}


@functools.cache
def follow_logits():
    """Return float64[256, 256], the logarithm of how often a byte follows another."""
    text = b"".join(clean(review.text, "openai") for review in reviews(200, seed=1))
    stream = np.frombuffer(text, np.uint8)
    counts = np.full((256, 256), 0.05)
    np.add.at(counts, (stream[:-1], stream[1:]), 1)
    return np.log(counts / counts.sum(1, keepdims=True))


def bigram_model(cell="mlstm", decoder=True, weight_norm=True, half=False):
    """Return the model, in this project's names and gate order."""
    model = ModelConfig(
        cell=cell, hidden_size=UNITS, embedding_size=UNITS, weight_norm=weight_norm
    )
    draw = np.random.default_rng(0)
    weights = {
        name: 0.01 * draw.standard_normal(shape)
        for name, shape in expected_shapes(model, decoder).items()
    }
    weights["embedding/weight"] = np.eye(256, UNITS)
    biases = BIASES[cell]
    weights["layers/0/b"] = np.repeat(list(biases.values()), UNITS)
    weights["layers/0/wx"][:, -UNITS:] += LOUD * np.eye(UNITS)
    if decoder:
        loud = np.tanh(LOUD) if cell == "gru" else np.tanh(np.tanh(LOUD))
        weights["output/weight"] = follow_logits()[:UNITS] / loud
        weights["output/bias"] = np.zeros(256)
    for gain, matrix in (("gx", "wx"), ("gh", "wh"), ("gmx", "wmx"), ("gmh", "wmh")):
        if f"layers/0/{gain}" in weights:
            norms = np.linalg.norm(weights[f"layers/0/{matrix}"], axis=0)
            weights[f"layers/0/{gain}"] = norms
    dtype = np.float16 if half else np.float32
    return Checkpoint(
        model,
        {n: w.astype(dtype).astype(np.float32) for n, w in weights.items()},
        decoder,
        Origin("test", "", "float16" if half else "float32"),
        config={
            "model": dataclasses.asdict(model),
            "data": {"text_rule": "openai"},
        },
    )
