"""Measure the training step at one batch size and width, in a process of its own.

    python -m benchmarks.train_cell --batch-size 32 --hidden-size 512

Prints one JSON object with every repetition; `benchmarks.train_step` runs it for a
grid of cells and makes a table. Runs of this project's step and of the plain Keras
way take turns; float32 products are timed before and after each turn.
"""

from __future__ import annotations

import functools
import itertools
import json
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from benchmarks.timing import calls_filling, interleave, seconds_per_call
from tfsent.cli import parse_config, quiet, run
from tfsent.config import Precision
from tfsent.peak_memory import peak_resident_bytes

if TYPE_CHECKING:
    from benchmarks.own_step import OwnStep
    from benchmarks.plain_keras import PlainKeras
    from tfsent.data.batches import Batch, LaneBatches

MAX_LOSS_GAP = 1e-3
"""Nats by which the float32 losses of both ways may differ: other work beyond it.

Measured: at most 7e-7 at H = 64, 128 and 512."""

_NUM_BATCHES = 8
"""Different batches, in turns."""


@dataclass(frozen=True, kw_only=True)
class TrainCellConfig:
    """What is measured in one process."""

    batch_size: int = 32
    """Lanes B read in parallel."""
    hidden_size: int = 512
    """Width H of the mLSTM state, in units."""
    window: int = 64
    """Bytes T predicted per lane and step."""
    repeats: int = 7
    """Timed repetitions of each way."""
    precision: Precision = "float32"
    """Type of the arithmetic of both ways; the products gauged stay float32."""
    weight_norm: bool = True
    """Weight normalisation of the recurrent matrices, in both ways."""
    skip_keras: bool = False
    """Leave the plain Keras way out."""
    fill_s: float = 0.5
    """Seconds of steps in a repetition, at least one step; a product gets a fifth."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("batch_size", "hidden_size", "window", "repeats"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} is {value}; at least 1 will do.")
        if not 0 < self.fill_s < 1000:
            raise ValueError(f"fill_s is {self.fill_s}; above 0, below 1000 will do.")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure the cell that the command line asks for and print what came of it."""
    config = parse_config(argv, TrainCellConfig, description=__doc__)
    quiet()
    print(json.dumps(measure(config)))


def measure(config: TrainCellConfig) -> dict[str, Any]:
    """Return first calls, repetitions, peak memory and input seconds as JSON values.

    Both ways start from equal weights and first train twice on one batch; `loss_gap`
    is the larger difference of their two losses, in nats.

    Raises:
        ValueError: If the float32 losses differ, so that the work is not equal.
    """
    # Here, not above: the process that only reads these settings stays light.
    from benchmarks.gemm import GemmGauge, model_shapes
    from benchmarks.lanes import built_in_lanes
    from benchmarks.own_step import OwnStep

    lanes = built_in_lanes(config.batch_size, config.window)
    batches = [lanes.batch(step) for step in range(_NUM_BATCHES)]
    own = OwnStep(
        batches,
        hidden_size=config.hidden_size,
        weight_norm=config.weight_norm,
        precision=config.precision,
    )
    parked = None if config.skip_keras else _park(own.weights())
    own_first_s, own_s, own_bpc = _warm_up_own(own, batches[0])
    result: dict[str, Any] = {
        "step_first_s": own_first_s,
        # Before anything else is built: what a run with these settings holds.
        "step_peak_resident_bytes": peak_resident_bytes(),
    }
    own_calls = calls_filling(config.fill_s, own_s)
    contestants: dict[str, Callable[[], float]] = {
        "step": functools.partial(seconds_per_call, own, own_calls, sync=own.sync)
    }
    if parked is not None:
        from benchmarks.plain_keras import PlainKeras

        with parked:
            weights = dict(np.load(parked))
        plain = PlainKeras(batches, weights, weight_norm=config.weight_norm)
        del weights
        plain_first_s, plain_s, plain_nats = _warm_up_plain(plain, batches[0])
        result["keras_first_s"] = plain_first_s
        result["loss_gap"] = loss_gap(own_bpc, plain_nats, config.precision)
        plain_calls = calls_filling(config.fill_s, plain_s)
        contestants["keras"] = functools.partial(plain, plain_calls)
    shapes = model_shapes(config.batch_size, config.hidden_size, config.window)
    gauge = GemmGauge(shapes, config.fill_s / 5)
    found = interleave(contestants, config.repeats, gauge)
    return result | {
        "repetitions": {
            name: [repetition._asdict() for repetition in repetitions]
            for name, repetitions in found.items()
        },
        "batch_s": _batch_s(lanes),
        "peak_resident_bytes": peak_resident_bytes(),
    }


def _park(weights: Mapping[str, np.ndarray]) -> IO[bytes]:
    """Return a temporary file of weights: in memory they would raise the peak."""
    file = tempfile.TemporaryFile()
    np.savez(file, **weights)
    file.seek(0)
    return file


def _warm_up_own(own: OwnStep, batch: Batch) -> tuple[float, float, list[float]]:
    """Return the seconds of the first and the second step, and their losses in bpc."""
    seconds, losses = [], []
    for _ in range(2):
        train = functools.partial(own.train, batch)
        seconds.append(seconds_per_call(train, sync=own.sync))
        losses.append(own.sync())
    return seconds[0], seconds[1], losses


def _warm_up_plain(plain: PlainKeras, batch: Batch) -> tuple[float, float, list[float]]:
    """Return the seconds of the first and the second step, and their losses in nats."""
    fitted = [plain.fit([batch]) for _ in range(2)]
    return fitted[0].seconds, fitted[1].seconds, [fit.nats for fit in fitted]


def loss_gap(
    own_bpc: Sequence[float], nats: Sequence[float], precision: Precision
) -> float:
    """Return the largest difference between the losses of both ways, in nats.

    Args:
        own_bpc: Losses of this project's steps, bits per character.
        nats: Losses of the other way's steps.
        precision: float32 is held to `MAX_LOSS_GAP`; in the others each way rounds
            in places of its own.

    Raises:
        ValueError: If float32 losses are too far apart, or any is no number.
    """
    gaps = [
        abs(bpc * math.log(2) - plain) for bpc, plain in zip(own_bpc, nats, strict=True)
    ]
    most = MAX_LOSS_GAP if precision == "float32" else math.inf
    if not all(gap <= most for gap in gaps):  # false for NaN too, unlike a maximum
        raise ValueError(
            f"the losses of the first steps, {own_bpc} bits and {nats} nats, are "
            f"{max(gaps):.1e} nats apart; at most {most} is equal work."
        )
    return max(gaps)


def _batch_s(lanes: LaneBatches) -> float:
    """Return the seconds that making a batch takes, as the mean of a whole epoch.

    Text is read in portions of many batches; a median would see none of the reading.
    """
    steps = itertools.count()
    return seconds_per_call(lambda: lanes.batch(next(steps)), lanes.steps_per_epoch)


if __name__ == "__main__":
    run(main)
