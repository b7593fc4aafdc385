"""Arrays as containers hold them: finite, of a plain type."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tfsent.checkpoint import CheckpointError
from tfsent.checkpoint.strict_json import brief

_BLOCK = 2**22


def require_finite(array: np.ndarray, name: str, path: Path) -> None:
    """Refuse NaN and infinity.

    Raises:
        CheckpointError: If there is one; names the array.
    """
    if array.dtype.kind not in "fV":
        return
    flat = array.reshape(-1)
    # In blocks: the mask of a whole matrix would take a quarter of its memory.
    for start in range(0, flat.size, _BLOCK):
        with np.errstate(invalid="ignore"):
            finite = np.isfinite(flat[start : start + _BLOCK]).all()
        if not finite:
            raise CheckpointError(path, f"{brief(name)} holds NaN or infinity.")
