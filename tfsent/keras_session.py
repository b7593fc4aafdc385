"""What Keras on TensorFlow gives to a training run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfsent.checkpoint import TFSENT
from tfsent.config import DistributionConfig, RunConfig
from tfsent.memory_plan import (
    KERAS,
    UNROLLED,
    Place,
    Planned,
    on_device,
    plan_to_fit,
)
from tfsent.peak_memory import free_bytes, resident_bytes
from tfsent.ray_launcher import num_workers
from tfsent.session import Tell, train_run
from tfsent.training.build import build_run
from tfsent.training.cluster import find_cluster
from tfsent.training.evaluate import Evaluator
from tfsent.training.precision import unrolls
from tfsent.training.processes import Processes
from tfsent.training.run_state import RunState
from tfsent.training.start import LoadModel
from tfsent.training.step import TrainStep
from tfsent.training.workers import Workers, join, lost_workers


def train_keras(
    config: RunConfig, tell: Tell, load_model: LoadModel
) -> dict[str, Any] | None:
    """Carry out a run, with the other workers if there are any; return its result.

    None in a worker that is not the chief. Arguments and errors: `train_run`; besides

    Args:
        config: All settings.
        tell: Called with one line about what a user should know.
        load_model: Opens the model that a run starts from.

    Raises:
        ConnectionError: If another worker has ended.
    """
    with lost_workers():
        framework = KerasFramework(config.distribution, tell)
        result = train_run(config, framework, tell, load_model)
    return result if framework.processes.is_chief else None


def plan_run(config: RunConfig) -> Planned:
    """Return what memory a process of a run will take; nothing of it is allocated.

    On GPUs: what each of them will hold; how much is free there is not known.
    """
    gpus = len(tf.config.list_physical_devices("GPU"))
    asked = config.distribution
    many = asked.strategy == "multiworker" or config.launcher != "none"
    workers = 1
    if config.launcher != "none":
        workers = num_workers(config, gpus)
    elif many:
        workers = len(find_cluster(asked.slurm_port).workers)
    if gpus:
        local = 1 if asked.strategy == "none" else asked.devices or gpus
        return plan_to_fit(config, on_device(KERAS), Place(workers * local, 0))
    costs = UNROLLED if unrolls(config.precision, config.training) else KERAS
    replicas = 1 if many else asked.devices or 1
    place = Place(workers, resident_bytes(), free_bytes(), replicas)
    return plan_to_fit(config, costs, place)


class KerasFramework:
    """The framework of `scripts/train.py`; see `tfsent.session.Framework`.

    Args:
        distribution: Under multiworker this process meets the others, at once.
            Default: it carries out a run alone.
        tell: Called with one line about whom it waits for.

    Raises:
        ValueError: If the environment describes no cluster.
        OSError: If this worker cannot listen at its port, or another does not come.
    """

    layout = TFSENT
    packages: tuple[str, ...] = ("numpy", "keras", "tensorflow")
    suffix = ""

    def __init__(
        self,
        distribution: DistributionConfig | None = None,
        tell: Tell = lambda line: None,
    ) -> None:
        self.processes = Processes()
        self._strategy: tf.distribute.Strategy | None = None
        if distribution is not None and distribution.strategy == "multiworker":
            cluster = find_cluster(distribution.slurm_port)
            self._strategy = join(cluster, distribution, tell)
            self.processes = Workers(cluster, self._strategy)

    def build(self, config: RunConfig, steps: int) -> tuple[RunState, TrainStep]:
        """Return the state of a new run and its update."""
        return build_run(config, steps, self._strategy, self.processes)

    def set_weights(self, state: RunState, weights: Mapping[str, np.ndarray]) -> None:
        """Give a new run its weights."""
        state.model.set_named_weights(dict(weights))

    def evaluator(self, state: RunState) -> Evaluator:
        """Return what scores the model."""
        return Evaluator(state.model, self.processes)

    def save_model(self, state: RunState, path: str) -> None:
        """Write the model as a `.keras` file."""
        state.model.save(path)
