"""A classifier over words, as every form of it is read; and where each has its weights.

Axes: V words, E embedding width, H units, G = 4 H gate columns, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from compare.checkpoint import Origin
from tfsent.checkpoint import CheckpointError
from tfsent.checkpoint.strict_json import brief
from tfsent.config import ModelConfig

GATES = "ifou"
"""Order of the blocks in `WordModel.weights`."""

DROPOUT = 0.5
"""The tutorial's, if any."""


class Place(NamedTuple):
    """A weight and where it lies: ours and Theano's axes are the same."""

    ours: str
    axes: str
    theano: str
    keras: str
    torch: str
    torch_axes: str


PLACES = tuple(
    Place(*row.split())
    for row in (
        "embedding/weight VE Wemb   embedding.vars.0    embedding.weight  VE",
        "lstm/wx          EG lstm_W layers.lstm.vars.0  lstm.weight_ih_l0 GE",
        "lstm/wh          HG lstm_U layers.lstm.vars.1  lstm.weight_hh_l0 GH",
        "lstm/b           G  lstm_b layers.lstm.vars.2  lstm.bias_ih_l0   G",
        "output/weight    HC U      layers.dense.vars.0 output.weight     CH",
        "output/bias      C  b      layers.dense.vars.1 output.bias       C",
    )
)


@dataclass(frozen=True)
class WordModel:
    """The classifier as every form is read into it; like a `Checkpoint`, but of words.

    Other formats refuse it: they have no place for its weights.

    Attributes:
        weights: "embedding/weight" (V, E), "lstm/wx" (E, 4H), "lstm/wh" (H, 4H),
            "lstm/b" (4H), gates i f o u; "output/weight" (H, C), "output/bias" (C);
            float32, the output for a mean that is not halved.
        dropout: Share of the mean that training sets to zero.
        extras: Errors logged while it was trained, as nested lists.
        dtype: Type of the weights in the file.
    """

    weights: dict[str, np.ndarray]
    dropout: float = DROPOUT
    extras: dict[str, Any] = field(default_factory=dict)
    dtype: str = "float32"

    decoder = True
    training = None

    @property
    def model(self) -> ModelConfig:
        """The recurrent layer, in the terms of the language model."""
        settings = self.settings()
        return ModelConfig(
            cell="lstm",
            hidden_size=settings["units"],
            embedding_size=settings["embedding_size"],
            weight_norm=False,
            dropout=self.dropout,
        )

    @property
    def origin(self) -> Origin:
        """Where it came from."""
        return Origin("theano", GATES, self.dtype, self.settings()["num_words"])

    @property
    def config(self) -> dict[str, Any]:
        """Its settings, as a language model has them."""
        return {"model": asdict(self.model), "data": {}}

    def settings(self) -> dict[str, Any]:
        """Return the arguments of `WordClassifier`."""
        num_words, embedding_size = self.weights["embedding/weight"].shape
        return {
            "num_words": num_words,
            "units": self.weights["lstm/wh"].shape[0],
            "embedding_size": embedding_size,
            "num_classes": len(self.weights["output/bias"]),
            "dropout": self.dropout,
        }


def check_shapes(weights: Mapping[str, np.ndarray], form: str, path: Path) -> None:
    """Refuse weights that make no model together.

    Args:
        weights: In our names and axes.
        form: "theano", "keras" or "torch": whose names and axes to tell.
        path: The file, for messages.

    Raises:
        CheckpointError: Names the first that does not fit.
    """
    num_words, embedding_size = weights["embedding/weight"].shape
    units = weights["lstm/wh"].shape[0]
    sizes = {
        "V": num_words,
        "E": embedding_size,
        "H": units,
        "G": len(GATES) * units,
        "C": len(weights["output/bias"]),
    }
    for place in PLACES:
        wanted = tuple(sizes[letter] for letter in place.axes)
        found = weights[place.ours].shape
        if found != wanted:
            axes = place.torch_axes if form == "torch" else place.axes
            turned = axes != place.axes
            shown = brief(found[::-1] if turned else found)
            right = wanted[::-1] if turned else wanted
            name = getattr(place, form)
            raise CheckpointError(path, f"{name!r} has shape {shown}, not {right}.")
