"""One update: loss, gradients, apply, new state.

The order of things is that of `tfsent.training.step`: gradients are averaged over
the processes first, then tested for finiteness and clipped, all of it under the
loss scale, and then applied or skipped in every process alike.

Axes: B lanes of one process, T time steps, V = 256 byte values, H hidden units.
"""

from __future__ import annotations

import contextlib
import functools
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
        accumulation_steps: Portions of a process's lanes that are computed one after
            the other; their number must divide the lanes.
        recompute_segment: Bytes of a segment whose activations are computed anew on
            the way back, a divisor of T; None keeps all of them.
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
        accumulation_steps: int = 1,
        recompute_segment: int | None = None,
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
        self._portions = accumulation_steps
        self._segment = recompute_segment

    def __call__(self, batch: Batch, state, step: int):
        """Update the model once and return what came of it.

        Args:
            batch: The lanes of this process.
            state: Carried state of this process's lanes.
            step: Updates before this one, skipped ones included.

        Returns:
            `(StepResult, state)`, its values on the device.
        """
        scale = scale_of(self._scaler, self._device)
        bytes_BT1, reset_BT = self._on_device(batch)
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
        bytes_BT1, reset_BT = self._on_device(batch)
        self._gradients(bytes_BT1, reset_BT, state, 0)
        scale = scale_of(self._scaler, self._device)
        return [parameter.grad / scale for parameter in self._parameters]

    def autocast(self):
        """Return the context in which the model computes in this step's precision."""
        return autocast(self._precision, self._device.type)

    def _on_device(self, batch: Batch):
        """Return the bytes and resets of a batch, on the device."""
        return (torch.from_numpy(array).to(self._device) for array in batch)

    def _gradients(self, bytes_BT1, reset_BT, state, step: int):
        """Set the gradients, scaled and averaged; return the loss and the new state.

        Portions of the lanes one after the other, each from its last segment to its
        first; processes talk on the last way back alone.
        """
        self._model.train()
        self._optimizer.inner.zero_grad(set_to_none=True)
        lanes = len(bytes_BT1) // self._portions
        total, states = 0.0, []
        for portion in range(self._portions):
            own = slice(portion * lanes, (portion + 1) * lanes)
            nats, after = self._of_lanes(
                bytes_BT1[own],
                reset_BT[own],
                [tuple(s_BH[own] for s_BH in layer) for layer in state],
                functools.partial(self._start_dropout, step, portion),
                last=portion == self._portions - 1,
            )
            total = total + nats
            states.append(after)
        state = [
            tuple(torch.cat(parts) for parts in zip(*layers, strict=True))
            for layers in zip(*states, strict=True)
        ]
        if self._scaler.is_enabled():
            # The update is skipped and forgotten; a lane that overflowed must not
            # carry NaN into every step after it.
            state = [tuple(map(_finite_lanes, layer)) for layer in state]
        return total, state

    def _of_lanes(self, bytes_BT1, reset_BT, state, start_dropout, last: bool):
        """Add up the gradients of lanes; return their part of the loss and the state.

        Args:
            bytes_BT1: uint8[B, T+1].
            reset_BT: bool[B, T].
            state: State of the lanes.
            start_dropout: Called with a segment's number before it is read.
            last: Whether no lanes come after these.
        """
        window = reset_BT.shape[1]
        length = self._segment or window
        segments = [
            (bytes_BT1[:, at : at + length + 1], reset_BT[:, at : at + length])
            for at in range(0, window, length)
        ]
        befores = [state]
        with torch.no_grad():
            for number, (bytes_BS1, reset_BS) in enumerate(segments[:-1]):
                start_dropout(number)
                with self.autocast():
                    _, state = self._model.hidden(bytes_BS1[:, :-1], state, reset_BS)
                befores.append(state)
        share = 1.0 / (self._portions * len(segments))
        total, after = 0.0, None
        upstream: list[torch.Tensor] = []
        for number in reversed(range(len(segments))):
            before = befores.pop()
            if number:
                before = [
                    tuple(s_BH.detach().requires_grad_() for s_BH in layer)
                    for layer in before
                ]
            start_dropout(number)
            with self._averages(last and number == 0):
                nats, state = self._of_segment(
                    *segments[number], before, share, upstream
                )
            upstream = [s_BH.grad for layer in before for s_BH in layer]
            after = after or state
            total = total + nats
        return total, after

    def _of_segment(self, bytes_BT1, reset_BT, state, share: float, upstream):
        """Add the gradients of one segment; return its part of the loss, the state."""
        with self.autocast():
            logits_BTV, state = self._averaging_model(
                bytes_BT1[:, :-1], state, reset_BT
            )
        nats = mean_nats(logits_BTV, bytes_BT1[:, 1:]) * share
        ends = [s_BH for layer in state for s_BH in layer] if upstream else []
        torch.autograd.backward([self._scaler.scale(nats), *ends], [None, *upstream])
        return nats.detach(), [
            tuple(s_BH.detach() for s_BH in layer) for layer in state
        ]

    def _averages(self, now: bool):
        """Return the context of a way back: whether processes average after it."""
        if now or self._averaging_model is self._model:
            return contextlib.nullcontext()
        return self._averaging_model.no_sync()

    def _start_dropout(self, step: int, portion: int, segment: int) -> None:
        """Seed the masks, which are the same whenever a segment is read."""
        if self._model.config.dropout:
            number = self._processes.rank * self._portions + portion
            torch.manual_seed(_dropout_seed(self._seed, step, number, segment))

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


def _dropout_seed(seed: int, step: int, portion: int, segment: int) -> int:
    """Return a seed; a hash, so that no two steps, seeds or portions meet.

    `portion` counts over all processes: those of R processes with K portions each
    draw as R * K processes would.
    """
    text = f"{seed}/{step}/{portion}" + (f"/{segment}" if segment else "")
    digest = hashlib.blake2b(text.encode("ascii"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def _finite_lanes(state_BH):
    """Return the state with every lane that is not finite set to zero."""
    finite_B1 = torch.isfinite(state_BH).all(dim=1, keepdim=True)
    return torch.where(finite_B1, state_BH, 0.0)
