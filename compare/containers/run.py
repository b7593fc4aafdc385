"""Run folders and checkpoint folders of this project, of Keras and of the twin.

Read and written by `tfsent.checkpoint`: every hash, shape and value is checked, links
are not followed. The arrays of a container have the name of their part in front:

    weights.NAME     as in `weights.safetensors`
    training.NAME    as in `training_state.safetensors` of the checkpoint
    extras.NAME      arrays without a place in the model, in `extras.safetensors`

Facts: "layout", how the weights lie; "config"; "progress", counters of the training
state, where there is one.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path

import ml_dtypes
import numpy as np

from compare.containers.container import Container
from compare.formats.twin_table import LAYOUT as TWIN
from tfsent.checkpoint import (
    TFSENT,
    CheckpointError,
    Layout,
    Restored,
    StateStore,
    atomic,
    load_weights,
    read_checkpoint,
    save_weights,
    weights_format,
)
from tfsent.checkpoint.snapshot import BEST, open_together
from tfsent.checkpoint.tensor_file import (
    STATE_DTYPES,
    read_header,
    read_tensors,
    tensor_chunks,
)
from tfsent.checkpoint.training_state import PROGRESS
from tfsent.checkpoint.weights import CONFIG, WEIGHTS, check_weights
from tfsent.path_errors import naming

KIND = "run"
LAYOUTS = {layout.name: layout for layout in (TFSENT, TWIN)}
WEIGHTS_PART, TRAINING_PART, EXTRAS_PART = "weights.", "training.", "extras."
EXTRAS = "extras.safetensors"

_EXTRA_DTYPES = (*STATE_DTYPES, "BF16")
_CHECKPOINTS = "checkpoints"


def matches(path: Path) -> bool:
    """Return whether `path` is a run, a checkpoint folder, or the weights in one."""
    folder = _folder_of(path)
    return (folder / CONFIG).is_file() or (folder / _CHECKPOINTS).is_dir()


def read(path: Path) -> Container:
    """Return one model: of a checkpoint, or the final one of a run, else the newest.

    The training state of a run that has ended comes along if the newest checkpoint
    has the final weights, as it has when training was not cut off. For all that a
    run folder holds: `compare.runs`.

    Raises:
        CheckpointError: If there is no sound model; names the file.
    """
    folder = _folder_of(path)
    layout = layout_of(folder)
    if is_checkpoint(folder):
        found = restored_container(read_checkpoint(folder, layout), layout, folder)
    elif (folder / WEIGHTS).exists():
        found = final_container(folder, layout)
        newest = _newest_or_none(folder, layout)
        if newest is not None and _same(newest.weights, part(found, WEIGHTS_PART)):
            found = restored_container(newest, layout, folder)
    else:
        newest = StateStore(folder, 2, _no_one, layout).latest()
        if newest is None:
            raise CheckpointError(folder, "has neither final weights nor a checkpoint.")
        found = restored_container(newest, layout, folder)
    extras = named(EXTRAS_PART, read_extras(folder))
    return Container(KIND, found.arrays | extras, found.facts, folder)


def write(path: Path, container: Container) -> None:
    """Write a model as a run folder, with its training state as the one checkpoint.

    Raises:
        CheckpointError: If something is there, or the model is not sound.
        OSError: If the disk refuses.
    """
    refuse_existing(path)
    layout = LAYOUTS[container.facts["layout"]]
    check(container, path)
    with naming(path, always=True), atomic.new_folder(path) as draft:
        write_checkpoint(draft.folder, container, keep=2)
        config = container.facts["config"]
        save_weights(draft.folder, part(container, WEIGHTS_PART), config, layout)
        write_extras(draft.folder, part(container, EXTRAS_PART))


def layout_of(folder: Path) -> Layout:
    """Return how the weights of a run lie, by what its files say.

    Raises:
        CheckpointError: If there are no weights, or of another layout.
    """
    name = None
    for place in (folder, *_checkpoint_folders(folder)):
        name = name or weights_format(place)
    if name is None:
        raise CheckpointError(folder, "has neither final weights nor a checkpoint.")
    if name not in LAYOUTS:
        reason = f"its header calls the format {name!r}; {', '.join(LAYOUTS)} will do."
        raise CheckpointError(folder / WEIGHTS, reason)
    return LAYOUTS[name]


def is_checkpoint(folder: Path) -> bool:
    """Return whether a folder is one checkpoint and no whole run."""
    return (folder / PROGRESS).exists()


def final_container(folder: Path, layout: Layout) -> Container:
    """Return the final weights of a run."""
    weights, config = load_weights(folder, layout)
    facts = {"layout": layout.name, "config": config}
    return Container(KIND, named(WEIGHTS_PART, weights), facts, folder)


def restored_container(restored: Restored, layout: Layout, path: Path) -> Container:
    """Return a checkpoint with its training state."""
    arrays = named(WEIGHTS_PART, restored.weights)
    arrays |= named(TRAINING_PART, restored.state)
    facts = {
        "layout": layout.name,
        "config": restored.config,
        "progress": restored.progress,
    }
    return Container(KIND, arrays, facts, path)


def write_checkpoint(folder: Path, container: Container, keep: int) -> Path | None:
    """Write the training state into the run `folder`; None if there is none."""
    progress = container.facts.get("progress")
    if progress is None:
        return None
    store = StateStore(folder, keep, layout=LAYOUTS[container.facts["layout"]])
    return store.save(
        progress["step"],
        part(container, WEIGHTS_PART),
        container.facts["config"],
        part(container, TRAINING_PART),
        progress,
    )


def check(container: Container, path: Path) -> None:
    """Refuse what could not be read again, before anything is written."""
    layout = LAYOUTS[container.facts["layout"]]
    weights = part(container, WEIGHTS_PART)
    check_weights(weights, container.facts["config"], path / WEIGHTS, layout)


def refuse_existing(path: Path) -> None:
    """Refuse to write where something is.

    Raises:
        CheckpointError: If `path` is taken.
    """
    if path.exists() or path.is_symlink():
        raise CheckpointError(path, "is there already; name a new folder.")


def part(container: Container, prefix: str) -> dict[str, np.ndarray]:
    """Return the arrays of a part by their own names."""
    return {
        name.removeprefix(prefix): array
        for name, array in container.arrays.items()
        if name.startswith(prefix)
    }


def named(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return arrays under the names that they have in a container."""
    return {prefix + name: array for name, array in arrays.items()}


def read_extras(folder: Path) -> dict[str, np.ndarray]:
    """Return the arrays beside the model; those of a checkpoint lie in its run.

    Raises:
        CheckpointError: If their file is not sound.
    """
    if is_checkpoint(folder) and not (folder / EXTRAS).exists():
        folder = folder.parent.parent
    if not (folder / EXTRAS).exists():
        return {}
    with open_together(folder, [EXTRAS]) as files:
        header = read_header(files[EXTRAS], _EXTRA_DTYPES)
        arrays = read_tensors(files[EXTRAS], header)
    for name, entry in header.entries.items():
        if entry.dtype == "BF16":  # Read as float32; exact, and the type comes back.
            arrays[name] = arrays[name].astype(ml_dtypes.bfloat16)
    return arrays


def write_extras(folder: Path, extras: Mapping[str, np.ndarray]) -> None:
    """Write arrays beside the model; no file if there are none."""
    if extras:
        path = folder / EXTRAS
        chunks = tensor_chunks(extras, {"format": "extras"}, _EXTRA_DTYPES, path)
        atomic.replace_file(path, chunks)


def _folder_of(path: Path) -> Path:
    return path.parent if path.name == WEIGHTS else path


def _checkpoint_folders(folder: Path) -> Iterable[Path]:
    inner = folder / _CHECKPOINTS
    steps = StateStore(folder, 2).steps()
    return [*(inner / f"{step:08d}" for step in reversed(steps)), inner / BEST]


def _newest_or_none(folder: Path, layout: Layout) -> Restored | None:
    try:
        return StateStore(folder, 2, _no_one, layout).latest()
    except CheckpointError:
        return None  # The final weights alone are sound.


def _same(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(
        np.array_equal(one[name], other[name]) for name in one
    )


_no_one = functools.partial(lambda line: None)
