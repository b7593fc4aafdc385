"""The updates of Keras's optimizers in PyTorch, with a learning rate given each time.

PyTorch's own differ where it matters over many updates: its RMSprop adds epsilon
beside the root, which for the small gradients of an embedding is ten times another
step; its momentum keeps gradients, not steps, which differs when the rate changes.

    adam       m = .9 m + .1 g; v = .999 v + .001 g^2;
               w -= rate sqrt(1 - .999^t) / (1 - .9^t) m / (sqrt(v) + epsilon)
    adadelta   a = rho a + (1 - rho) g^2; d = sqrt(b + epsilon) / sqrt(a + epsilon) g;
               b = rho b + (1 - rho) d^2; w -= rate d
    rmsprop    v = rho v + (1 - rho) g^2; w -= rate g / sqrt(v + epsilon)
    sgd        w -= rate g
    momentum   m = mu m - rate g; w += m

Reference:
    Kingma and Ba 2014, arXiv:1412.6980; Zeiler 2012, arXiv:1212.5701.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

_FIRST, _SECOND = 0.9, 0.999


class Numbers(NamedTuple):
    """Of a rule; what it does not use is 0."""

    epsilon: float = 0.0
    rho: float = 0.0
    momentum: float = 0.0


SLOTS = {"adam": 2, "adadelta": 2, "rmsprop": 1, "sgd": 0, "momentum": 1}
"""Rule to the tensors that it keeps of each weight."""


class UpdateRule:
    """One rule, and what it keeps of its weights.

    Args:
        name: A name in `SLOTS`.
        weights: What is updated.
        numbers: Of the rule.

    Attributes:
        updates: Made so far.
        slots: Tensors like the weights: for each slot a list.
    """

    def __init__(self, name: str, weights: Sequence[Tensor], numbers: Numbers):
        self._name, self._numbers = name, numbers
        self._weights = list(weights)
        self.updates = 0
        self.slots = [
            [torch.zeros_like(w) for w in self._weights] for _ in range(SLOTS[name])
        ]

    @torch.no_grad()
    def apply(self, gradients: Sequence[Tensor], rate: float) -> None:
        """Update the weights once; the gradients are overwritten."""
        self.updates += 1
        getattr(self, f"_{self._name}")(list(gradients), rate)

    def _adam(self, gradients: list[Tensor], rate: float) -> None:
        means, squares = self.slots
        torch._foreach_lerp_(means, gradients, 1 - _FIRST)
        torch._foreach_mul_(squares, _SECOND)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - _SECOND)
        t = self.updates
        corrected = rate * (1 - _SECOND**t) ** 0.5 / (1 - _FIRST**t)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_add_(roots, self._numbers.epsilon)
        torch._foreach_addcdiv_(self._weights, means, roots, -corrected)

    def _adadelta(self, gradients: list[Tensor], rate: float) -> None:
        squares, steps = self.slots
        epsilon, rho, _ = self._numbers
        torch._foreach_mul_(squares, rho)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - rho)
        above = torch._foreach_add(steps, epsilon)
        torch._foreach_div_(above, torch._foreach_add(squares, epsilon))
        torch._foreach_sqrt_(above)
        torch._foreach_mul_(gradients, above)
        torch._foreach_mul_(steps, rho)
        torch._foreach_addcmul_(steps, gradients, gradients, 1 - rho)
        torch._foreach_add_(self._weights, gradients, alpha=-rate)

    def _rmsprop(self, gradients: list[Tensor], rate: float) -> None:
        (squares,) = self.slots
        epsilon, rho, _ = self._numbers
        torch._foreach_mul_(squares, rho)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - rho)
        roots = torch._foreach_add(squares, epsilon)
        torch._foreach_sqrt_(roots)
        torch._foreach_addcdiv_(self._weights, gradients, roots, -rate)

    def _sgd(self, gradients: list[Tensor], rate: float) -> None:
        torch._foreach_add_(self._weights, gradients, alpha=-rate)

    def _momentum(self, gradients: list[Tensor], rate: float) -> None:
        (steps,) = self.slots
        torch._foreach_mul_(steps, self._numbers.momentum)
        torch._foreach_add_(steps, gradients, alpha=-rate)
        torch._foreach_add_(self._weights, steps)
