"""The counters of a run between two updates; they travel as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RECENT_STEPS = 100
"""Steps over which the training BPC of a run is averaged."""


class RunCounters:
    """How far a run is.

    Attributes:
        step: Updates made, those that loss scaling skipped included.
        bytes_seen: Bytes predicted in training.
        wall_s: Seconds of training, restarts included.
        recent_bpc: Training BPC of the last `RECENT_STEPS` steps.
        best_val_bpc: Lowest validation BPC so far; None before the first.
        owes_validation: The validation due after the last step is still to be made.
    """

    def __init__(self) -> None:
        self.step = 0
        self.bytes_seen = 0
        self.wall_s = 0.0
        self.recent_bpc: list[float] = []
        self.best_val_bpc: float | None = None
        self.owes_validation = False

    def progress(self) -> dict[str, Any]:
        """Return the counters, as JSON values."""
        return {
            "step": self.step,
            "bytes_seen": self.bytes_seen,
            "wall_s": self.wall_s,
            "recent_bpc": self.recent_bpc,
            "best_val_bpc": self.best_val_bpc,
            "owes_validation": self.owes_validation,
        }

    def gather(self) -> None:
        """Bring what other processes hold of the state here, to be saved."""

    def restore_counters(self, progress: Mapping[str, Any]) -> None:
        """Take back what `progress` gave; further entries are left alone."""
        self.step = progress["step"]
        self.bytes_seen = progress["bytes_seen"]
        self.wall_s = progress["wall_s"]
        self.recent_bpc = list(progress["recent_bpc"])
        self.best_val_bpc = progress["best_val_bpc"]
        self.owes_validation = progress.get("owes_validation", False)
