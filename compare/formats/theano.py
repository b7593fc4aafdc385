"""The LSTM classifier of the Theano tutorial (.npz).

    Wemb (V, d)   lstm_W (d, 4d)   lstm_U (d, 4d)   lstm_b (4d)   U (d, 2)   b (2)

Gates i f o c. The same model is `SequenceClassifier` with one LSTM and the mean over
the words. Number 0 is padding and 1 the unknown word, as in the tutorial's `imdb.py`;
its dictionary is a pickle, which nothing here opens: written out as
`vocabulary.json`, word to number, it is read beside the weights.

The tutorial's dropout of 0.5 keeps the mean of the words as it is while it trains, and
halves it when it predicts; Keras and PyTorch double it while they train. `U` is halved
here, and doubled on the way back: the same model in both uses, without a rounding. A
file does not say whether it was trained with dropout; the tutorial's default is yes.

Under Theano's default type, float64, weights are rounded to float32 when they are read.

Source: http://deeplearning.net/tutorial/lstm.html (LISA lab 2014), `lstm.py`: functions
`lstm_layer` (gates), `dropout_layer` (the halving), `train_lstm` (what is saved).
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from compare.checkpoint import Origin
from compare.containers import Container
from compare.containers.vocabulary import words_beside
from compare.formats.origins import file_gates
from compare.formats.word_model import (
    WordModel,
    made,
    require_model,
    require_settings,
)
from compare.formats.word_rows import WordRow, to_ours, to_theirs
from tfsent.checkpoint import CheckpointError
from tfsent.supervised.presets import theano_lstm

NAMES = ("theano",)

DROPOUT = 0.5
"""The tutorial's, if any."""

GATES = "ifou"
_ERRORS = ("history_errs", "train_err", "valid_err", "test_err")
"""What the tutorial saves beside the weights."""

_SETTINGS = {
    "cell": "lstm",
    "layers": 1,
    "direction": "forward",
    "gate_activation": "sigmoid",
    "one_hot": False,
    "embedding_activation": "linear",
    "pooling": "mean",
    "skip_connections": False,
    "hidden": (),
}
"""Those of every model of the tutorial."""


def recognize(container: Container) -> str | None:
    """Return a line if this is a file of the tutorial, else None."""
    if container.kind == "npz" and {"Wemb", "lstm_W", "lstm_U"} <= set(
        container.arrays
    ):
        return (
            "LSTM classifier of the Theano tutorial, taken as trained with dropout, "
            "the tutorial's default"
        )
    return None


def candidates(container: Container) -> tuple[str, ...]:
    """Return none: there is one order, and no text of bytes could tell."""
    return ()


def read(
    container: Container, gates: str | None = None, dropout: float = DROPOUT
) -> WordModel:
    """Return the classifier.

    Args:
        container: An .npz of the tutorial.
        gates: Order of the blocks in the file. Default: the tutorial's.
        dropout: 0.0 for a file that was trained with `use_dropout=False`.

    Raises:
        CheckpointError: If a weight is missing, left over or of a wrong shape or type.
    """
    path = container.path
    order = file_gates("lstm", gates, (GATES,), path)
    arrays = dict(container.arrays)
    errors = {n: arrays.pop(n).tolist() for n in _ERRORS if n in arrays}
    weights, dtype = to_ours(_rows(order), arrays, lambda E, H: H, path)
    weights["output/weight"] = _scaled(weights["output/weight"], _factor(dropout), path)
    num_words, units = weights["embedding/weight"].shape
    settings = theano_lstm()
    config = dataclasses.replace(
        settings.classifier, embedding_size=units, units=units, dropout=dropout
    )
    words = words_beside(path, num_words, longer=True)
    origin = Origin("theano", order, dtype, num_words)
    return made(weights, config, origin, words, settings, errors)


def write(model: Any, name: str = "theano") -> Container:
    """Return the .npz of the tutorial.

    Raises:
        ValueError: If `model` is none of its classifiers.
    """
    require_model(model, name, output=True)
    config = model.model
    require_settings(model, name, _SETTINGS)
    if config.embedding_size != config.units:
        raise ValueError(
            f"{name} has one width; embedding_size is {config.embedding_size} and "
            f"units is {config.units}."
        )
    factor = 1 / _factor(config.dropout)
    output = _scaled(model.weights["output/weight"], factor, Path("output/weight"))
    weights = model.weights | {"output/weight": output}
    errors = {n: np.asarray(v, np.float64) for n, v in model.extras.items()}
    return Container("npz", to_theirs(_rows(GATES), weights) | errors)


def _rows(order: str) -> tuple[WordRow, ...]:
    return (
        WordRow("embedding/weight", "VE", ("Wemb",), "VE"),
        WordRow("layers/0/forward/wx", "EG", ("lstm_W",), "EG", order),
        WordRow("layers/0/forward/wh", "HG", ("lstm_U",), "HG", order),
        WordRow("layers/0/forward/b", "G", ("lstm_b",), "G", order),
        WordRow("output/weight", "FK", ("U",), "FK"),
        WordRow("output/bias", "K", ("b",), "K"),
    )


def _factor(dropout: float) -> float:
    """Return by what the tutorial multiplies the mean when it predicts."""
    if dropout not in (0.0, DROPOUT):
        raise ValueError(
            f"dropout is {dropout}; the tutorial has {DROPOUT}, or 0 for none."
        )
    return 1 - dropout


def _scaled(weight: np.ndarray, factor: float, path: Path) -> np.ndarray:
    scaled = weight * np.float32(factor)
    if not np.array_equal(scaled / np.float32(factor), weight):
        raise CheckpointError(path, f"output weights times {factor} leave float32.")
    return scaled
