"""What PyTorch gives to a training run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from compare.formats.twin import LAYOUT
from compare.models import fill_twin, twin_arrays
from compare.twin.build import build_run
from compare.twin.distribution import Processes, num_processes
from compare.twin.evaluate import Evaluator
from compare.twin.run_state import RunState
from compare.twin.step import TrainStep
from tfsent import session
from tfsent.config import RunConfig
from tfsent.memory_plan import TORCH, Place, Planned, on_device, plan_to_fit
from tfsent.peak_memory import free_bytes, resident_bytes
from tfsent.ray_launcher import num_workers
from tfsent.training.start import LoadModel


def train_twin(
    config: RunConfig, tell: session.Tell, load_model: LoadModel
) -> dict[str, Any] | None:
    """Carry out a run of the twin, with the other processes if there are any.

    Returns its result; None in a process that is not the chief. Arguments and errors:
    `tfsent.session.train_run`; besides

    Raises:
        ConnectionError: If another process has ended.
    """
    with Processes(config.distribution) as processes:
        result = session.train_run(config, TorchFramework(processes), tell, load_model)
    return result if processes.is_chief else None


def plan_run(config: RunConfig) -> Planned:
    """Return what memory a process of a run will take; nothing of it is allocated.

    On GPUs: what each of them will hold, and how much of the first is free.
    """
    if config.launcher != "none":
        processes = num_workers(config, torch.cuda.device_count())
    else:
        processes = num_processes(config.distribution)
    if torch.cuda.is_available():
        free, _ = torch.cuda.mem_get_info()
        return plan_to_fit(config, on_device(TORCH), Place(processes, 0, free))
    place = Place(processes, resident_bytes(), free_bytes())
    return plan_to_fit(config, TORCH, place)


class TorchFramework:
    """The framework of `scripts/train_twin.py`; see `tfsent.session.Framework`.

    Args:
        processes: Who carries out the run. Default: this process alone.
    """

    layout = LAYOUT
    packages: tuple[str, ...] = ("numpy", "torch")
    suffix = "-twin"

    def __init__(self, processes: Processes | None = None) -> None:
        self._own = processes or Processes()
        self.processes: session.Processes = self._own
        self._precision = RunConfig().precision

    def build(self, config: RunConfig, steps: int) -> tuple[RunState, TrainStep]:
        """Return the state of a new run and its update."""
        self._precision = config.precision
        return build_run(config, steps, self._own)

    def set_weights(self, state: RunState, weights: Mapping[str, np.ndarray]) -> None:
        """Give a new run its weights, under the names of Keras."""
        fill_twin(state.model, twin_arrays(weights, state.model.config))

    def evaluator(self, state: RunState) -> Evaluator:
        """Return what scores the model."""
        return Evaluator(state.model, self._precision, self._own)

    def save_model(self, state: RunState, path: str) -> None:
        """Write the state dict; `torch.load(path, weights_only=True)` reads it."""
        weights = state.model.state_dict()
        torch.save({name: t.detach().cpu() for name, t in weights.items()}, path)
