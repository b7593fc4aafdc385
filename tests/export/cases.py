"""Models and texts that are exported."""

import numpy as np

from tfsent.config import ModelConfig
from tfsent.loading import LanguageModel
from tfsent.model import ByteLanguageModel
from tfsent.transfer.classifier import Classifier

WINDOW = 64
TEXTS = ["Loved it.", "", "x" * 61, "y" * 62, "A dull film. " * 15, "caf\xe9 &amp; \0"]
# Every state and pooling at once.
HIDDEN = "all-hidden-mean+hidden+hidden-max+all-hidden-min"
BOTH = f"{HIDDEN}+all-cell+cell-mean+cell-max"
SHAPES = {
    "mlstm": {"layers": 1, "hidden_size": 7},
    "lstm": {"layers": 2, "hidden_size": 6, "tied_embedding": True},
    "gru": {"layers": 2, "hidden_size": 5, "weight_norm": False},
    "tanh": {"layers": 1, "hidden_size": 6},
    "relu": {"layers": 3, "hidden_size": 5},
}


def make(cell="mlstm", text_rule="openai", decoder=True, **shape):
    """A model with weights that are large enough to tell one another apart."""
    shape = SHAPES[cell] | shape
    tied = shape.get("tied_embedding", False)
    embedding = shape["hidden_size"] if tied else 3
    config = ModelConfig(cell=cell, embedding_size=embedding, **shape)
    model = ByteLanguageModel(config, seed=1, text_rule=text_rule, decoder=decoder)
    model.build(None)
    draw = np.random.default_rng(2)
    for variable in model.trainable_variables:
        variable.assign_add(draw.normal(0, 0.2, variable.shape).astype("f4"))
    return LanguageModel(model)


def classifier_of(model, kind="binary", feature="cell-mean"):
    draw = np.random.default_rng(3)
    outputs = 1 if kind == "binary" else 3
    return Classifier(
        feature=feature,
        classes=("negative", "positive") if kind == "binary" else ("joy", "fear", "z"),
        kind=kind,
        weights=draw.normal(0, 9, (model.model.config.hidden_size, outputs)),
        bias=draw.normal(size=outputs),
        thresholds=np.full(outputs, 0.45),
        neuron=None,
        model_fingerprint=model.fingerprint,
        text_rule=model.text_rule,
    )
