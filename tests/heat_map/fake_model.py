"""A model whose units have known values, and a classifier of it."""

from types import SimpleNamespace

import numpy as np

from tfsent.config import ModelConfig
from tfsent.data.text_rules import clean
from tfsent.transfer.classifier import Classifier, Neuron


class FakeModel:
    """Unit u has the value u + position / 1000 after a byte, unless told otherwise."""

    def __init__(self, values=None, text_rule="openai", **shape):
        config = ModelConfig(**{"hidden_size": 8, "layers": 2, **shape})
        self.model = SimpleNamespace(config=config, decoder=True)
        self.text_rule = text_rule
        self.fingerprint = "f" * 64
        self.values = values
        self.asked = []

    def clean(self, text):
        return clean(text, self.text_rule) if isinstance(text, str) else text

    def trace(self, text, units, state="cell", layer=-1):
        data = self.clean(text)
        if not data:
            raise ValueError("a text has no byte.")
        self.asked.append((text, units, state, layer))
        if self.values is not None:
            values = np.resize(np.float32(self.values), len(data))
        else:
            values = units[0] + np.arange(len(data)) / 1000
        return values.astype(np.float32)[:, None]


def make_classifier(kind="binary", **neuron):
    facts = {
        "column": 5,
        "layer": 0,
        "state": "cell",
        "pooling": "last",
        "unit": 5,
        "sign": -1,
        "threshold": 0.25,
        "limit": 0.5,
    }
    classes = ("negative", "positive") if kind == "binary" else ("a", "b", "c")
    outputs = 1 if kind == "binary" else 3
    return Classifier(
        feature="cell",
        classes=classes,
        kind=kind,
        weights=np.ones((8, outputs)),
        bias=np.zeros(outputs),
        thresholds=np.full(outputs, 0.5),
        neuron=None if neuron == {"none": True} else Neuron(**facts | neuron),
        model_fingerprint="f" * 64,
        text_rule="openai",
    )
