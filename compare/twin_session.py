"""What PyTorch gives to a training run."""

from __future__ import annotations

import torch

from compare.formats.twin import LAYOUT
from compare.twin.build import build_run
from compare.twin.distribution import Processes
from compare.twin.evaluate import Evaluator
from compare.twin.run_state import RunState
from compare.twin.step import TrainStep
from tfsent import session
from tfsent.config import RunConfig


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

    def evaluator(self, state: RunState) -> Evaluator:
        """Return what scores the model."""
        return Evaluator(state.model, self._precision, self._own)

    def save_model(self, state: RunState, path: str) -> None:
        """Write the state dict; `torch.load(path, weights_only=True)` reads it."""
        weights = state.model.state_dict()
        torch.save({name: t.detach().cpu() for name, t in weights.items()}, path)
