"""Batches as files, from the process that makes them to those that read them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfsent.data.word_batches import Batch


def write_batches(path: Path, batches: Sequence[Batch]) -> None:
    """Write batches to an `.npz`; each may have a length of its own."""
    arrays: dict[str, np.ndarray] = {}
    for k, batch in enumerate(batches):
        arrays |= {f"{k}/{name}": array for name, array in batch._asdict().items()}
    np.savez(path, **arrays)  # type: ignore[arg-type]


def load_batches(path: str | Path) -> list[Batch]:
    """Return what `write_batches` wrote."""
    with np.load(path) as stored:
        arrays = dict(stored)
    count = len(arrays) // len(Batch._fields)
    return [
        Batch(*(arrays[f"{k}/{name}"] for name in Batch._fields)) for k in range(count)
    ]
