"""The networks of the study: a cell, a depth, a width, and where they start.

Axes: V words, E = H width of the embedding and of every layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from compare.formats.blocks import OUR_GATES
from compare.formats.sequence_classifier import weight_names
from tfsent.config_supervised import ClassifierConfig

CELLS = ("rnn", "lstm", "gru", "mlstm")
"""Cells as the study names them; rnn is the plain recurrence with tanh."""

SYSTEMS = ("keras", "torch", "keras-layers", "torch-layers")
"""This project's layers on Keras and on PyTorch; the layers of each framework."""

CLASSES = 2

_OUR_CELLS = {"rnn": "tanh"}


class Network(NamedTuple):
    """One network, and the seed of its start and of the order of texts."""

    cell: str
    depth: int
    width: int
    seed: int

    @property
    def key(self) -> str:
        """Its name, the same in every study."""
        return f"{self.cell}-d{self.depth}-w{self.width}-s{self.seed}"

    def classifier(self) -> ClassifierConfig:
        """Return its shape: no dropout, the mean over the words."""
        return ClassifierConfig(
            embedding_size=self.width,
            cell=_OUR_CELLS.get(self.cell, self.cell),  # type: ignore[arg-type]
            units=self.width,
            layers=self.depth,
            pooling="mean",
            dropout=0.0,
        )


def start_weights(network: Network, num_words: int) -> dict[str, np.ndarray]:
    """Return the weights that all systems start from, float32, by our names.

    Embedding uniform, every block of a recurrent layer orthogonal, output uniform
    after Glorot, biases 0 but for the forget gate's, 1.

    Args:
        network: Its shape and seed.
        num_words: V.
    """
    config = network.classifier()
    rng = np.random.default_rng([network.seed, network.depth, network.width])
    return {
        name: _start(name, config, num_words, rng).astype(np.float32)
        for name in weight_names(config)
    }


def _start(
    name: str, config: ClassifierConfig, num_words: int, rng: np.random.Generator
) -> np.ndarray:
    part, width = name.rpartition("/")[2], config.units
    if name == "embedding/weight":
        reach = config.embedding_range
        return rng.uniform(-reach, reach, (num_words, width))
    if name == "output/weight":
        reach = (6 / (width + CLASSES)) ** 0.5
        return rng.uniform(-reach, reach, (width, CLASSES))
    if name == "output/bias":
        return np.zeros(CLASSES)
    gates = OUR_GATES[config.cell]
    blocks = max(1, len(gates))
    if part in ("b", "bh"):
        bias = np.zeros(blocks * width)
        if "f" in gates:
            forget = gates.index("f") * width
            bias[forget : forget + width] = 1.0
        return bias
    count = 1 if part in ("wmx", "wmh") else blocks
    return np.concatenate([_orthogonal(width, rng) for _ in range(count)], axis=1)


def _orthogonal(width: int, rng: np.random.Generator) -> np.ndarray:
    q, r = np.linalg.qr(rng.standard_normal((width, width)))
    turned: np.ndarray = q * np.sign(np.diag(r))
    return turned


def without_side(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return weights by names that say nothing of a direction."""
    return {name.replace("/forward/", "/"): array for name, array in weights.items()}
