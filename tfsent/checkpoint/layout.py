"""In which names and shapes a model's weights lie in its files.

A run of this project's Keras model and a run of its PyTorch twin have the same
files, written and checked by the same code; only the layout of the weights
differs, and the file says which it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from tfsent.checkpoint.shapes import GAINS, expected_shapes
from tfsent.config import ModelConfig


class Norm(NamedTuple):
    """A weight-normalised matrix: its gain, itself, the axis its norms run along."""

    gain: str
    matrix: str
    axis: int


class Layout(NamedTuple):
    """Names and shapes of the weights in a file.

    Attributes:
        name: What the file's header calls the format.
        model_file: The file of the framework's own format in a run that has ended.
        shapes: `(model, decoder)` to name and shape of every weight.
        norms: Names of weights to those that a gain scales.
    """

    name: str
    model_file: str
    shapes: Callable[[ModelConfig, bool], dict[str, tuple[int, ...]]]
    norms: Callable[[Iterable[str]], list[Norm]]


def _norms(names: Iterable[str]) -> list[Norm]:
    found = []
    for gain in names:
        layer, _, last = gain.rpartition("/")
        if last in GAINS:
            found.append(Norm(gain, f"{layer}/{GAINS[last]}", 0))
    return found


TFSENT = Layout("tfsent", "model.keras", expected_shapes, _norms)
"""The Keras model's: [in, out], gate blocks in the order of `GATES`."""
