"""Features in which one neuron carries the label, and a model that gives them."""

import zlib
from types import SimpleNamespace

import numpy as np

from tfsent.config import ModelConfig
from tfsent.transfer.feature import parse_feature
from tfsent.transfer.features import Features

GOOD, BAD = "good", "bad"
UNIT = 3
"""The unit whose mean cell state tells good from bad."""


def planted(count, width, seed, *, column=UNIT, strength=3.0, classes=2):
    """Return features of noise, float32[count, width], and labels that one knows."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    features = random.standard_normal((count, width)).astype(np.float32)
    features[:, column] += strength * (labels - (classes - 1) / 2)
    return features, labels


class PlantedModel:
    """A model that has read nothing: unit 3 of the mean cell state knows the words."""

    text_rule = "openai"
    fingerprint = "f" * 64
    arithmetic = "planted"

    def __init__(self, cell="mlstm", hidden_size=7, layers=1, strength=3.0):
        config = ModelConfig(cell=cell, hidden_size=hidden_size, layers=layers)
        self.model = SimpleNamespace(config=config, decoder=True)
        self.asked, self.parts_asked = [], []
        self._strength = strength

    def features(self, texts, feature=None):
        feature = feature or "cell"
        self.asked.append(feature)
        rows = list(self.feature_rows(texts, feature))
        return Features(np.stack(rows), feature)

    def clean(self, text):
        return text.encode()

    def feature_rows(self, texts, feature=None):
        parts = parse_feature(feature or "cell", self.model.config)
        return self.part_rows(texts, parts)

    def part_rows(self, texts, parts):
        self.parts_asked.append(["-".join(part[1:]) for part in parts])
        for text in texts:
            yield np.concatenate([self._part(text, part) for part in parts])

    def _part(self, text, part):
        seed = zlib.crc32(f"{text}{part.layer}{part.state}{part.pooling}".encode())
        random = np.random.default_rng(seed)
        row = random.standard_normal(self.model.config.hidden_size)
        if part[1:] == ("cell", "mean"):
            said = text.count(GOOD) - text.count(BAD)
            row[UNIT] += self._strength * np.sign(said)
        return row.astype(np.float32)


def write_reviews(path, count, seed, *, key="label", values=(0, 1)):
    """Write a csv of texts that hold good or bad, and a number that says which."""
    random = np.random.default_rng(seed)
    lines = [f"text,{key}"]
    for number in range(count):
        label = int(random.integers(0, len(values)))
        word = (BAD, "plain", GOOD)[label if len(values) == 3 else 2 * label]
        lines.append(f"a {word} film {number} of {seed},{values[label]}")
    path.write_text("\n".join(lines) + "\n")
    return path
