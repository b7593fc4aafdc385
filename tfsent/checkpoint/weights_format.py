"""Whose weights a folder holds, as the header of their file says; loads none."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from tfsent.checkpoint.errors import CheckpointError
from tfsent.checkpoint.snapshot import open_together
from tfsent.checkpoint.tensor_file import WEIGHT_DTYPES, read_header
from tfsent.checkpoint.training_state import StateStore
from tfsent.checkpoint.weights import WEIGHTS


def weights_format(path: str | PathLike[str]) -> str | None:
    """Return the name of the `Layout` of a model's weights.

    Args:
        path: As for `load_weights`.

    Returns:
        None if there is no weights file with a sound header.
    """
    path = Path(path).expanduser()
    folder = path.parent if path.name == WEIGHTS else path
    try:
        with open_together(folder, [WEIGHTS]) as files:
            return read_header(files[WEIGHTS], WEIGHT_DTYPES).metadata.get("format")
    except CheckpointError:
        return None


def check_format(store: StateStore) -> None:
    """Refuse to go on with the run of another framework.

    Raises:
        CheckpointError: If the final weights, or those of a checkpoint, are in
            another layout than the store's.
    """
    steps = [store.folder / f"{step:08d}" for step in store.steps()]
    for folder in (store.run_dir, *steps):
        found = weights_format(folder)
        if found not in (None, store.layout.name):
            raise CheckpointError(
                store.run_dir,
                f"holds a run in the format {found!r}, not {store.layout.name!r}. "
                "scripts/convert.py carries runs across; give another --out, or "
                "--fresh to start over.",
            )
