"""The twin's update as a training, of its model or of another one in its place.

Axes: B lanes, T bytes in a window, V = 256 byte values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from compare.runners.inputs import read_batches
from compare.runners.training import Training


class TwinTraining(Training):
    """The update of `scripts/train_twin.py`, of its model or of another one in it.

    Args:
        model: What is trained.
        step: The `compare.twin.step.TrainStep` that updates it.
        carried: Its state before the first batch.
        inputs: File of the batches.
        fill: Puts the start weights into the model.
        ours: Gradients by the names of the parameters -> by ours.
    """

    def __init__(
        self,
        model: Any,
        step: Any,
        carried: Any,
        inputs: str,
        fill: Callable[[], None],
        ours: Callable[[dict[str, np.ndarray]], Mapping[str, np.ndarray]] | None = None,
    ):
        from tfsent.data.batches import Batch

        self._batches = [
            Batch(*pair) for pair in zip(*read_batches(inputs), strict=True)
        ]
        self.num_batches = len(self._batches)
        self._model, self._step, self._carried = model, step, carried
        self._fill, self._ours = fill, ours
        self._steps = 0
        self.restore()

    def update(self, k: int) -> Any:
        """Make one update with batch `k`; return its loss, on the device."""
        result, self._carried = self._step(self._batches[k], self._carried, self._steps)
        self._steps += 1
        return result.bpc

    def nats(self, loss: Any) -> float:
        """Return a loss of `update`, mean nats a byte."""
        return float(loss) * math.log(2)

    def restore(self) -> None:
        """Put the start weights back."""
        self._fill()

    def logits(self) -> np.ndarray:
        """Return the logits of batch 0, float32[B, T, V]."""
        import torch

        bytes_BT = torch.from_numpy(self._batches[0].bytes_BT1[:, :-1].copy())
        device = next(self._model.parameters()).device
        with torch.no_grad(), self._step.autocast():
            logits_BTV, _ = self._model(bytes_BT.to(device), None, None)
        return logits_BTV.float().cpu().numpy()

    def gradients(self) -> Mapping[str, np.ndarray]:
        """Return the gradient of the mean loss of batch 0, by our names and axes."""
        from compare.models import our_arrays

        found = self._step.gradients(self._batches[0], self._carried)
        named = self._model.named_parameters()
        names = [name for name, parameter in named if parameter.requires_grad]
        arrays = {
            name: gradient.float().cpu().numpy()
            for name, gradient in zip(names, found, strict=True)
        }
        if self._ours is not None:
            return self._ours(arrays)
        return our_arrays(arrays, self._model.config)
