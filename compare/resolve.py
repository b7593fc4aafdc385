"""A path -> its model, in the framework that wrote it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from compare.formats.twin_table import LAYOUT
from tfsent.checkpoint import weights_format
from tfsent.config import Precision


def resolve(path: str | Path, precision: Precision = "float32") -> Any:
    """Return `compare.load` of a run of the twin, and `tfsent.load` of anything else.

    The header of the weights decides; only the framework that is needed is loaded.

    Raises:
        CheckpointError: If there is no sound model; names the path.
    """
    if weights_format(path) == LAYOUT.name:
        from compare.loading import load
    else:
        from tfsent.loading import load  # type: ignore[assignment]
    return load(path, precision)
