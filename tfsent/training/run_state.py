"""All that an update changes, in one place, as arrays to save and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfsent.data.batches import Batch
from tfsent.model.language_model import ByteLanguageModel
from tfsent.training.counters import RunCounters
from tfsent.training.distribution import gather, scatter
from tfsent.training.processes import Processes
from tfsent.training.results import StepResult
from tfsent.training.step import TrainStep


class RunState(RunCounters):
    """The state of a run between two updates; counters: `RunCounters`.

    Batches and dropout follow from the seed and the step, so there is no random
    state besides.

    Args:
        model: Built under the strategy.
        optimizer: Built for the model's trainable variables.
        strategy: Where the carried state lives.
        batch_size: B, over all processes and their replicas.
        processes: Who carries out the run. Default: this process alone.

    Attributes:
        carried: State of this process's lanes, dealt to its replicas.
    """

    def __init__(
        self,
        model: ByteLanguageModel,
        optimizer: keras.optimizers.Optimizer,
        strategy: tf.distribute.Strategy,
        batch_size: int,
        processes: Processes | None = None,
    ):
        super().__init__()
        self.model = model
        self.optimizer = optimizer
        self.strategy = strategy
        self.processes = processes or Processes()
        self._all_lanes: list | None = None
        self.carried: list = []
        self._take_lanes(
            tf.nest.map_structure(np.asarray, model.zero_state(batch_size))
        )

    def update(self, step: TrainStep, batch: Batch) -> StepResult:
        """Make one update with `batch` and carry the state of its lanes on."""
        bytes_BT1, reset_BT = scatter(self.strategy, tuple(batch))
        result, self.carried = step(bytes_BT1, reset_BT, self.carried, self.step)
        self._all_lanes = None
        return result

    def weights(self) -> dict[str, np.ndarray]:
        """Return the weights by their names in a weights file, float32."""
        return {
            name: keras.ops.convert_to_numpy(variable)
            for name, variable in self.model.named_weights().items()
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what resuming needs besides weights: moments, scale, lane states.

        Where there are several processes, `gather` comes first.
        """
        arrays = {
            name: np.asarray(keras.ops.convert_to_numpy(variable))
            for name, variable in self._optimizer_variables().items()
        }
        if self.processes.size == 1:
            self.gather()
        assert self._all_lanes is not None
        for layer, tensors in enumerate(self._all_lanes):
            for k, tensor in enumerate(tensors):
                arrays[f"carried/{layer}/{k}"] = tensor
        return arrays

    def gather(self) -> None:
        """Bring the states of all lanes here, to be saved."""
        self._all_lanes = [
            tuple(map(self.processes.join_lanes, layer))
            for layer in gather(self.strategy, self.carried)
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
        self.model.set_named_weights(dict(weights))
        arrays = dict(arrays)
        for name, variable in self._optimizer_variables().items():
            value = arrays.pop(name, None)
            if value is None or value.shape != tuple(variable.shape):
                raise ValueError(
                    f"the saved state of the optimizer does not fit: {name} needs "
                    f"shape {tuple(variable.shape)}."
                )
            variable.assign(value)
        carried = [
            tuple(arrays.pop(f"carried/{layer}/{k}") for k, _ in enumerate(tensors))
            for layer, tensors in enumerate(self.carried)
        ]
        if arrays:
            raise ValueError(f"saved state without a place: {sorted(arrays)}.")
        self._take_lanes(carried)
        self.restore_counters(progress)

    def _take_lanes(self, all_lanes: list) -> None:
        """Hold the states of all lanes and carry on with those of this process."""
        self._all_lanes = all_lanes
        own = self.processes.lanes(len(all_lanes[0][0]))
        self.carried = scatter(
            self.strategy, tf.nest.map_structure(lambda s_BH: s_BH[own], all_lanes)
        )

    def _optimizer_variables(self) -> dict[str, keras.Variable]:
        """Return the optimizer's variables by their names in a checkpoint.

        `optimizer/SLOT/WEIGHT`, `optimizer/iteration`, and under loss scaling
        `loss_scale/...`: the path of a Keras variable holds numbers of the process.
        """
        inner, found = self.optimizer, {}
        if isinstance(inner, keras.optimizers.LossScaleOptimizer):
            # Its iteration and learning rate are those of the inner one.
            found["loss_scale/dynamic_scale"] = inner.dynamic_scale
            found["loss_scale/step_counter"] = inner.step_counter
            inner = inner.inner_optimizer
        weights = {
            variable.path.replace("/", "_"): name
            for name, variable in self.model.named_weights().items()
        }
        for k, variable in enumerate(inner.variables):
            name = _slot_name(variable.name, weights) or f"{variable.name}/{k}"
            if variable.name in ("iteration", "learning_rate"):
                name = variable.name
            found[f"optimizer/{name}"] = variable
        return found


def _slot_name(name: str, weights: dict[str, str]) -> str | None:
    """Return SLOT/WEIGHT of the optimizer's variable `name`; None if it is no slot.

    Args:
        name: As Keras makes it: the weight's path with "_" for "/", "_", the slot.
        weights: Such a path to the name of the weight in a file.
    """
    paths = [path for path in weights if name.startswith(f"{path}_")]
    if not paths:
        return None
    path = max(paths, key=len)
    return f"{name[len(path) + 1 :]}/{weights[path]}"
