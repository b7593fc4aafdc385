"""A classifier of a model, made by hand: what it says is of no interest."""

import numpy as np

from tfsent.transfer.classifier import Classifier, Neuron
from tfsent.transfer.feature import default_feature


def make_classifier(model, unit=3):
    """Return a classifier on the default feature; `unit` is its neuron."""
    shape = model.model.config
    feature = default_feature(shape)
    weights = np.linspace(-3, 3, shape.hidden_size)[:, None]
    neuron = Neuron(
        column=unit,
        layer=shape.layers - 1,
        state=feature,
        pooling="last",
        unit=unit,
        sign=-1,
        threshold=0.125,
        limit=0.75,
    )
    return Classifier(
        feature=feature,
        classes=("negative", "positive"),
        kind="binary",
        weights=weights,
        bias=np.zeros(1),
        thresholds=np.full(1, 0.5),
        neuron=neuron,
        model_fingerprint=model.fingerprint,
        text_rule=model.text_rule,
    )
