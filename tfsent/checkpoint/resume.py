"""A run between two updates <-> its checkpoints; where a run lies by default.

Knows the run by what it gives and takes as arrays (`training.RunState`), not by
its class: no framework is imported here.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tfsent.checkpoint import atomic
from tfsent.checkpoint.errors import CheckpointError
from tfsent.checkpoint.manifest import MANIFEST, read_manifest
from tfsent.checkpoint.settings import (
    GROWING,
    check_resumable,
    identifying,
    recorded,
)
from tfsent.checkpoint.snapshot import BEST, open_together
from tfsent.checkpoint.training_state import Restored, StateStore
from tfsent.config import RunConfig
from tfsent.path_errors import naming
from tfsent.presets import PRESETS


def default_out(config: RunConfig, suffix: str = "") -> Path:
    """Return `runs/` and a name made of preset, source and a hash of the settings.

    The preset is the one whose model the settings have, else "custom". Settings
    that may change on resume do not count, so that the same command finds its run.
    """
    preset = next(
        (n for n, p in PRESETS.items() if p().model == config.model), "custom"
    )
    stem = Path(config.data.source).name or config.data.source
    source = re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-")[:40] or "text"
    settings = identifying(dataclasses.asdict(config))
    if config.optimizer.schedule == "constant":
        # Such a run may be made longer, and is then to be found again.
        settings = {n: v for n, v in settings.items() if n not in GROWING}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    return Path("runs") / f"{preset}-{source}-{digest.hexdigest()[:8]}{suffix}"


def save_run(
    store: StateStore,
    run: Any,
    config: RunConfig,
    fingerprints: Mapping[str, str],
    best: bool,
) -> None:
    """Save `run` as the checkpoint of its step and, if `best`, as the best one.

    Args:
        store: Checkpoints of the run folder.
        run: A `training.RunState`.
        config: The run's settings.
        fingerprints: Split name to hash of its text.
        best: Whether its validation BPC is the lowest so far.
    """
    progress = run.progress() | {
        "data_fingerprint": fingerprints["train"],
        "validated_on": _validated_on(config, fingerprints),
        "is_best": best,
    }
    path = store.save(run.step, run.weights(), recorded(config), run.arrays(), progress)
    if best:
        store.save_best(path, run.best_val_bpc)


def find_resumable(store: StateStore, config: RunConfig) -> Restored | None:
    """Return the newest sound checkpoint of a run that `config` may go on with.

    Finishes the best one if a kill struck between the saves of both.

    Returns:
        None if there is no checkpoint yet.

    Raises:
        CheckpointError: If there are checkpoints and none is sound.
        ValueError: If the run was started with other settings; names each.
    """
    restored = store.latest()
    if restored is not None:
        check_resumable(restored.config, dataclasses.asdict(config))
        if restored.progress.get("is_best") and _best_step(store) < restored.step:
            store.save_best(restored.path, restored.progress["best_val_bpc"])
    return restored


def _best_step(store: StateStore) -> int:
    """Return the step of the best checkpoint, -1 if there is no sound one."""
    try:
        with open_together(store.folder / BEST, [MANIFEST]) as files:
            return int(read_manifest(files[MANIFEST]).facts["step"])
    except CheckpointError:
        return -1


def restore_run(
    restored: Restored, run: Any, config: RunConfig, fingerprints: Mapping[str, str]
) -> None:
    """Put `run` where the checkpoint was.

    Where the validation text is another now, or another part of it is read, no
    validation before counts as the best.

    Raises:
        ValueError: If the run was trained on other text.
    """
    check_resumable(
        {"data_fingerprint": restored.progress["data_fingerprint"]},
        {"data_fingerprint": fingerprints["train"]},
    )
    progress = restored.progress
    if progress.get("validated_on") != _validated_on(config, fingerprints):
        progress = progress | {"best_val_bpc": None}
    run.restore(restored.weights, restored.state, progress)


def _validated_on(config: RunConfig, fingerprints: Mapping[str, str]) -> list[Any]:
    return [fingerprints.get("val"), config.training.eval_bytes]


def write_model_file(path: Path, write: Callable[[str], None]) -> None:
    """Let `write` write a file of its own format; it appears at `path` when whole.

    Args:
        path: The final name.
        write: Called with a temporary name of the same suffix.

    Raises:
        OSError: If the disk refuses; names the file.
    """
    draft = atomic.temporary_path(path)
    try:
        with naming(path, always=True):
            write(str(draft))
        atomic.take_place(draft, path)
    finally:
        draft.unlink(missing_ok=True)
