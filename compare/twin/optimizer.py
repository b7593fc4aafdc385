"""Optimizer, schedule, clipping, as Keras computes them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch

from tfsent.config import OptimizerConfig
from tfsent.training.schedule import peak_learning_rate

EPSILON = 1e-7
"""What Keras's Adam adds to the root of the second moment."""
WEIGHT_DECAY = 0.004
"""Of Keras's AdamW."""
SLOTS = ("exp_avg", "exp_avg_sq")
"""Moments that Adam and AdamW keep of a weight."""

_KINDS = ("adam", "adamw", "sgd")


class WarmupDecay(NamedTuple):
    """Learning rate that rises linearly to its peak, then falls or stays.

    Computed in float32, as in `tfsent.training.optimizer`.

    Attributes:
        peak: Learning rate at the end of warm-up.
        shape: "linear" or "cosine", both 0 after the last step, or "constant".
        warmup_steps: Steps of the rise; the first step is not 0 but one part of it.
        total_steps: Steps in all.
    """

    peak: float
    shape: str
    warmup_steps: int
    total_steps: int

    def __call__(self, step: int) -> float:
        """Return the learning rate of the update after `step` updates."""
        one, at = np.float32(1), np.float32(step)
        rise = min((at + one) / np.float32(max(1, self.warmup_steps)), one)
        length = np.float32(max(1, self.total_steps - self.warmup_steps))
        progress = min(max((at - np.float32(self.warmup_steps)) / length, 0 * one), one)
        fall = {
            "linear": lambda: one - progress,
            "cosine": lambda: (
                np.float32(0.5) * (one + np.cos(np.float32(math.pi) * progress))
            ),
            "constant": lambda: one,
        }[self.shape]()
        return float(np.float32(self.peak) * rise * fall)


class Optimizer:
    """A PyTorch optimizer that makes the updates of Keras's of the same name.

    Attributes:
        inner: The PyTorch optimizer; its state is complete from the start.
        updates: Updates applied. Steps that loss scaling skipped do not count, and
            the learning rate follows this number.
    """

    def __init__(
        self,
        inner: torch.optim.Optimizer,
        schedule: WarmupDecay,
        weight_decay: float = 0.0,
    ):
        self.inner = inner
        self.updates = 0
        self._schedule = schedule
        self._weight_decay = weight_decay

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next update."""
        return self._schedule(self.updates)

    def parameters(self) -> list[torch.nn.Parameter]:
        """Return the weights that are updated."""
        return [p for group in self.inner.param_groups for p in group["params"]]

    @torch.no_grad()
    def prepare(self, finite: torch.Tensor) -> None:
        """Set what the next update depends on, and decay the weights.

        Args:
            finite: bool[]. False: the update will be skipped, and so is the decay.
        """
        rate, t = self.learning_rate, self.updates + 1
        for group in self.inner.param_groups:
            group["lr"] = rate
            if "eps" not in group:
                continue
            first, second = group["betas"]
            root = math.sqrt(1 - second**t)
            # Keras adds epsilon beside the root of the uncorrected moment; PyTorch
            # corrects that root first, by this divisor.
            group["eps"] = EPSILON / root
            # Keras corrects in float32, where 1 - .999 is off by 1e-5. Followed here:
            # over 50 steps losses then differ by 1.4e-6 instead of 3.6e-5.
            group["lr"] *= _keras_correction(first, second, t) * (1 - first**t) / root
        if self._weight_decay:
            # Not PyTorch's AdamW: it multiplies by 1 - lr * decay rounded to float32,
            # which for lr = 5e-4 is up to 1.5% off the decay.
            share = finite * (self._weight_decay * rate)
            for parameter in self.parameters():
                parameter.addcmul_(parameter, share, value=-1)

    def slots(self) -> dict[str, torch.Tensor]:
        """Return every moment as SLOT/WEIGHT; the tensors themselves."""
        return {
            f"{slot}/{name}": self.inner.state[parameter][slot]
            for group in self.inner.param_groups
            for name, parameter in zip(
                group["param_names"], group["params"], strict=True
            )
            for slot in SLOTS
            if slot in self.inner.state[parameter]
        }

    def set_updates(self, updates: int) -> None:
        """Say how many updates have been applied; PyTorch counts for each weight."""
        self.updates = updates
        for state in self.inner.state.values():
            if "step" in state:
                state["step"].fill_(updates)


def make_optimizer(
    config: OptimizerConfig,
    batch_size: int,
    total_steps: int,
    named_parameters: Iterable[tuple[str, torch.nn.Parameter]],
) -> Optimizer:
    """Return an optimizer for gradients that are already averaged and clipped.

    Args:
        config: Name, learning rate, schedule.
        batch_size: B, over all processes.
        total_steps: Steps after which linear and cosine schedules are at 0.
        named_parameters: The weights, on their device.

    Raises:
        ValueError: If the twin has no optimizer of that name.
    """
    peak = peak_learning_rate(config, batch_size)
    schedule = WarmupDecay(peak, config.schedule, config.warmup_steps, total_steps)
    name, named = config.name.lower(), list(named_parameters)
    if name not in _KINDS:
        raise ValueError(
            f"optimizer.name is {config.name!r}; the PyTorch twin has "
            f"{', '.join(_KINDS[:-1])} and {_KINDS[-1]}."
        )
    if name == "sgd":
        # Not fused: on a CPU, with 6 million weights, 2.1 ms against 1.3 ms.
        return Optimizer(torch.optim.SGD(named, lr=peak), schedule)
    # Fused: on a CPU, with 6 million weights, 3.5 ms against 12.8 ms.
    inner = torch.optim.Adam(named, lr=peak, eps=EPSILON, fused=True)
    for _, parameter in named:
        # As PyTorch makes it at the first update. A run may be saved before that.
        inner.state[parameter] = {
            "step": torch.zeros((), device=parameter.device),
            **{slot: torch.zeros_like(parameter) for slot in SLOTS},
        }
    return Optimizer(inner, schedule, WEIGHT_DECAY if name == "adamw" else 0.0)


def _keras_correction(first: float, second: float, t: int) -> float:
    """Return what Keras's Adam multiplies the learning rate by, in its float32."""
    one, power = np.float32(1), np.float32(t)
    root = np.sqrt(one - np.float32(second) ** power)
    return float(root / (one - np.float32(first) ** power))


def clip_by_global_norm(
    gradients: list[torch.Tensor], threshold: torch.Tensor
) -> torch.Tensor:
    """Scale the gradients down, in place, to a global norm of at most `threshold`.

    A gradient that is not finite leaves none finite, so that a test of the result
    is a test of the input.

    Args:
        gradients: Tensors of any shapes.
        threshold: float32[]; infinity leaves all as they are.

    Returns:
        float32[]. The norm before clipping.
    """
    norm = torch.nn.utils.get_total_norm(gradients)
    # norm NaN or infinite: the factor is NaN or 0, and infinity * 0 is NaN.
    factor = torch.where(norm > threshold, threshold / norm, 1.0)
    factor = torch.where(torch.isfinite(norm), factor, torch.nan)
    torch._foreach_mul_(gradients, factor)
    return norm
