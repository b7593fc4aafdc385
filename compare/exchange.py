"""What averaging gradients costs two or more processes of the twin: one of them.

Every process is started with the variables of torchrun (RANK, WORLD_SIZE, MASTER_ADDR,
MASTER_PORT); `benchmarks.scaling` does so, over a link that it throttles. The first
tells what was measured, as one line of JSON.

In turns: the update of a process that is alone, the update of all of them together
(`compare.twin.step`, gradients averaged by `DistributedDataParallel`), and sums over
the processes of messages of several sizes. A turn starts when all are ready, and took
as long as the slowest of them needed.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.distributed as dist

from compare.twin.build import build_run
from compare.twin.distribution import Processes, leave
from tfsent.cli import parse_config, run
from tfsent.config import (
    DistributionConfig,
    ModelConfig,
    RunConfig,
    TrainingConfig,
)
from tfsent.data.batches import Batch

_WARMUP = 2
"""Turns that do not count; after the first, DistributedDataParallel deals its
gradients to messages anew."""
_TOTAL_STEPS = 100_000


@dataclass(frozen=True, kw_only=True)
class ExchangeConfig:
    """What `python -m compare.exchange` measures."""

    hidden_size: int = 512
    """Width H of the mLSTM state."""
    lanes: int = 16
    """Lanes of each process."""
    window: int = 32
    """Bytes T of a window."""
    repeats: int = 7
    """Turns that count."""
    sizes: tuple[int, ...] = ()
    """Messages that are summed, in bytes; the gradients' own size comes besides."""


def main(argv: Sequence[str] | None = None) -> None:
    """Measure in this process and leave it; the first prints what was found."""
    config = parse_config(argv, ExchangeConfig, description=__doc__)
    with Processes(DistributionConfig(strategy="multiworker")) as processes:
        found = measure(config, processes)
        if processes.is_chief:
            print(json.dumps(found), flush=True)
    leave(0)


def measure(config: ExchangeConfig, processes: Processes) -> dict[str, object]:
    """Return the seconds of every turn, those of the slowest process.

    Args:
        config: Sizes and number of turns.
        processes: Who measures, joined.

    Returns:
        `gradient_bytes`; `alone_s` and `together_s`, the updates, by turn; `sums_s`,
        the bytes of a message to its seconds by turn.
    """
    together = _update(config, processes)
    alone = _update(config, Processes())
    count = sum(p.numel() for p in together.model.parameters())
    sizes = sorted({*config.sizes, 4 * count})
    turns: dict[str, Callable[[], object]] = {
        "alone": alone,
        "together": together,
        **{str(size): _Sum(size) for size in sizes},
    }
    found: dict[str, list[float]] = {name: [] for name in turns}
    for turn in range(_WARMUP + config.repeats):
        for name, call in turns.items():
            seconds = _slowest_s(call)
            if turn >= _WARMUP:
                found[name].append(seconds)
    return {
        "gradient_bytes": 4 * count,
        "alone_s": found["alone"],
        "together_s": found["together"],
        "sums_s": {str(size): found[str(size)] for size in sizes},
    }


class _Sum:
    """The sum over all processes of a message of some bytes."""

    def __init__(self, num_bytes: int):
        self._message = torch.zeros(max(1, num_bytes // 4))

    def __call__(self) -> None:
        dist.all_reduce(self._message)


class _Update:
    """A run's next update; waits for its loss."""

    def __init__(self, config: RunConfig, processes: Processes):
        self._state, self._step = build_run(config, _TOTAL_STEPS, processes)
        self.model = self._state.model
        lanes = config.training.batch_size // processes.size
        window = config.training.window
        rng = np.random.default_rng(processes.rank)
        self._batches = itertools.cycle(
            Batch(
                rng.integers(97, 123, (lanes, window + 1)).astype(np.uint8),
                np.zeros((lanes, window), bool),
            )
            for _ in range(2)
        )

    def __call__(self) -> None:
        result = self._state.update(self._step, next(self._batches))
        float(result.bpc)
        self._state.step += 1


def _update(config: ExchangeConfig, processes: Processes) -> _Update:
    """Return the update of a model that these processes train."""
    whole = RunConfig(
        model=ModelConfig(hidden_size=config.hidden_size),
        training=TrainingConfig(window=config.window),
    )
    training = replace(whole.training, batch_size=config.lanes * processes.size)
    return _Update(replace(whole, training=training), processes)


def _slowest_s(call: Callable[[], object]) -> float:
    """Return the seconds of a call that all processes make, of the slowest one."""
    dist.barrier()
    start_s = time.perf_counter()
    call()
    seconds = torch.tensor(time.perf_counter() - start_s, dtype=torch.float64)
    dist.all_reduce(seconds, op=dist.ReduceOp.MAX)
    return float(seconds)


if __name__ == "__main__":
    run(main)
