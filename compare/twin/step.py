"""One update: loss, gradients, apply, new state.

The order of things is that of `tfsent.training.step`: gradients are averaged over
the processes first, then tested for finiteness and clipped, all of it under the
loss scale, and then applied or skipped in every process alike.

Axes: B lanes of one process, T time steps, V = 256 byte values, H hidden units.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import torch
from torch.nn import functional

from compare.twin.distribution import Processes
from compare.twin.optimizer import Optimizer, clip_by_global_norm
from compare.twin.precision import autocast, keep_bounds, scale_of
from tfsent.config import Precision
from tfsent.data.batches import Batch
from tfsent.training.results import StepResult


def mean_nats(logits_BTV, targets_BT):
    """Return the mean cross entropy in nats a byte, float32[].

    Args:
        logits_BTV: float32[B, T, 256].
        targets_BT: uint8[B, T].
    """
    return functional.cross_entropy(
        logits_BTV.flatten(0, 1), targets_BT.flatten().long()
    )


class TrainStep:
    """The update of a language model; call it once a batch, in every process.

    Args:
        model: A `ByteLanguageModel` of the twin, on its device.
        optimizer: From `make_optimizer`, for the model's parameters.
        scaler: From `make_scaler`.
        processes: Who computes.
        clip_norm: Largest global norm of the averaged gradient; 0 for no clipping.
        seed: Seed of dropout. The masks of a step follow from it, the step and
            the process, so that resuming needs no random state.
        precision: Type of the arithmetic.
    """

    def __init__(
        self,
        model: Any,
        optimizer: Optimizer,
        scaler: torch.amp.GradScaler,
        processes: Processes,
        *,
        clip_norm: float,
        seed: int,
        precision: Precision = "float32",
    ):
        self._model = model
        self._averaging_model = processes.averaging(model)
        self._optimizer = optimizer
        self._parameters = optimizer.parameters()
        self._device = self._parameters[0].device
        self._scaler = scaler
        self._processes = processes
        self._clip_norm = clip_norm or math.inf
        self._seed = seed
        self._precision = precision

    def __call__(self, batch: Batch, state, step: int):
        """Update the model once and return what came of it.

        Args:
            batch: The batch of all processes; this one takes its own lanes.
            state: Carried state of this process's lanes.
            step: Updates before this one, skipped ones included.

        Returns:
            `(StepResult, state)`, its values on the device.
        """
        scale = scale_of(self._scaler, self._device)
        bytes_BT1, reset_BT = self._own_lanes(batch)
        nats, state = self._gradients(bytes_BT1, reset_BT, state, step)
        gradients = [parameter.grad for parameter in self._parameters]
        norm = clip_by_global_norm(gradients, self._clip_norm * scale)
        finite = torch.isfinite(norm)
        rate = self._apply(finite)
        nats = self._processes.mean(nats)
        return StepResult(nats / math.log(2), norm / scale, finite, rate, scale), state

    def gradients(self, batch: Batch, state):
        """Return the gradient of the mean loss for each weight, averaged.

        As updates compute it, neither scaled nor clipped; nothing is changed.
        Arguments as for a call.
        """
        bytes_BT1, reset_BT = self._own_lanes(batch)
        self._gradients(bytes_BT1, reset_BT, state, 0)
        scale = scale_of(self._scaler, self._device)
        return [parameter.grad / scale for parameter in self._parameters]

    def autocast(self):
        """Return the context in which the model computes in this step's precision."""
        return autocast(self._precision, self._device.type)

    def _own_lanes(self, batch: Batch):
        """Return the bytes and resets of this process's lanes, on its device."""
        lanes = self._processes.lanes(len(batch.bytes_BT1))
        bytes_BT1 = torch.from_numpy(batch.bytes_BT1[lanes]).to(self._device)
        return bytes_BT1, torch.from_numpy(batch.reset_BT[lanes]).to(self._device)

    def _gradients(self, bytes_BT1, reset_BT, state, step: int):
        """Set the gradients, scaled and averaged; return the loss and the new state."""
        self._model.train()
        self._optimizer.inner.zero_grad(set_to_none=True)
        if self._model.config.dropout:
            torch.manual_seed(self._dropout_seed(step))
        with self.autocast():
            logits_BTV, state = self._averaging_model(
                bytes_BT1[:, :-1], state, reset_BT
            )
        nats = mean_nats(logits_BTV, bytes_BT1[:, 1:])
        self._scaler.scale(nats).backward()
        state = [tuple(s_BH.detach() for s_BH in layer) for layer in state]
        if self._scaler.is_enabled():
            # The update is skipped and forgotten; a lane that overflowed must not
            # carry NaN into every step after it.
            state = [tuple(map(_finite_lanes, layer)) for layer in state]
        return nats.detach(), state

    def _apply(self, finite) -> float:
        """Update the weights, unless loss scaling skips it; return the rate."""
        optimizer, scaler = self._optimizer, self._scaler
        rate = optimizer.learning_rate
        optimizer.prepare(finite)
        scaler.step(optimizer.inner)
        scaler.update()
        keep_bounds(scaler, self._device)
        # Reading `finite` waits for the device, under loss scaling alone: epsilon
        # and rate of the next update depend on it.
        optimizer.updates += bool(finite) if scaler.is_enabled() else 1
        return rate

    def _dropout_seed(self, step: int) -> int:
        # A hash, so that no two steps, seeds or processes meet.
        text = f"{self._seed}/{step}/{self._processes.rank}"
        digest = hashlib.blake2b(text.encode("ascii"), digest_size=8).digest()
        return int.from_bytes(digest, "little", signed=True)


def _finite_lanes(state_BH):
    """Return the state with every lane that is not finite set to zero."""
    finite_B1 = torch.isfinite(state_BH).all(dim=1, keepdim=True)
    return torch.where(finite_B1, state_BH, 0.0)
