"""Word classifiers that between them use every setting, and texts for them."""

import numpy as np

from tfsent.config_supervised import ClassifierConfig
from tfsent.data.word_batches import Batch

NUM_WORDS = 11

CASES = {
    "theano": ClassifierConfig(embedding_size=3, units=5, pooling="mean", dropout=0.0),
    "passage": ClassifierConfig(
        embedding_size=4,
        units=3,
        cell="gru",
        gate_activation="steep_sigmoid",
        initialization_gain=1.1,
        pooling="last",
        dropout=0.0,
    ),
    "deepmoji": ClassifierConfig(
        embedding_size=3,
        embedding_activation="tanh",
        units=4,
        layers=2,
        direction="both",
        gate_activation="hard_sigmoid",
        input_initialization="glorot",
        forget_bias=1.0,
        skip_connections=True,
        pooling="attention",
        dropout=0.0,
    ),
    "one-hot": ClassifierConfig(
        one_hot=True, units=5, cell="gru", pooling="max", dropout=0.0
    ),
    "one-hot mlstm": ClassifierConfig(
        one_hot=True, units=3, cell="mlstm", direction="backward", dropout=0.0
    ),
    "identity": ClassifierConfig(
        embedding_size=2,
        units=3,
        cell="relu",
        layers=2,
        initialization="identity",
        direction="both",
        pooling="last",
        hidden=(6, 4),
        dropout=0.0,
    ),
    "backward": ClassifierConfig(
        embedding_size=2,
        units=3,
        cell="tanh",
        initialization="normal",
        direction="backward",
        pooling="last",
        dropout=0.0,
    ),
    "uniform": ClassifierConfig(
        embedding_size=2,
        units=3,
        cell="mlstm",
        initialization="uniform",
        skip_connections=True,
        pooling="max",
        dropout=0.0,
    ),
}


def weights_for(learner, seed=0):
    """Return weights of a size at which every part of a model matters."""
    rng = np.random.default_rng(seed)
    return {
        name: (0.5 * rng.standard_normal(array.shape)).astype(np.float32)
        for name, array in learner.weights().items()
    }


def batch(pad_side="after", lengths=(6, 1, 4), num_classes=3, seed=0, filler=1):
    """Return texts of these lengths with rows of filler behind them."""
    rng = np.random.default_rng(seed)
    count, longest = len(lengths) + filler, max(lengths) + 2
    mask = np.zeros((count, longest), bool)
    for n, length in enumerate(lengths):
        if pad_side == "after":
            mask[n, :length] = True
        else:
            mask[n, longest - length :] = True
    words = (rng.integers(1, NUM_WORDS, mask.shape) * mask).astype(np.int32)
    labels = rng.integers(0, num_classes, count)
    weight = np.ones(count, np.float32)
    rows = np.arange(count)
    if filler:
        labels[-filler:], weight[-filler:], rows[-filler:] = 0, 0, -1
    return Batch(words, mask, labels, weight, rows)
