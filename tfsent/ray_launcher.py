"""A run on a Ray cluster: its workers are started, and started again, by Ray Train.

Each worker carries out the run as it would under Slurm or `torchrun`; Ray tells it
where the others are. When one has died all are started again, and go on from the last
checkpoint.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tfsent import checkpoint
from tfsent.config import RunConfig
from tfsent.ray_cluster import cluster

Train = Callable[[RunConfig], dict[str, Any] | None]
MakeTrainer = Callable[..., Any]


def launch(
    config: RunConfig,
    train: Train,
    make_trainer: MakeTrainer,
    suffix: str,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Carry out a run in `config.workers` processes of a cluster; return its result.

    The run folder, and text that is no named set, must lie where every machine finds
    them under the same path. What Ray itself writes goes to `ray/` in the run folder.

    Args:
        config: All settings; `distribution.strategy` becomes multiworker.
        train: Carries out the run in a worker, which finds the others; importable under
            the same name on every machine.
        make_trainer: One of Ray Train's trainers: it introduces workers to each other.
        suffix: End of a default run folder's name.
        tell: Called with one line about what a user should know.

    Raises:
        ValueError: If a worker refuses the settings, the text or the run folder.
        ConnectionError: If workers died more than `max_restarts` times.
    """
    from ray.train import FailureConfig, ScalingConfig, TrainingFailedError
    from ray.train import RunConfig as RayRunConfig

    out = Path(config.out or checkpoint.default_out(config, suffix)).absolute()
    if config.fresh and (aside := checkpoint.move_aside(out)):
        tell(f"{out}: moved aside to {aside}")
    run = replace(
        config,
        # A worker that is started again must not move aside what it goes on from.
        fresh=False,
        out=str(out),
        launcher="none",
        workers=None,
        distribution=replace(config.distribution, strategy="multiworker"),
    )
    with _cluster(config) as (workers, resources):
        trainer = make_trainer(
            _Worker(train, run),
            scaling_config=ScalingConfig(
                num_workers=workers,
                use_gpu="GPU" in resources,
                resources_per_worker=resources,
            ),
            run_config=RayRunConfig(
                name="ray",
                storage_path=str(out),
                failure_config=FailureConfig(max_failures=config.max_restarts),
            ),
        )
        try:
            told = trainer.fit().return_value
        except TrainingFailedError as error:
            raise ConnectionError(
                f"workers died more than {config.max_restarts} times (the last time: "
                f"{_last_line(error)}); the same command goes on from the last "
                "checkpoint."
            ) from error
    if "refused" in told:
        raise ValueError(told["refused"])
    return told["result"]


def num_workers(config: RunConfig, gpus: int) -> int:
    """Return how many workers a run has on a cluster of so many GPUs."""
    return config.workers or gpus or 2


class _Worker:
    """What Ray calls in each worker, with no argument."""

    def __init__(self, train: Train, run: RunConfig):
        self._train = train
        self._run = run
        self._folder = os.getcwd()

    def __call__(self) -> dict[str, Any]:
        # A source may be named by a relative path; Ray starts workers elsewhere.
        if os.path.isdir(self._folder):
            os.chdir(self._folder)
        try:
            return {"result": self._train(self._run)}
        except ConnectionError:
            raise  # Another worker has died: Ray starts all of them again.
        except (ValueError, OSError) as error:
            # It would be refused again: no failure to Ray.
            return {"refused": " ".join(str(error).split())}


@contextmanager
def _cluster(config: RunConfig) -> Iterator[tuple[int, dict[str, float]]]:
    """Join the cluster; yield workers, and what each shall have."""
    with cluster(quiet=config.json) as there:
        gpus = int(there.get("GPU", 0))
        workers = num_workers(config, gpus)
        resources = {"CPU": min(1.0, there.get("CPU", 1.0) / workers)}
        if gpus:
            resources["GPU"] = 1.0
        yield workers, resources


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
