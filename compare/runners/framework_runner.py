"""A runner made of what a `tfsent.session.Framework` gives: the step of its script."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tfsent.checkpoint import load_weights
from tfsent.config import RunConfig
from tfsent.data.batches import Batch
from tfsent.session import Framework
from tfsent.settings_json import from_dict
from tfsent.training.summary import versions

_TOTAL_STEPS = 100_000
"""Length of the schedule: beyond any benchmark, so the learning rate stays up."""


class FrameworkRunner:
    """Times the update that a training script makes, with nothing around it.

    Args:
        framework: Makes the run state and its update.
        set_weights: `(model, weights)` puts named weights of this project's Keras
            layout into its model.
        multiply: `(side) -> product`, a call that starts a float32 product of two
            square matrices and a call that waits for it.
    """

    def __init__(
        self,
        framework: Framework,
        set_weights: Callable[[Any, dict[str, np.ndarray]], None],
        multiply: Callable[[int], tuple[Callable[[], None], Callable[[], object]]],
    ) -> None:
        self._framework = framework
        self._set_weights = set_weights
        self._multiply, self._sync_product = multiply(2048)
        self._product_s = 0.0

    def set_up(
        self, config: dict[str, Any], weights: str, batches: str
    ) -> dict[str, Any]:
        """Build, load, train once on every batch."""
        named, _ = load_weights(weights)
        settings = from_dict(RunConfig, config)
        self._state, self._step = self._framework.build(settings, _TOTAL_STEPS)
        self._set_weights(self._state.model, named)
        with np.load(batches) as stored:
            pairs = zip(stored["bytes"], stored["reset"], strict=True)
            made = [Batch(*pair) for pair in pairs]
        losses, seconds = [], []
        for batch in made:
            start_s = time.perf_counter()
            losses.append(float(self._update(batch).bpc))
            seconds.append(time.perf_counter() - start_s)
        self._batches = itertools.cycle(made)
        return {
            "bpc": losses,
            "first_s": seconds[0],
            "step_s": min(seconds[1:]),
            "parameters": sum(int(np.size(each)) for each in named.values()),
            "threads": len(os.sched_getaffinity(0)),
            "versions": versions(self._framework.packages),
        }

    def turn(self, calls: int) -> float:
        """Return the seconds of one step."""
        start_s = time.perf_counter()
        for _ in range(calls):
            result = self._update(next(self._batches))
        float(result.bpc)
        return (time.perf_counter() - start_s) / calls

    def gauge(self, fill_s: float) -> float:
        """Return the rate of the product, FLOP/s."""
        if not self._product_s:
            self._time_product(1)  # Kernels are chosen when a shape is first met.
            self._product_s = self._time_product(1)
        calls = max(1, round(fill_s / self._product_s))
        self._product_s = self._time_product(calls)
        return 2 * 2048**3 / self._product_s

    def _time_product(self, calls: int) -> float:
        start_s = time.perf_counter()
        for _ in range(calls):
            self._multiply()
        self._sync_product()
        return (time.perf_counter() - start_s) / calls

    def _update(self, batch: Batch) -> Any:
        result = self._state.update(self._step, batch)
        self._state.step += 1
        return result
