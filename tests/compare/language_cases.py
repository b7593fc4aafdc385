"""Language models of every cell with heads, and texts for them, on both frameworks."""

import numpy as np

from compare.twin import language_learner as twin
from tfsent.config import ModelConfig
from tfsent.config_encoder import EncoderConfig
from tfsent.config_supervised import FinetuneConfig, LearnerConfig
from tfsent.data.word_batches import Batch
from tfsent.supervised import language_learner as keras
from tfsent.supervised.language import ByteReader, Language
from tfsent.supervised.task import Task

FULL = {
    "feature": "cell-mean+hidden+all-cell-max+hidden-min",
    "hidden": (5, 4),
    "heads": 3,
    "head_variance": 0.7,
    "dropout": 0.0,
    "language_loss": 0.3,
}
PLAIN = {"dropout": 0.0}

CASES = {
    "mlstm": (ModelConfig(hidden_size=6, embedding_size=3, layers=2), FULL),
    "lstm": (
        ModelConfig(cell="lstm", hidden_size=5, embedding_size=3, weight_norm=False),
        PLAIN | {"heads": 2, "language_loss": 0.3, "activation": "relu"},
    ),
    "gru": (
        ModelConfig(
            cell="gru", hidden_size=4, embedding_size=4, layers=2, tied_embedding=True
        ),
        PLAIN | {"feature": "all-hidden-max+hidden", "language_loss": 0.2},
    ),
    "tanh": (
        ModelConfig(cell="tanh", hidden_size=5, embedding_size=3),
        PLAIN | {"feature": "hidden-min"},
    ),
}
TASK = Task("multiclass", ("a", "b", "c"))
LENGTHS = (6, 1, 4)


def learners(case, task=TASK, encoder=None, **settings):
    """Return a learner of each framework, both with the same random weights."""
    model, given = CASES[case]
    config = FinetuneConfig(
        system="language",
        encoder=EncoderConfig(**given | (encoder or {})),
        learner=LearnerConfig(**settings),
    )
    reader = ByteReader(Language(model, "openai", True), config.encoder)
    pair = [each.make_learner(reader, task, config) for each in (keras, twin)]
    weights = weights_for(pair[0])
    for learner in pair:
        learner.set_weights(weights)
    return pair


def weights_for(learner, seed=0):
    """Return weights of a size at which every part of a model matters."""
    rng = np.random.default_rng(seed)
    weights = {
        name: (0.5 * rng.standard_normal(array.shape)).astype(np.float32)
        for name, array in learner.weights().items()
    }
    weights["embedding/weight"] *= 2
    return weights


def batch(lengths=LENGTHS, seed=0, filler=1, more=2, num_classes=3):
    """Return texts of these lengths, padded with noise, filler rows behind them."""
    rng = np.random.default_rng(seed)
    count, longest = len(lengths) + filler, max(lengths) + more
    mask = np.zeros((count, longest), bool)
    for n, length in enumerate(lengths):
        mask[n, :length] = True
    # What a mask hides must not matter; the batches of a run have zeros there.
    data = rng.integers(0, 256, mask.shape).astype(np.int32)
    labels = rng.integers(0, num_classes, count)
    weight, rows = np.ones(count, np.float32), np.arange(count)
    if filler:
        labels[-filler:], weight[-filler:], rows[-filler:] = 0, 0, -1
    return Batch(data, mask, labels, weight, rows)
