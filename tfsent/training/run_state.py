"""All that an update changes, in one place, as arrays to save and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfsent.model.language_model import ByteLanguageModel
from tfsent.training.distribution import gather, scatter

RECENT_STEPS = 100
"""Steps over which the training BPC of a run is averaged."""


class RunState:
    """The state of a run between two updates.

    Batches and dropout follow from the seed and the step, so there is no random
    state besides.

    Args:
        model: Built under the strategy.
        optimizer: Built for the model's trainable variables.
        strategy: Where the carried state lives.
        batch_size: B, over all replicas.

    Attributes:
        step: Updates made.
        bytes_seen: Bytes predicted in training.
        wall_s: Seconds of training, restarts included.
        recent_bpc: Training BPC of the last `RECENT_STEPS` steps.
        best_val_bpc: Lowest validation BPC so far; None before the first.
        owes_validation: The validation due after the last step is still to be made.
        carried: State of every lane, dealt to the replicas.
    """

    def __init__(
        self,
        model: ByteLanguageModel,
        optimizer: keras.optimizers.Optimizer,
        strategy: tf.distribute.Strategy,
        batch_size: int,
    ):
        self.model = model
        self.optimizer = optimizer
        self.strategy = strategy
        self.step = 0
        self.bytes_seen = 0
        self.wall_s = 0.0
        self.recent_bpc: list[float] = []
        self.best_val_bpc: float | None = None
        self.owes_validation = False
        zeros = tf.nest.map_structure(np.asarray, model.zero_state(batch_size))
        self.carried = scatter(strategy, zeros)

    def weights(self) -> dict[str, np.ndarray]:
        """Return the weights by their names in a weights file, float32."""
        return {
            name: keras.ops.convert_to_numpy(variable)
            for name, variable in self.model.named_weights().items()
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what resuming needs besides weights: moments, scale, lane states."""
        arrays = {
            _optimizer_key(k): np.asarray(keras.ops.convert_to_numpy(variable))
            for k, variable in enumerate(self.optimizer.variables)
        }
        for layer, tensors in enumerate(gather(self.strategy, self.carried)):
            for k, tensor in enumerate(tensors):
                arrays[f"carried/{layer}/{k}"] = tensor
        return arrays

    def progress(self) -> dict[str, Any]:
        """Return the counters, as JSON values."""
        return {
            "step": self.step,
            "bytes_seen": self.bytes_seen,
            "wall_s": self.wall_s,
            "recent_bpc": self.recent_bpc,
            "best_val_bpc": self.best_val_bpc,
            "owes_validation": self.owes_validation,
        }

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
        for k, variable in enumerate(self.optimizer.variables):
            value = arrays.pop(_optimizer_key(k), None)
            if value is None or value.shape != tuple(variable.shape):
                raise ValueError(
                    f"the saved state of the optimizer does not fit: {variable.path} "
                    f"needs shape {tuple(variable.shape)}."
                )
            variable.assign(value)
        carried = [
            tuple(arrays.pop(f"carried/{layer}/{k}") for k, _ in enumerate(tensors))
            for layer, tensors in enumerate(self.carried)
        ]
        if arrays:
            raise ValueError(f"saved state without a place: {sorted(arrays)}.")
        self.carried = scatter(self.strategy, carried)
        self.step = progress["step"]
        self.bytes_seen = progress["bytes_seen"]
        self.wall_s = progress["wall_s"]
        self.recent_bpc = list(progress["recent_bpc"])
        self.best_val_bpc = progress["best_val_bpc"]
        self.owes_validation = progress.get("owes_validation", False)


def _optimizer_key(k: int) -> str:
    # By position: the path of a Keras variable holds numbers of the process.
    return f"optimizer/{k:04d}"
