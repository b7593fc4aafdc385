"""Everything needed to resume a run bit for bit: atomic, hashed, pruned.

    RUN/checkpoints/00000500/   weights.safetensors  config.json
                                training_state.safetensors  progress.json
                                manifest.json
    RUN/checkpoints/best/       the same, of the lowest validation BPC

A checkpoint is written under a temporary name and renamed when it is complete;
older ones are removed only then. The holder of the run's lock is the only
writer; readers need no lock.
"""

from __future__ import annotations

import os
import re
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfsent.checkpoint import atomic
from tfsent.checkpoint.errors import CheckpointError
from tfsent.checkpoint.layout import TFSENT, Layout
from tfsent.checkpoint.manifest import (
    MANIFEST,
    Manifest,
    check_hash,
    check_size,
    manifest_bytes,
    read_manifest,
)
from tfsent.checkpoint.snapshot import BEST, BEST_BEFORE, OpenFile, open_together
from tfsent.checkpoint.strict_json import json_bytes, parse_object
from tfsent.checkpoint.tensor_file import (
    STATE_DTYPES,
    read_header,
    read_tensors,
    tensor_chunks,
)
from tfsent.checkpoint.weights import (
    CONFIG,
    WEIGHTS,
    check_weights,
    model_files,
    read_model,
)

STATE = "training_state.safetensors"
PROGRESS = "progress.json"

_FILES = (WEIGHTS, CONFIG, STATE, PROGRESS)
_METADATA = {"format": "tfsent-training-state", "version": "1"}
_MAX_PROGRESS_BYTES = 2**20
_TRIES = 50
_PAUSE_S = 0.01
_WAY_OUT = "Give --fresh to start over, or another --out."


class Restored(NamedTuple):
    """A checkpoint as it was read.

    Attributes:
        step: Updates made when it was saved.
        weights: Name to float32 array.
        config: The configuration it was saved with, as a plain dictionary.
        state: Name to array, types, shapes and bits as saved.
        progress: What was saved as such, with `step`.
        path: Its folder.
    """

    step: int
    weights: dict[str, np.ndarray]
    config: dict[str, Any]
    state: dict[str, np.ndarray]
    progress: dict[str, Any]
    path: Path


class StateStore:
    """The checkpoints of one run.

    Args:
        run_dir: The run folder; need not exist before the first `save`.
        keep: Newest complete checkpoints kept, besides the best; at least 2, so
            that there is one to fall back to.
        announce: Called with one line when a damaged checkpoint is passed over.
        layout: In which names and shapes the weights lie.
    """

    def __init__(
        self,
        run_dir: str | Path,
        keep: int,
        announce: Callable[[str], None] = warnings.warn,
        layout: Layout = TFSENT,
    ) -> None:
        if keep < 2:
            raise ValueError(f"checkpoint.keep is {keep}; at least 2 will do.")
        self.run_dir = Path(run_dir)
        self.folder = self.run_dir / "checkpoints"
        self.keep = keep
        self.layout = layout
        self._announce = announce
        self._damaged: set[int] = set()

    def save(
        self,
        step: int,
        weights: Mapping[str, np.ndarray],
        config: Mapping[str, Any],
        state: Mapping[str, np.ndarray],
        progress: Mapping[str, Any],
    ) -> Path:
        """Write the checkpoint of `step`, then remove what exceeds `keep`.

        Hold the run's lock. A complete checkpoint of `step` is left as it is; a
        damaged one is replaced.

        Args:
            step: Updates made so far.
            weights: As for `save_weights`.
            config: As for `save_weights`.
            state: Any names; arrays of float, integer or bool types, finite.
                Optimizer moments, loss scale, every replica's carried state.
            progress: JSON values: bytes seen, best BPC, seconds.

        Returns:
            The checkpoint's folder.

        Raises:
            CheckpointError: If weights do not fit `config`, or anything is not
                finite; the newest checkpoint stays the one before.
            OSError: If the disk refuses; names the file. The checkpoints before
                are untouched.
        """
        if step < 0 or progress.get("step", step) != step:
            said = progress.get("step")
            raise ValueError(f"step is {step}, progress says {said}; one step >= 0.")
        final = self._path(step)
        if final.exists() and _is_sound(final):
            return final
        check_weights(weights, config, final / WEIGHTS, self.layout)
        atomic.make_folder(self.folder)
        with atomic.new_folder(final) as draft:
            files = model_files(weights, config, final, self.layout)
            for name, content in files:
                draft.write(name, content)
            path = final / STATE
            draft.write(STATE, tensor_chunks(state, _METADATA, STATE_DTYPES, path))
            draft.write(PROGRESS, [json_bytes({**progress, "step": step})])
            draft.write(MANIFEST, [manifest_bytes(draft.files, step=step)])
            if final.exists():
                atomic.discard_folder(final)
        self._damaged.discard(step)
        self._prune()
        return final

    def save_best(self, checkpoint: Path, val_bpc: float) -> Path:
        """Make `checkpoint`, a folder that `save` returned, also the best one.

        The best before keeps its content under the name `best.before` until the
        new one has its name; whoever reads `best` looks there too, and a run that
        was killed in between puts it back.

        Returns:
            The folder of the best.

        Raises:
            CheckpointError: If `checkpoint` is not complete.
            OSError: If the disk refuses; names the file. The best before stays.
        """
        best, before = self.folder / BEST, self.folder / BEST_BEFORE
        self._settle_best()
        manifest = _complete_manifest(checkpoint)
        with atomic.new_folder(best, replaced=before) as draft:
            for name in _FILES:
                draft.take(checkpoint / name, manifest.files[name])
            facts = {"step": manifest.facts["step"], "val_bpc": float(val_bpc)}
            draft.write(MANIFEST, [manifest_bytes(draft.files, **facts)])
        self._settle_best()
        return best

    def latest(self) -> Restored | None:
        """Return the newest checkpoint whose hashes are right; None if there is none.

        A damaged one is announced and passed over.

        Raises:
            CheckpointError: If there are checkpoints, but no sound one to resume
                from: a run never starts over unasked.
        """
        for _ in range(_TRIES):
            steps = self.steps()
            for step in reversed(steps):
                path = self._path(step)
                try:
                    return read_checkpoint(path, self.layout)
                except CheckpointError as error:
                    if not path.exists():
                        break  # Pruned meanwhile: there are newer ones.
                    self._damaged.add(step)
                    self._announce(f"checkpoint passed over: {error}")
            else:
                if steps:
                    reason = (
                        f"none of its {len(steps)} checkpoints is sound. {_WAY_OUT}"
                    )
                    raise CheckpointError(self.folder, reason)
                names = (BEST, BEST_BEFORE)
                if not any((self.folder / name).exists() for name in names):
                    return None
                # There was a checkpoint once: a list made while others were
                # renamed can miss the newest ones. Look again.
                time.sleep(_PAUSE_S)
        reason = f"holds the best checkpoint and none to resume from. {_WAY_OUT}"
        raise CheckpointError(self.folder, reason)

    def steps(self) -> list[int]:
        """Return the steps that have a checkpoint folder, sound or not, in order."""
        # One call, and no look at each: by then some could be pruned.
        names = os.listdir(self.folder) if self.folder.is_dir() else []
        numbers = [int(name) for name in names if re.fullmatch("[0-9]{8,18}", name)]
        return sorted(step for step in numbers if f"{step:08d}" in names)

    def remove_leftovers(self) -> list[str]:
        """Remove what killed writers left in the run, nothing else; return the names.

        Call it once the run's lock is held, before anything is written.
        """
        self._settle_best()
        removed = atomic.remove_leftovers(self.run_dir)
        return removed + atomic.remove_leftovers(self.folder)

    def _prune(self) -> None:
        steps = self.steps()
        complete = [step for step in steps if self._counts(step)]
        for step in steps:
            if len(complete) >= self.keep and step < complete[-self.keep]:
                atomic.discard_folder(self._path(step))

    def _counts(self, step: int) -> bool:
        """Tell whether one can fall back to a checkpoint, as far as is known."""
        if step in self._damaged:
            return False
        try:
            _complete_manifest(self._path(step))
        except CheckpointError:
            return False
        return True

    def _path(self, step: int) -> Path:
        return self.folder / f"{step:08d}"

    def _settle_best(self) -> None:
        """Finish what a kill in the middle of `save_best` left."""
        best, before = self.folder / BEST, self.folder / BEST_BEFORE
        if not before.exists():
            return
        if best.exists():
            atomic.discard_folder(before)
        else:
            atomic.rename_folder(before, best)


def read_checkpoint(path: Path, layout: Layout = TFSENT) -> Restored:
    """Return the checkpoint in the folder `path`, every hash and value checked.

    Args:
        path: `RUN/checkpoints/STEP` or `RUN/checkpoints/best`.
        layout: In which names and shapes the weights must lie.

    Raises:
        CheckpointError: If it is not sound; names the file.
    """
    with open_together(path, [MANIFEST, *_FILES]) as files:
        manifest = _manifest_of(path, files)
        data = files[PROGRESS].read_whole(_MAX_PROGRESS_BYTES)
        check_hash(files[PROGRESS], manifest)
        progress = parse_object(data, files[PROGRESS].path)
        weights, config = read_model(files, manifest, layout)
        header = read_header(files[STATE], STATE_DTYPES)
        state = read_tensors(files[STATE], header)
        check_hash(files[STATE], manifest)
        step = manifest.facts["step"]
        return Restored(step, weights, config, state, progress, path)


def _is_sound(path: Path) -> bool:
    """Tell whether every file has the hash its manifest says; loads none."""
    try:
        with open_together(path, [MANIFEST, *_FILES]) as files:
            manifest = _manifest_of(path, files)
            for name in _FILES:
                check_hash(files[name], manifest)
    except CheckpointError:
        return False
    return True


def _complete_manifest(path: Path) -> Manifest:
    """Return the manifest of a checkpoint that has every file, in its right size."""
    with open_together(path, [MANIFEST, *_FILES]) as files:
        return _manifest_of(path, files)


def _manifest_of(path: Path, files: Mapping[str, OpenFile]) -> Manifest:
    manifest = read_manifest(files[MANIFEST])
    step = manifest.facts.get("step")
    if type(step) is not int or path.name not in (f"{step:08d}", BEST):
        raise CheckpointError(files[MANIFEST].path, "is of another checkpoint.")
    for name in _FILES:
        check_size(files[name], manifest)
    return manifest
