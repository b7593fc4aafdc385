"""A whole run, carried from Keras to the twin or back; training goes on from it.

What crosses: every sound numbered checkpoint with its training state, the best one,
the final weights if the run has ended, its log, and the arrays beside the model. What
does not: TensorBoard's files, the framework's own model file and the seal of the
result; `train.py` or `train_twin.py` writes them anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from compare.checkpoint import Checkpoint
from compare.containers import Container
from compare.containers import run as folders
from compare.formats import format_of, recognize
from tfsent.checkpoint import CheckpointError, StateStore, atomic, read_checkpoint
from tfsent.checkpoint.manifest import FORMAT_VERSION
from tfsent.checkpoint.snapshot import BEST, open_together
from tfsent.checkpoint.strict_json import json_bytes
from tfsent.checkpoint.weights import CONFIG, WEIGHTS, save_weights
from tfsent.path_errors import naming

METRICS = "metrics.jsonl"

_MAX_LOG_BYTES = 2**32
_ALL = 10**9


def is_run(path: Path) -> bool:
    """Return whether `path` is a run folder, of Keras or the twin, with checkpoints."""
    path = Path(path)
    return (path / "checkpoints").is_dir() and not folders.is_checkpoint(path)


class Run:
    """What a run folder holds; a model is read when it is asked for.

    Args:
        path: The run folder.
        announce: Called with one line for every checkpoint that is not sound.

    Raises:
        CheckpointError: If there are neither final weights nor a checkpoint.
    """

    def __init__(self, path: Path, announce: Callable[[str], None] = print) -> None:
        self.path = Path(path)
        self._layout = folders.layout_of(self.path)
        self._announce = announce

    def final(self) -> Checkpoint | None:
        """Return the final model; None if the run has not ended.

        Raises:
            CheckpointError: If it is not sound.
        """
        if not (self.path / WEIGHTS).exists():
            return None
        return self._model(folders.final_container(self.path, self._layout))

    def steps(self) -> list[int]:
        """Return the steps that have a checkpoint, sound or not, in order."""
        return StateStore(self.path, 2).steps()

    def checkpoint(self, step: int) -> Checkpoint | None:
        """Return a checkpoint with its training state; None if it is not sound."""
        return self._checkpoint(f"{step:08d}")

    def newest(self) -> Checkpoint | None:
        """Return the newest sound checkpoint with its training state."""
        found = (self.checkpoint(step) for step in reversed(self.steps()))
        return next((each for each in found if each is not None), None)

    def best(self) -> Checkpoint | None:
        """Return the checkpoint of the lowest validation BPC; None before the first."""
        if not (self.path / "checkpoints" / BEST).exists():
            return None
        return self._checkpoint(BEST)

    def log(self) -> bytes | None:
        """Return the content of `metrics.jsonl`; None if there is none."""
        with open_together(self.path, [], [METRICS]) as files:
            file = files.get(METRICS)
            return None if file is None else file.read_whole(_MAX_LOG_BYTES)

    def _checkpoint(self, name: str) -> Checkpoint | None:
        folder = self.path / "checkpoints" / name
        try:
            restored = read_checkpoint(folder, self._layout)
        except CheckpointError as error:
            self._announce(f"checkpoint passed over: {error}")
            return None
        found = folders.restored_container(restored, self._layout, folder)
        return self._model(found)

    def _model(self, found: Container) -> Checkpoint:
        extras = folders.named(folders.EXTRAS_PART, folders.read_extras(self.path))
        whole = Container(found.kind, found.arrays | extras, found.facts, found.path)
        checkpoint: Checkpoint = recognize(whole)[0].read(whole)
        return checkpoint


def convert_run(
    source: Path, target: Path, to: str, announce: Callable[[str], None] = print
) -> Run:
    """Write the run `source` as the run `target` of another framework; return it.

    Models are converted one after the other under a temporary name beside `target`,
    which is renamed at the end: a failure leaves nothing.

    Args:
        source: The run folder.
        target: The new one; nothing may be there.
        to: "keras" or "twin".
        announce: Called with one line for every checkpoint that is not sound.

    Raises:
        CheckpointError: If `target` exists, or `source` holds no sound model.
        ValueError: If the training state cannot cross; names the optimizer.
        OSError: If the disk refuses; names `target`.
    """
    target = Path(target)
    folders.refuse_existing(target)
    run = Run(source, announce)
    with naming(target, always=True), atomic.new_folder(target) as draft:
        writer = _Writer(draft.folder, target, to)
        final = run.final()
        if final is not None:
            writer.final(final)
        for step in run.steps():
            checkpoint = run.checkpoint(step)
            if checkpoint is not None:
                writer.checkpoint(checkpoint)
        if not writer.models:
            raise CheckpointError(run.path, "holds no sound checkpoint.")
        best = run.best()
        if best is not None:
            writer.best(best)
        log = run.log()
        if log is not None:
            atomic.replace_file(draft.folder / METRICS, [log])
    return run


class _Writer:
    """Writes the parts of a run into a folder under a temporary name.

    Attributes:
        models: Models written so far.
    """

    def __init__(self, folder: Path, target: Path, to: str) -> None:
        self.models = 0
        self._folder = folder
        self._target = target
        self._to = to
        self._saved: dict[int, Path] = {}

    def final(self, checkpoint: Checkpoint) -> None:
        """Write the final weights and the settings."""
        container = self._container(checkpoint)
        layout = folders.LAYOUTS[container.facts["layout"]]
        weights = folders.part(container, folders.WEIGHTS_PART)
        save_weights(self._folder, weights, container.facts["config"], layout)

    def checkpoint(self, checkpoint: Checkpoint) -> Path:
        """Write a numbered checkpoint; return its folder."""
        container = self._container(checkpoint)
        saved = folders.write_checkpoint(self._folder, container, _ALL)
        assert saved is not None
        self._saved[container.facts["progress"]["step"]] = saved
        return saved

    def best(self, checkpoint: Checkpoint) -> None:
        """Write the best checkpoint."""
        assert checkpoint.training is not None
        progress = checkpoint.training.progress
        numbered = self._saved.get(progress["step"])
        saved = numbered or self.checkpoint(checkpoint)
        layout = folders.LAYOUTS[self._container(checkpoint).facts["layout"]]
        store = StateStore(self._folder, 2, layout=layout)
        store.save_best(saved, progress["best_val_bpc"])
        if numbered is None:  # It had been pruned: only the best one was left.
            atomic.discard_folder(saved)

    def _container(self, checkpoint: Checkpoint) -> Container:
        container: Container = format_of(self._to).write(checkpoint, self._to)
        folders.check(container, self._target)
        if not self.models:
            extras = folders.part(container, folders.EXTRAS_PART)
            folders.write_extras(self._folder, extras)
            # Of a run that has not ended it is the only file beside the log.
            settings = {"format_version": FORMAT_VERSION, **container.facts["config"]}
            atomic.replace_file(self._folder / CONFIG, [json_bytes(settings)])
        self.models += 1
        return container
