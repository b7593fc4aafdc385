"""A model as every format is read into it and written from it; needs no framework."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tfsent.config import ModelConfig


class Origin(NamedTuple):
    """Where a model came from, so that it can go back as it came.

    Attributes:
        format: Name of the layout, as `--to` spells it.
        gates: Order of the gate blocks in the file, in the letters i f o u (z r n
            for a GRU); empty for cells of one block.
        dtype: "float32", "float16" or "bfloat16", as stored.
        symbols: 256, or 257 where symbol 0 is padding and byte b is b + 1.
        facts: What else the file said, as JSON: settings, thresholds, nesting.
    """

    format: str
    gates: str
    dtype: str = "float32"
    symbols: int = 256
    facts: dict[str, Any] = {}


class Training(NamedTuple):
    """The state of a training run, in the names and axes of the Keras side.

    Attributes:
        arrays: Name to array: optimizer, loss scale, carried state.
        progress: Counters of the run.
    """

    arrays: dict[str, np.ndarray]
    progress: dict[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """A model in this project's names, axes and gate order.

    Attributes:
        model: Its shape.
        weights: Name to float32 array as `tfsent.checkpoint.expected_shapes` lists
            them; the stored values, half precision widened.
        decoder: Whether it has output weights.
        origin: Where it came from.
        extras: Arrays without a place in the model, stored type kept.
        config: Nested settings; at least the sections "model" and "data".
        training: State of its training run, if the file held one.
    """

    model: ModelConfig
    weights: dict[str, np.ndarray]
    decoder: bool
    origin: Origin
    extras: dict[str, np.ndarray] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    training: Training | None = None


def require_language_model(model: object, name: str) -> None:
    """Refuse a classifier over words, of which a format of language models has none.

    Raises:
        ValueError: Says so.
    """
    if not isinstance(model, Checkpoint):
        raise ValueError(f"{name} holds a language model, no classifier over words.")
