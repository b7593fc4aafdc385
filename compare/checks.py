"""What must hold between two frameworks that compute one model, and how closely."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np

from compare.convert import same_bits
from compare.reading import ReadModel

# Measured between float32 Keras on TensorFlow 2.21 and PyTorch 2.13, AMD Zen 4: 512
# units trained on 10 and 20 MB of IMDB, 64 units of three cells, 4096 units at start.
STATE_TOLERANCE = 1e-5
"""Largest difference of h, c and logits, over the largest value of each. Measured: h
6.6e-6, since XLA's tanh is a rational function; c 6.7e-7, logits 6.6e-7."""
GRADIENT_TOLERANCE = 1e-5
"""Largest difference of the gradient of a weight, over its largest value. Measured:
4.4e-6."""
MOVE_TOLERANCE = 2e-3
"""Length of the difference of the first update of a weight, over its length. Measured:
3.8e-5, and 9.0e-4 from zero moments where most gradients are as small as Adam's
epsilon. Epsilon where PyTorch has it by itself: .86 from zero moments, 5.4e-3 after
1,250 updates."""
LOSS_TOLERANCE = 1e-4
"""Largest difference of the loss of the next updates, in nats. Measured: 1.7e-5, at a
learning rate of 2e-3."""


class Check(NamedTuple):
    """One thing that must hold.

    Attributes:
        name: What is compared.
        value: How far apart it is.
        tolerance: How far apart it may be.
        unit: Of both.
        where: Where the largest difference lies.
    """

    name: str
    value: float
    tolerance: float
    unit: str
    where: str = ""

    @property
    def passed(self) -> bool:
        """Whether it holds; a difference that is no number does not."""
        return self.value <= self.tolerance


class Answered(Protocol):
    """What a framework computed, whatever the model."""

    @property
    def gradients(self) -> Mapping[str, np.ndarray]:
        """Our name of a weight to the gradient of the mean loss, our axes."""

    @property
    def losses(self) -> list[float]:
        """Mean loss of each update's texts, before it."""

    @property
    def moves(self) -> Mapping[str, np.ndarray]:
        """Name of a weight to what the first update added to it."""


def exact(
    name: str, one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]
) -> Check:
    """Return whether arrays are equal bit for bit; a missing one is infinitely far."""
    gaps = {
        key: _bit_gap(one[key], other[key])
        if key in one and key in other and one[key].shape == other[key].shape
        else math.inf
        for key in one.keys() | other.keys()
    }
    key = worst_of(gaps)
    return Check(name, gaps[key], 0.0, "", key if gaps[key] else "")


def _bit_gap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the largest difference; above 0 for other bits of equal value, as -0.0."""
    gap = largest(one.astype(np.float64) - other.astype(np.float64))
    tiny = float(np.finfo(np.float64).tiny)
    return tiny if gap == 0 and not same_bits(one, other) else gap


def gradient_check(keras: Answered, twin: Answered) -> Check:
    """Return how far the gradients of the weights are apart, each by its size."""
    gaps = {name: relative(*pair) for name, pair in gradient_gaps(keras, twin).items()}
    name = worst_of(gaps)
    return Check("gradients", gaps[name], GRADIENT_TOLERANCE, "of the largest", name)


def move_check(keras: Answered, twin: Answered) -> Check:
    """Return how far the first updates are apart, as vectors.

    The loss after 20 updates hardly depends on a detail of the optimizer; the first
    update does. Where a gradient is rounding alone Adam divides noise by noise: that
    may move a few numbers, and is little beside the whole.
    """
    gaps = {
        name: relative(
            float(np.linalg.norm(move - twin.moves[name])), float(np.linalg.norm(move))
        )
        for name, move in keras.moves.items()
    }
    name = worst_of(gaps)
    return Check("first update", gaps[name], MOVE_TOLERANCE, "of its length", name)


def loss_check(keras: Answered, twin: Answered, unit: str = "nats a byte") -> Check:
    """Return how far the losses of the updates are apart."""
    gaps = np.abs(np.subtract(keras.losses, twin.losses))
    worst = int(gaps.argmax())
    return Check(
        f"loss of the next {len(gaps)} updates",
        float(gaps[worst]),
        LOSS_TOLERANCE,
        unit,
        f"update {worst + 1}",
    )


def worst_of(gaps: Mapping[str, float]) -> str:
    """Return the name of the largest difference; one that is no number is larger."""
    return max(gaps, key=lambda name: (math.isnan(gaps[name]), gaps[name]))


def largest(array: np.ndarray) -> float:
    """Return the largest absolute value; 0 of none."""
    return float(np.abs(array).max(initial=0.0))


def relative(gap: float, most: float) -> float:
    """Return a difference over the largest value; 0 where both are 0."""
    return float(gap) / most if most else (math.inf if gap else 0.0)


class Parity(NamedTuple):
    """How two models compare.

    Attributes:
        keras: Which of the two was computed with Keras, "source" or "target".
        checks: All that must hold.
        traces: Start of the trace to what differs, "h", "c" (of each layer) and
            "logits", to the largest difference of each step; of a classifier over
            words, texts to "logits" and "attention weights", to that of each text.
        gradients: Our name of a weight to the largest difference of its gradient,
            and the gradient's largest value.
        losses: "keras" and "twin" to the loss of every update, nats.
        notes: What a reader should know.
    """

    keras: str
    checks: tuple[Check, ...]
    traces: dict[str, dict[str, list[float]]]
    gradients: dict[str, tuple[float, float]]
    losses: dict[str, list[float]]
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every check holds."""
        return all(check.passed for check in self.checks)


def sides(source: ReadModel, target: ReadModel) -> tuple[ReadModel, ReadModel]:
    """Return which of two models goes to Keras, and which to the twin.

    What was written goes to its own framework.
    """
    if target.format == "keras" or (source.format == "twin" != target.format):
        return target, source
    return source, target


def gradient_gaps(keras: Answered, twin: Answered) -> dict[str, tuple[float, float]]:
    """Return for each weight the largest difference of its gradient, and its size."""
    return {
        name: (largest(g - twin.gradients[name]), largest(g))
        for name, g in keras.gradients.items()
    }
