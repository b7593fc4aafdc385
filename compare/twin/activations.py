"""What gates pass through: the logistic sigmoid, a hard one and a steep one.

    hard_sigmoid(x) = clip(0.2 x + 0.5, 0, 1)
    steep_sigmoid(x) = sigmoid(3.75 x)

`torch.nn.functional.hardsigmoid` is another function, of slope 1/6.

Reference:
    As `tfsent.model.activations`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

HARD_SLOPE = 0.2
STEEPNESS = 3.75

_HALF = torch.tensor(0.5)
aten = torch.ops.aten


def hard_sigmoid(x: Tensor) -> Tensor:
    """Return `clip(0.2 x + 0.5, 0, 1)`."""
    return torch.clamp(HARD_SLOPE * x + 0.5, 0.0, 1.0)


def steep_sigmoid(x: Tensor) -> Tensor:
    """Return `sigmoid(3.75 x)`."""
    return torch.sigmoid(STEEPNESS * x)


class Gate(NamedTuple):
    """An activation of gates whose slope follows from its value.

    Attributes:
        forward: `(x, out) -> out`. Writes the values `a`.
        backward: `(da, a, out=None) -> out`. Writes the gradient of x from that of a,
            into a new place if none is given.
    """

    forward: Callable[[Tensor, Tensor], Tensor]
    backward: Callable[..., Tensor]


def _sigmoid(x: Tensor, out: Tensor) -> Tensor:
    return torch.sigmoid(x, out=out)


def _sigmoid_backward(da: Tensor, a: Tensor, out: Tensor | None = None) -> Tensor:
    if out is None:
        return aten.sigmoid_backward(da, a)
    return aten.sigmoid_backward.grad_input(da, a, grad_input=out)


def _hard(x: Tensor, out: Tensor) -> Tensor:
    return torch.add(_HALF, x, alpha=HARD_SLOPE, out=out).clamp_(0.0, 1.0)


def _hard_backward(da: Tensor, a: Tensor, out: Tensor | None = None) -> Tensor:
    out = torch.empty_like(da) if out is None else out
    # Zero where the second is not between 0 and 1: it may be `a` as well as x.
    aten.hardtanh_backward.grad_input(da, a, 0.0, 1.0, grad_input=out)
    return out.mul_(HARD_SLOPE)


def _steep(x: Tensor, out: Tensor) -> Tensor:
    return torch.mul(x, STEEPNESS, out=out).sigmoid_()


def _steep_backward(da: Tensor, a: Tensor, out: Tensor | None = None) -> Tensor:
    return _sigmoid_backward(da, a, out).mul_(STEEPNESS)


SIGMOID = Gate(_sigmoid, _sigmoid_backward)
GATE_ACTIVATIONS = {
    "sigmoid": SIGMOID,
    "hard_sigmoid": Gate(_hard, _hard_backward),
    "steep_sigmoid": Gate(_steep, _steep_backward),
}


def gate_of(gate_activation: str) -> Gate:
    """Return an activation of gates by its name.

    Raises:
        ValueError: If there is none of that name.
    """
    if gate_activation not in GATE_ACTIVATIONS:
        raise ValueError(
            f"gate_activation is {gate_activation!r}; one of "
            f"{', '.join(GATE_ACTIVATIONS)} will do."
        )
    return GATE_ACTIVATIONS[gate_activation]
