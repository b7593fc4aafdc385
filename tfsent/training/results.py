"""What an update, an evaluation and a run tell, whatever framework computed it."""

from __future__ import annotations

from typing import Any, NamedTuple


class StepResult(NamedTuple):
    """What one update tells. Tensors: reading one waits for the device."""

    bpc: Any
    """float32[]. Bits per character of the window, before the update."""
    gradient_norm: Any
    """float32[]. Global norm of the averaged gradient, unscaled, before clipping."""
    finite: Any
    """bool[]. False: the gradient overflowed; under loss scaling the update was
    skipped on all replicas."""
    learning_rate: Any
    """float32[]."""
    loss_scale: Any
    """float32[]. The scale used by this step; 1 without loss scaling."""


class Score(NamedTuple):
    """What an evaluation gives."""

    bpc: float
    """Bits per character: total bits over scored bytes; NaN if none was scored."""
    scored_bytes: int
    """Bytes that were predicted and counted."""
    seconds: float
    """Wall time."""


class Outcome(NamedTuple):
    """How a call of `train` ended."""

    finished: bool
    """False if it was asked to stop."""
    compile_s: float
    """Seconds of the first step, which is compiled; in `wall_s`, not in the rate."""
    bytes_per_s: float
    """Bytes predicted a second over this call, validations and saves left out."""
