"""A training step as a piece of work: in which order it is built, timed and proved.

First some updates are made: the first one compiles, and their losses prove that
optimizers and schedules are equal. Where more proof is asked for, the start weights
are put back and logits and gradients are taken. Runs in old environments too: standard
library and NumPy alone.

Axes: N batches, B lanes, T bytes in a window, V = 256 byte values.
"""

from __future__ import annotations

import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from compare.runners.serving import Work

LOGITS, LOSSES, GRADIENT = "logits", "losses", "gradient/"
"""Names of the answers; behind the last one our name of the weight."""


class Training(ABC):
    """The training step of one framework, at its start weights.

    Every batch begins anew in all lanes, so that a runner need not carry states.
    """

    @abstractmethod
    def update(self, k: int) -> Any:
        """Make one update with batch `k`; return its loss, perhaps not there yet."""

    @abstractmethod
    def nats(self, loss: Any) -> float:
        """Return a loss of `update` once it is there, mean nats a byte."""

    @abstractmethod
    def restore(self) -> None:
        """Put the start weights back."""

    @abstractmethod
    def logits(self) -> np.ndarray:
        """Return the logits of batch 0, float32[B, T, V]."""

    @abstractmethod
    def gradients(self) -> Mapping[str, np.ndarray]:
        """Return the gradient of the mean loss of batch 0, by our names and axes."""


def training_work(
    training: Training, num_batches: int, weights: Mapping[str, np.ndarray]
) -> Work:
    """Return the updates of a training as work.

    Args:
        training: At its start weights.
        num_batches: N, which are trained on in turns.
        weights: By our names, for their number.
    """
    losses, seconds = [], []
    for k in range(num_batches):
        start_s = time.perf_counter()
        losses.append(training.nats(training.update(k)))
        seconds.append(time.perf_counter() - start_s)

    def more_answers() -> dict[str, np.ndarray]:
        training.restore()
        found = {LOGITS: np.asarray(training.logits(), np.float32)}
        for name, gradient in training.gradients().items():
            found[GRADIENT + name] = np.asarray(gradient, np.float32)
        return found

    turns = itertools.cycle(range(num_batches))
    last: list[Any] = []

    def call() -> None:
        last[:] = [training.update(next(turns))]

    return Work(
        call,
        lambda: training.nats(last[0]),
        {LOSSES: np.array(losses)},
        {
            "first_s": seconds[0],
            "parameters": int(sum(np.size(each) for each in weights.values())),
            "weight_bytes": int(sum(each.nbytes for each in weights.values())),
        },
        more_answers,
    )
