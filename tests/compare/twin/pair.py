"""A Keras run and a run of its twin, from the same weights, fed the same batches.

Import torch before this.
"""

import numpy as np

from compare.twin.build import build_run as build_twin
from tests import reference_rnn
from tfsent.config import ModelConfig, OptimizerConfig, RunConfig, TrainingConfig
from tfsent.data.batches import Batch

B, T = 4, 12
# For each block of rows in the twin the block of columns in Keras.
BLOCKS = {"mlstm": (0, 1, 3, 2), "lstm": (0, 1, 3, 2), "gru": (1, 0, 2)}
MATRICES = {gain: matrix for matrix, gain in reference_rnn.GAINS.items()}


def settings(precision="float32", model=None, **optimizer):
    shape = {"hidden_size": 16, "embedding_size": 5, "layers": 2} | (model or {})
    return RunConfig(
        model=ModelConfig(**shape),
        training=TrainingConfig(batch_size=B, window=T),
        optimizer=OptimizerConfig(**optimizer),
        precision=precision,
        seed=1,
    )


def make_twin(config, steps=100):
    return build_twin(config, steps)


def make_pair(config, steps=100):
    """Return (run, step) of both, Keras first, with equal weights."""
    from tfsent.training.build import build_run as build_keras

    keras, twin = build_keras(config, steps), build_twin(config, steps)
    weights = to_twin(keras[0].weights(), config.model)
    twin[0].restore(weights, twin[0].arrays(), twin[0].progress())
    return keras, twin


def advance(run, step, batch=None):
    batch = batch or batch_of(run.step)
    own = run.processes.lanes(len(batch.bytes_BT1))
    result = run.update(step, Batch(*(array[own] for array in batch)))
    run.step += 1
    return result


def batch_of(step, seed=0):
    rng = np.random.default_rng([seed, step])
    bytes_BT1 = rng.integers(97, 105, (B, T + 1)).astype(np.uint8)
    return Batch(bytes_BT1, rng.random((B, T)) < 0.05)


def to_twin(weights, model):
    """Return Keras weights, or moments of theirs, in the twin's names and layout.

    A second way, beside `compare.formats`, so that neither hides the other's fault.
    """
    turned = {}
    for name, value in weights.items():
        parent, _, last = name.rpartition("/")
        order = BLOCKS.get(model.cell)
        if order and last in ("wx", "wh", "b", "bh", "gx", "gh"):
            parts = np.split(value, len(order), axis=-1)
            value = np.concatenate([parts[k] for k in order], axis=-1)
        new = name.replace("/", ".")
        if last in MATRICES:
            matrix = MATRICES[last]
            new = f"{parent.replace('/', '.')}.parametrizations.{matrix}.original0"
            value = value[:, None]
        elif value.ndim == 2 and name != "embedding/weight":
            value = value.T
            if last in reference_rnn.GAINS and model.weight_norm:
                new = f"{parent.replace('/', '.')}.parametrizations.{last}.original1"
        turned[new] = np.ascontiguousarray(value)
    return turned


def to_keras(weights, model, like):
    """Return the twin's weights, or moments of theirs, in Keras's names and layout.

    Found by sending the indices of `like`, Keras weights, the other way.
    """
    starts = np.cumsum([0, *(value.size for value in like.values())])
    indices = {
        name: np.arange(start, start + value.size).reshape(value.shape)
        for (name, value), start in zip(like.items(), starts, strict=False)
    }
    flat = np.empty(starts[-1], np.float32)
    for name, places in to_twin(indices, model).items():
        flat[places] = weights[name]
    return {name: flat[places] for name, places in indices.items()}


def largest_difference(one, other):
    """Return the largest difference of any entry."""
    assert one.keys() == other.keys()
    # Not max(): it passes over NaN.
    return np.max([np.abs(one[name] - other[name]).max() for name in one])
