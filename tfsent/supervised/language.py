"""What a language model brings to a classifier: how it reads, its shape, its weights.

Axes: N texts, T bytes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfsent.checkpoint import CheckpointError, save_weights
from tfsent.checkpoint.shapes import model_settings
from tfsent.checkpoint.strict_json import brief
from tfsent.checkpoint.weights import has_decoder, text_rule_of
from tfsent.config import ModelConfig
from tfsent.config_encoder import EncoderConfig
from tfsent.config_supervised import FinetuneConfig
from tfsent.data.text_rules import clean
from tfsent.data.word_batches import Batch
from tfsent.supervised.reader import Padding
from tfsent.transfer.feature import STATES, WITHOUT_CELL, parse_feature

HEADS = "heads/"
"""Begins the name of every weight that is not the language model's."""

CENTER, SCALE = f"{HEADS}center", f"{HEADS}scale"
"""Names of what the feature is brought to a common size with."""

FOLDER = "language_model"
"""Folder of a run that holds the language model alone, for every other command."""


class Language(NamedTuple):
    """A language model that is fine-tuned."""

    model: ModelConfig
    text_rule: str
    decoder: bool

    @classmethod
    def of(cls, trained: Any) -> Language:
        """Return that of a `tfsent.trained.TrainedModel`."""
        model = trained.model
        return cls(model.config, model.text_rule, model.decoder)

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any], path: Path) -> Language:
        """Return what `facts` gave; nothing in it is trusted.

        Raises:
            CheckpointError: If anything in it cannot be; names `path`.
        """
        if not isinstance(facts, Mapping):
            raise CheckpointError(path, f"language is {brief(facts)}.")
        return cls(
            model_settings(facts, path),
            text_rule_of(facts, path),
            has_decoder(facts, path),
        )

    def facts(self) -> dict[str, Any]:
        """Return shape and text rule as the configuration of a model has them."""
        return {
            "model": dataclasses.asdict(self.model),
            "data": {"text_rule": self.text_rule},
            "decoder": self.decoder,
        }

    def save(self, run: Path, weights: Mapping[str, np.ndarray]) -> None:
        """Write the language model alone, as other commands take one.

        Args:
            run: Its folder `FOLDER` is written.
            weights: Of the whole classifier.

        Raises:
            OSError: If the disk refuses; names the file.
        """
        own = {name: w for name, w in weights.items() if not name.startswith(HEADS)}
        save_weights(run / FOLDER, own, self.facts())


class ByteReader:
    """Texts -> bytes as the language model reads them.

    Args:
        language: The language model.
        config: Which feature, how many bytes.

    Attributes:
        feature: Its name.
        parts: What it is made of.
        padding: How batches are filled up.
        texts_at_once: Texts of a batch that is only read.
    """

    texts_at_once = 1024

    def __init__(self, language: Language, config: EncoderConfig):
        self.language = language
        self.feature = config.feature or _default_feature(language.model)
        self.parts = parse_feature(self.feature, language.model)
        self.padding = Padding("after", config.max_bytes)
        self._max_bytes = config.max_bytes

    @property
    def triples(self) -> list[tuple[int, int, str]]:
        """The feature as models take it: layer, number of the state, pooling."""
        return [(p.layer, STATES.index(p.state), p.pooling) for p in self.parts]

    @property
    def num_symbols(self) -> int:
        """Kinds of bytes."""
        return 256

    def encode(self, text: str) -> np.ndarray:
        """Return the bytes of a text, or its last ones, uint8[T]."""
        read = clean(text, self.language.text_rule)
        if self._max_bytes is not None:
            read = read[-self._max_bytes :]
        return np.frombuffer(read, np.uint8)

    def kept(self, ids: Sequence[np.ndarray]) -> np.ndarray:
        """Return which texts are trained on: all."""
        return np.arange(len(ids))


def update_bytes(model: ModelConfig, batch_size: int, length: int) -> int:
    """Return about what an update holds of one batch, in bytes of memory.

    Weights, their gradients and the optimizer's tensors come on top.

    Args:
        model: Shape of the language model.
        batch_size: N.
        length: T, bytes of the longest text, padding included.
    """
    return (
        _KEPT[model.cell] * 4 * batch_size * length * model.hidden_size * model.layers
    )


_LEAST = 1e-6
"""Deviation below which a column is taken as constant: float32 rounds at 1e-7."""

_KEPT = {"mlstm": 36, "lstm": 28, "gru": 27, "tanh": 13, "relu": 13}
"""Numbers of float32 that a unit of a layer takes at every byte of every text.

Measured on TensorFlow (16 texts of 512 bytes, 256 units, with the language model's own
loss): 35.0, 26.6, 25.9, 12.8, 12.6. The twin takes about half: 18.6, 17.6, -, 6.6, -.
"""


def check_settings_of(config: FinetuneConfig) -> None:
    """Refuse what a language model cannot be fine-tuned with.

    Raises:
        ValueError: Names the setting.
    """
    if (config.encoder.model is None) == (config.start is None):
        given = "both are given" if config.start else "neither is given"
        raise ValueError(
            "encoder.model names the language model, start an earlier run, which "
            f"brings its own; {given}, one will do."
        )
    if config.learner.thaw == "new":
        raise ValueError(
            "learner.thaw is new, which would forget what the language model has "
            "learnt; full, last or chain-thaw will do."
        )
    if config.precision == "mixed_float16":
        raise ValueError(
            "precision is mixed_float16, which needs a loss scale; float32 or "
            "mixed_bfloat16 will do."
        )


def _default_feature(model: ModelConfig) -> str:
    if model.cell in WITHOUT_CELL:
        return "hidden-mean"
    return "cell-mean+hidden-mean"


def with_a_byte(batch: Batch) -> Batch:
    """Return a batch whose filler rows have one byte: pooling nothing gives NaN."""
    mask_NT = batch.mask_NT.copy()
    mask_NT[batch.rows < 0, 0] = True
    return batch._replace(mask_NT=mask_NT)


def real_texts(batch: Batch) -> list[bytes]:
    """Return the texts of the rows that are no filler."""
    return [
        batch.words_NT[n][batch.mask_NT[n]].astype(np.uint8).tobytes()
        for n in np.flatnonzero(batch.rows >= 0)
    ]


def learnt(trained: Collection[str], language: bool) -> list[str]:
    """Return the weights that are learnt.

    Without a loss of its own the language model's output weights do nothing; center
    and scale of the feature are set once.
    """
    return [
        name
        for name in trained
        if name not in (CENTER, SCALE) and (language or not name.startswith("output/"))
    ]


def center_and_scale(rows: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
    """Return the weights that bring each column of features to mean 0, deviation 1.

    A column that is the same in every row keeps its size.

    Args:
        rows: float32[F] each; read once, none is kept.
    """
    count, first = 0, np.zeros(0)
    sums, squares = np.zeros(0), np.zeros(0)
    for row in rows:
        if not count:
            # Counted from the first: the difference of large sums would be noise.
            first = row.astype(np.float64)
            sums, squares = np.zeros_like(first), np.zeros_like(first)
        away = row - first
        sums, squares, count = sums + away, squares + away * away, count + 1
    mean = sums / count
    deviation = np.sqrt(np.maximum(squares / count - mean * mean, 0.0))
    deviation[deviation < _LEAST * np.maximum(1.0, np.abs(first))] = 1.0
    return {
        CENTER: (first + mean).astype(np.float32),
        SCALE: (1.0 / deviation).astype(np.float32),
    }
