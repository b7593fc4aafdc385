"""All that an update changes, in one place, as arrays to save and back.

Names of the arrays:

- `optimizer/step`, int64[]: updates applied;
- `optimizer/exp_avg/WEIGHT` and `optimizer/exp_avg_sq/WEIGHT`: moments of Adam;
- `loss_scale/value`, float32[], and `loss_scale/good_steps`, int64[]: under
  mixed_float16 alone;
- `carried/LAYER/K`, float32[B, H]: state of all lanes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from compare.twin.distribution import Processes
from compare.twin.optimizer import Optimizer
from compare.twin.step import TrainStep
from tfsent.data.batches import Batch
from tfsent.training.counters import RunCounters
from tfsent.training.results import StepResult

_SCALE, _GOOD_STEPS = "loss_scale/value", "loss_scale/good_steps"


class RunState(RunCounters):
    """The state of a run between two updates; counters: `RunCounters`.

    Batches and dropout follow from the seed and the step, so there is no random
    state besides.

    Args:
        model: A `ByteLanguageModel` of the twin, on its device.
        optimizer: For the model's parameters.
        scaler: Loss scaling, or none.
        processes: Who carries out the run.
        batch_size: B, over all processes.

    Attributes:
        carried: State of this process's lanes.
    """

    def __init__(
        self,
        model: Any,
        optimizer: Optimizer,
        scaler: torch.amp.GradScaler,
        processes: Processes,
        batch_size: int,
    ):
        super().__init__()
        self.model = model
        self.optimizer = optimizer
        self.scaler = scaler
        self.processes = processes
        self._device = next(model.parameters()).device
        self._all_lanes: list[tuple[np.ndarray, ...]] | None = None
        self.carried: list[tuple[torch.Tensor, ...]] = []
        zeros = model.zero_state(batch_size)
        self._take_lanes([tuple(map(_array, layer)) for layer in zeros])

    def update(self, step: TrainStep, batch: Batch) -> StepResult:
        """Make one update with `batch` and carry the state of its lanes on."""
        result, self.carried = step(batch, self.carried, self.step)
        self._all_lanes = None
        return result

    def weights(self) -> dict[str, np.ndarray]:
        """Return the weights by their names in a weights file, float32."""
        # A tied output is the embedding: `named_parameters` gives it once.
        return {name: _array(p) for name, p in self.model.named_parameters()}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what resuming needs besides weights: moments, scale, lane states.

        Where there are several processes, `gather` comes first.
        """
        arrays = {"optimizer/step": np.asarray(self.optimizer.updates, np.int64)}
        for name, tensor in self.optimizer.slots().items():
            arrays[f"optimizer/{name}"] = _array(tensor)
        if self.scaler.is_enabled():
            scale = self.scaler.state_dict()
            arrays[_SCALE] = np.asarray(scale["scale"], np.float32)
            arrays[_GOOD_STEPS] = np.asarray(scale["_growth_tracker"], np.int64)
        if self._all_lanes is None and self.processes.size == 1:
            self.gather()
        assert self._all_lanes is not None
        for layer, tensors in enumerate(self._all_lanes):
            for k, tensor in enumerate(tensors):
                arrays[f"carried/{layer}/{k}"] = tensor
        return arrays

    def gather(self) -> None:
        """Bring the states of all lanes here, to be saved."""
        join = self.processes.join_lanes
        self._all_lanes = [
            tuple(join(_array(tensor)) for tensor in layer) for layer in self.carried
        ]

    def restore(
        self,
        weights: Mapping[str, np.ndarray],
        arrays: Mapping[str, np.ndarray],
        progress: Mapping[str, Any],
    ) -> None:
        """Take all of it back.

        Raises:
            ValueError: If an array is missing, left over or of another shape.
        """
        _fill("weight", dict(self.model.named_parameters()), weights)
        arrays = dict(arrays)
        expected = {name: np.shape(array) for name, array in self.arrays().items()}
        _check("saved state", expected, arrays)
        slots = self.optimizer.slots()
        moments = {name: arrays[f"optimizer/{name}"] for name in slots}
        _fill("saved state", slots, moments)
        self.optimizer.set_updates(int(arrays["optimizer/step"]))
        if self.scaler.is_enabled():
            scale = self.scaler.state_dict() | {
                "scale": float(arrays[_SCALE]),
                "_growth_tracker": int(arrays[_GOOD_STEPS]),
            }
            self.scaler.load_state_dict(scale)
        self._take_lanes(
            [
                tuple(arrays[f"carried/{layer}/{k}"] for k, _ in enumerate(tensors))
                for layer, tensors in enumerate(self.carried)
            ]
        )
        self.restore_counters(progress)

    def _take_lanes(self, all_lanes: list[tuple[np.ndarray, ...]]) -> None:
        """Hold the states of all lanes and carry on with those of this process."""
        lanes = self.processes.lanes(len(all_lanes[0][0]))
        self._all_lanes = all_lanes
        self.carried = [
            tuple(torch.from_numpy(t[lanes].copy()).to(self._device) for t in layer)
            for layer in all_lanes
        ]


def _array(tensor: torch.Tensor) -> np.ndarray:
    """Return a copy of a tensor; the tensor itself changes with the next update."""
    return tensor.detach().cpu().numpy().copy()


def _check(
    what: str, expected: Mapping[str, tuple[int, ...]], given: Mapping[str, np.ndarray]
) -> None:
    if expected.keys() != given.keys():
        missing = sorted(expected.keys() - given.keys())
        surplus = sorted(given.keys() - expected.keys())
        raise ValueError(f"{what} missing: {missing}; without a place: {surplus}.")
    for name, shape in expected.items():
        if given[name].shape != shape:
            raise ValueError(
                f"{what} {name} has shape {given[name].shape}; {shape} will do."
            )


@torch.no_grad()
def _fill(
    what: str, tensors: Mapping[str, torch.Tensor], values: Mapping[str, np.ndarray]
) -> None:
    _check(what, {name: tuple(t.shape) for name, t in tensors.items()}, values)
    for name, tensor in tensors.items():
        tensor.copy_(torch.from_numpy(np.array(values[name])))
