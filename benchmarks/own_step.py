"""The update of `scripts/train.py`, ready to be called again and again.

Axes: B lanes, T bytes in a window.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from tfsent import model, training
from tfsent.config import (
    DistributionConfig,
    ModelConfig,
    OptimizerConfig,
    Precision,
    TrainingConfig,
)
from tfsent.data.batches import Batch

_TOTAL_STEPS = 100_000
"""Length of the schedule: beyond any benchmark, so the learning rate stays up."""


class OwnStep:
    """`tfsent.training.TrainStep` with Adam, clipping and carried state.

    Args:
        batches: What it trains on, in turns; all of the same size.
        hidden_size: H.
        weight_norm: Whether the matrices are weight-normalised.
        precision: Type of the arithmetic.

    Attributes:
        bpc: Bits per character of the last window; reading it waits for the device.
    """

    def __init__(
        self,
        batches: Sequence[Batch],
        *,
        hidden_size: int,
        weight_norm: bool,
        precision: Precision,
    ):
        batch_size = len(batches[0].reset_BT)
        config = OptimizerConfig()
        training.set_precision(precision)
        strategy = training.make_strategy(DistributionConfig(devices=1))
        with strategy.scope():
            network = model.ByteLanguageModel(
                ModelConfig(hidden_size=hidden_size, weight_norm=weight_norm)
            )
            network.build(None)
            network.unrolled = training.unrolls(
                precision, TrainingConfig(window=batches[0].reset_BT.shape[1])
            )
            optimizer = training.make_optimizer(config, batch_size, _TOTAL_STEPS)
            optimizer.build(network.trainable_variables)
        self._step = training.TrainStep(
            network, optimizer, strategy, clip_norm=config.clip_norm, seed=0
        )
        self._run = training.RunState(network, optimizer, strategy, batch_size)
        self._batches = itertools.cycle(batches)
        self.bpc = 0.0

    def __call__(self) -> None:
        """Train on the next batch."""
        self.train(next(self._batches))

    def train(self, batch: Batch) -> None:
        """Train on a batch as a run does: deal it, update, keep the state."""
        self.bpc = self._run.update(self._step, batch).bpc
        self._run.step += 1

    def sync(self) -> float:
        """Wait for the device; return the bits per character of the last window."""
        return float(self.bpc)

    def weights(self) -> dict[str, np.ndarray]:
        """Return the present weights by their names in a weights file."""
        return self._run.weights()
