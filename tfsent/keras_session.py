"""What Keras on TensorFlow gives to a training run."""

from __future__ import annotations

from tfsent.checkpoint import TFSENT
from tfsent.config import RunConfig
from tfsent.session import OneProcess, Processes
from tfsent.training.build import build_run
from tfsent.training.evaluate import Evaluator
from tfsent.training.run_state import RunState
from tfsent.training.step import TrainStep


class KerasFramework:
    """The framework of `scripts/train.py`; see `tfsent.session.Framework`."""

    layout = TFSENT
    packages: tuple[str, ...] = ("numpy", "keras", "tensorflow")
    suffix = ""

    def __init__(self) -> None:
        self.processes: Processes = OneProcess()

    def build(self, config: RunConfig, steps: int) -> tuple[RunState, TrainStep]:
        """Return the state of a new run and its update."""
        return build_run(config, steps)

    def evaluator(self, state: RunState) -> Evaluator:
        """Return what scores the model."""
        return Evaluator(state.model)

    def save_model(self, state: RunState, path: str) -> None:
        """Write the model as a `.keras` file."""
        state.model.save(path)
