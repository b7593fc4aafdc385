"""A path -> its model, in the framework that it is for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfsent.checkpoint import TFSENT, weights_format
from tfsent.config import Precision


def resolve(path: str | Path, precision: Precision = "float32") -> Any:
    """Return the model at `path`, on Keras or on PyTorch.

    Runs of `train.py` and `.keras` files go to `tfsent.load`. Runs of the twin, and
    every other file or folder that `scripts/convert.py` reads, go to `compare.load`.
    Only the framework that is needed is loaded.

    Raises:
        CheckpointError: If there is no sound model; names the path.
    """
    path = Path(path).expanduser()
    found = weights_format(path)
    # A run without weights has a message of its own there.
    parts = (path / "config.json", path / "checkpoints")
    is_run = any(map(Path.exists, parts)) or path.suffix == ".keras"
    if found == TFSENT.name or (found is None and is_run) or not path.exists():
        from tfsent.loading import load
    else:
        from compare.loading import load  # type: ignore[assignment]
    return load(path, precision)
