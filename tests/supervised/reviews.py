"""Short generated reviews in which words say what the label is."""

import numpy as np

from tfsent.transfer.labelled import LabelledTexts, read_labels

FILLER = ("a", "the", "film", "plot", "scene", "it", "with", "and", "some", "music")
SAYS = ("bad", "good", "plain")
"""The word of each class."""


def reviews(count, seed, *, classes=2, name="train", noise=0.0):
    """Return texts of six common words and, mostly, the one of their class."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    texts = []
    for label in labels:
        said = random.integers(0, classes) if random.random() < noise else label
        words = [*random.choice(FILLER, 6), SAYS[said]]
        texts.append(" ".join(random.permutation(words)))
    return LabelledTexts(name, texts, labels[:, None].astype(float))


def tagged(count, seed, *, name="train"):
    """Return texts with two labels, each 1 where its word stands in the text."""
    random = np.random.default_rng(seed)
    labels = (random.random((count, 2)) < (0.5, 0.2)).astype(float)
    texts = []
    for row in labels:
        said = [word for word, yes in zip(SAYS, row, strict=False) if yes]
        texts.append(" ".join(random.permutation([*random.choice(FILLER, 5), *said])))
    return LabelledTexts(name, texts, labels)


def labels_of(texts):
    """Return what the labels of training texts stand for."""
    names = tuple(f"label {k}" for k in range(texts.labels.shape[1]))
    return read_labels(texts, names)


def told(line):
    """Take a line on how far a fit is, and drop it."""
