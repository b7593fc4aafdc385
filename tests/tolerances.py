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
    "own square; the gradients themselves reach 10.",
)
