"""Every tolerance of the tests: its value, the error measured, and the reason.

A value is at most ten times what was measured. Loosening one needs a new
measurement beside it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """A largest error that a test lets pass."""

    value: float
    """Bound of the largest absolute error."""
    measured: float
    """Largest absolute error seen when the bound was set."""
    reason: str
    """Where the error comes from, and on what it was measured."""

    def __post_init__(self) -> None:
        """Refuse a bound that says nothing."""
        if not 0.0 <= self.measured <= self.value <= 10.0 * self.measured:
            raise ValueError(
                f"tolerance {self.value} for a measured error of {self.measured}; "
                "from 1 to 10 times the measured error will do."
            )


FINITE_DIFFERENCE_F64 = Tolerance(
    value=1e-7,
    measured=1.65e-8,
    reason="Rounding of a sum of about 50 terms over a step of 1e-5, and the step's "
    "own square; the gradients themselves reach 54.",
)

GRADIENT_F32 = Tolerance(
    value=4e-6,
    measured=6.4e-7,
    reason="float32 rounding over 5 steps, relative to the largest value of each "
    "tensor; worst of all cells, with mask, resets, carried state and weight norm.",
)

CELL_F32 = Tolerance(
    value=1e-6,
    measured=2.4e-7,
    reason="float32 rounding between two orders of the same products, over 6 steps.",
)

LOGITS_F32 = Tolerance(
    value=4e-6,
    measured=1e-6,
    reason="float32 rounding of logits of size 2 and states below 1, two layers.",
)

MIRRORED_SGD = Tolerance(
    value=1e-6,
    measured=3e-7,
    reason="20 steps on two replicas against one, over the largest weight: the mean "
    "of two halves rounds otherwise than the mean of the whole.",
)

MIRRORED_ADAM = Tolerance(
    value=1e-4,
    measured=3e-5,
    reason="As for SGD; Adam divides by the root of tiny second moments, which "
    "magnifies rounding where a gradient is near zero.",
)

HALF_UPDATE = Tolerance(
    value=1e-2,
    measured=3e-3,
    reason="One update in mixed_float16 with two loss scales, over its largest entry: "
    "float16 has 11 bits, and small values lose some without a scale.",
)

TWO_DEVICES_F32 = Tolerance(
    value=2e-7,
    measured=2.98e-8,
    reason="Weights after 10 steps on two devices instead of one: the mean over lanes "
    "is added up in another order; the weights themselves reach 1.",
)
