"""What gates pass through: the logistic sigmoid, a hard one and a steep one.

    hard_sigmoid(x) = clip(0.2 x + 0.5, 0, 1)
    steep_sigmoid(x) = sigmoid(3.75 x)

Both are older than today's names for them: Keras 3 has another `hard_sigmoid`, of
slope 1/6.

Reference:
    Hard: `hard_sigmoid` of Theano and Keras 1 and 2. Steep: `steeper_sigmoid` of
    Passage (Radford 2015).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

HARD_SLOPE = 0.2
STEEPNESS = 3.75


@keras.saving.register_keras_serializable(package="tfsent")
def hard_sigmoid(x):
    """Return `clip(0.2 x + 0.5, 0, 1)`."""
    return ops.clip(HARD_SLOPE * x + 0.5, 0.0, 1.0)


@keras.saving.register_keras_serializable(package="tfsent")
def steep_sigmoid(x):
    """Return `sigmoid(3.75 x)`."""
    return ops.sigmoid(STEEPNESS * x)


class Gate(NamedTuple):
    """An activation of gates whose slope follows from its value.

    Attributes:
        forward: `x -> a`.
        backward: `(da, a) -> dx`, the gradient of x from that of a.
    """

    forward: Callable[[Any], Any]
    backward: Callable[[Any, Any], Any]


def _sigmoid_backward(da, a):
    return da * a * (1 - a)


def _hard_backward(da, a):
    # A value that was stored in bfloat16 is 1 from .998 on, in float16 from .9998 on:
    # there, at the very end of the slope, it counts as flat.
    sloping = ops.logical_and(a > 0, a < 1)
    return ops.where(sloping, HARD_SLOPE * da, ops.zeros_like(da))


def _steep_backward(da, a):
    return STEEPNESS * da * a * (1 - a)


GATE_ACTIVATIONS = {
    "sigmoid": Gate(ops.sigmoid, _sigmoid_backward),
    "hard_sigmoid": Gate(hard_sigmoid, _hard_backward),
    "steep_sigmoid": Gate(steep_sigmoid, _steep_backward),
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
