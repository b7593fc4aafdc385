"""A model from one file into another, and what was found on the way.

    convert     path -> path
    match       path and path -> both models, to be proved equal

What is written appears whole or not at all: it is made under a temporary name, read
again, and held against the model it came from.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from compare import containers, formats
from compare.checkpoint import Checkpoint
from compare.formats.origins import NAMESPACES, NESTING
from compare.formats.word_model import WordModel
from compare.gate_order import GateOrder
from compare.reading import ReadModel, read_model, text_rule
from compare.runs import Run, convert_run, is_run
from tfsent.checkpoint import CheckpointError, atomic
from tfsent.path_errors import naming

_FORM = (NESTING, NAMESPACES)
"""Facts of an origin that tell of the form of its file, not of the model."""

Model = Checkpoint | WordModel

OWN = ("keras", "twin")
"""Formats that may be a folder or a file, by the suffix of its name."""


class Verdict(Protocol):
    """What a proof came to."""

    passed: bool

    def failure(self) -> str:
        """Return which check failed, in one line."""


Prove = Callable[[ReadModel, ReadModel], Verdict]


class Conversion(NamedTuple):
    """What a conversion, or a comparison, did.

    Attributes:
        source: The model as it was read.
        target: The model as it is read again from what was written.
        left_behind: What the format written has no place for, a line each.
        verdict: What the proof came to, None without one.
    """

    source: ReadModel
    target: ReadModel
    left_behind: tuple[str, ...]
    verdict: Verdict | None = None

    def lines(self) -> list[str]:
        """Return what was found and done, for a reader."""
        lines = [*self.source.lines(), *self.target.lines()]
        if self.verdict is not None:
            lines.append("Equal in both frameworks: every check of the proof holds.")
        return lines

    def warnings(self) -> list[str]:
        """Return what a user should know, a line each."""
        lines = [f"left behind: {line}" for line in self.left_behind]
        for read in (self.source, self.target):
            other = read.gates.contradicted_by()
            if other is not None:
                lines.append(
                    f"{read.path}: read with gates {read.gates.gates}, but the probe "
                    f"speaks for {other} (BPC: {read.gates.table()})"
                )
        return lines

    def result(self) -> dict[str, Any]:
        """Return the same as JSON values."""
        return {
            "source": self.source.facts(),
            "target": self.target.facts(),
            "left_behind": list(self.left_behind),
            "verified": None if self.verdict is None else self.verdict.passed,
        }


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    to: str,
    *,
    gates: str | None = None,
    probe: str | os.PathLike[str] | None = None,
    prove: Prove | None = None,
    announce: Callable[[str], None] = warnings.warn,
) -> Conversion:
    """Write the model at `source` to `target` in the format `to`.

    Args:
        source: As for `read_model`.
        target: What to write; a folder, or for keras and twin a file if its name
            ends as theirs do. Nothing may be there.
        to: A name of `formats.names()`.
        gates: As for `read_model`.
        probe: As for `read_model`.
        prove: Called with both models while the target has a temporary name still.
            If it finds them unequal, nothing is left.
        announce: Called with one line for every checkpoint of a run that is not
            sound and stays behind.

    Raises:
        CheckpointError: If there is no sound model at `source`.
        ValueError: If the target is taken, the format is not known or cannot hold
            the model, or the proof fails.
        OSError: If the disk refuses.
    """
    module = formats.format_of(to)
    target = Path(target).expanduser()
    _refuse_taken(target)
    found = read_model(source, gates, probe)
    whole_run = to in OWN and target.suffix not in module.FILES and is_run(found.path)
    content = None
    if not whole_run:
        suffix = {"suffix": target.suffix} if to in OWN else {}
        content = module.write(found.checkpoint, to, **suffix)
    with _draft(target) as draft:
        if content is None:
            run = convert_run(found.path, draft, to, announce)
            _refuse_other_checkpoints(run, Run(draft), target)
        else:
            containers.write(draft, content)
        again = _read_again(draft, found)
        _refuse_difference(found.checkpoint, again.checkpoint, target)
        verdict = None if prove is None else prove(found, again)
        if verdict is not None and not verdict.passed:
            reason = f"is not written: {verdict.failure()}"
            raise CheckpointError(target, reason)
        _refuse_taken(target)
        with naming(target, always=True):
            os.rename(draft, target)
    atomic.sync_folder(target.parent)
    lost = tuple(left_behind(found.checkpoint, again.checkpoint))
    return Conversion(found, again._replace(path=target), lost, verdict)


def match(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    prove: Prove,
    *,
    gates: str | None = None,
    probe: str | os.PathLike[str] | None = None,
) -> Conversion:
    """Prove that two files that are there hold one model.

    Args:
        source: As for `read_model`.
        target: The same.
        prove: Called with both models.
        gates: Of the source.
        probe: As for `read_model`.

    Raises:
        CheckpointError: If there is no sound model at either path.
        ValueError: If the models cannot be compared, or are not equal.
    """
    one, other = read_model(source, gates, probe), read_model(target, None, probe)
    verdict = prove(one, other)
    if not verdict.passed:
        raise ValueError(f"{one.path} and {other.path} differ: {verdict.failure()}")
    lost = tuple(left_behind(one.checkpoint, other.checkpoint))
    return Conversion(one, other, lost, verdict)


def _refuse_taken(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise CheckpointError(target, "is there already; name a new file or folder.")


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """Give a temporary name beside `target`; whatever has it at the end is removed.

    So are folders above it that were made for it, if they are empty then.
    """
    missing = [folder for folder in target.parents if not folder.exists()]
    atomic.make_folder(target.parent)
    draft = atomic.temporary_path(target)
    try:
        yield draft
    finally:
        if draft.is_dir():
            shutil.rmtree(draft)
        else:
            draft.unlink(missing_ok=True)
        for folder in missing:
            with contextlib.suppress(OSError):  # Not empty: it has what was asked for.
                folder.rmdir()


def _read_again(draft: Path, source: ReadModel) -> ReadModel:
    """Return what was written, as its format reads it."""
    container = containers.read(draft)
    module, line = formats.recognize(container)
    candidates = module.candidates(container) or ("",)
    read = [module.read(container, gates or None) for gates in candidates]
    # Where shapes fit several orders, the writer knows which it took.
    fitting = [_is_same(source.checkpoint, checkpoint) for checkpoint in read]
    k = fitting.index(True) if True in fitting else 0
    order = GateOrder(candidates[k], "format")
    return ReadModel(draft, read[k], container, module, line, order)


def _is_same(one: Model, other: Model) -> bool:
    """Return whether two models are the same cell with the same weights."""
    same_cell = one.model.cell == other.model.cell
    return same_cell and not _differing(one.weights, other.weights)


def _differing(
    one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]
) -> list[str]:
    """Return the names of arrays that are missing or have other bits."""
    return [
        name
        for name in sorted({*one, *other})
        if not (name in one and name in other and same_bits(one[name], other[name]))
    ]


def same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    """Return whether two arrays have the same type, shape and bits."""
    # Not `array_equal`, for which 0.0 and -0.0 are the same.
    return (
        one.dtype == other.dtype
        and one.shape == other.shape
        and np.array_equal(
            np.ascontiguousarray(one).reshape(-1).view(np.uint8),
            np.ascontiguousarray(other).reshape(-1).view(np.uint8),
        )
    )


def _refuse_difference(one: Model, other: Model, target: Path) -> None:
    """Refuse a file that does not give back every bit of what it has a place for."""
    wrong = _differing(one.weights, other.weights)
    if isinstance(one, WordModel) and isinstance(other, WordModel):
        wrong += one.differing(other)
    if isinstance(one, Checkpoint) and isinstance(other, Checkpoint):
        common = one.extras.keys() & other.extras.keys()
        held = [{n: each.extras[n] for n in common} for each in (one, other)]
        wrong += _differing(*held)
        if one.training is not None and other.training is not None:
            wrong += _differing(one.training.arrays, other.training.arrays)
            if one.training.progress != other.training.progress:
                wrong.append("progress")
    if wrong:
        raise CheckpointError(target, f"would not give back {wrong[0]!r} as it was.")


def _refuse_other_checkpoints(one: Run, other: Run, target: Path) -> None:
    """Refuse a run one of whose checkpoints does not come back."""
    for step in other.steps():
        found, again = one.checkpoint(step), other.checkpoint(step)
        if found is None or again is None:
            raise CheckpointError(target, f"would not give back checkpoint {step}.")
        _refuse_difference(found, again, target)


def left_behind(one: Model, other: Model) -> Iterator[str]:
    """Yield a line for each thing that one model has and the other has not."""
    if isinstance(one, WordModel) and isinstance(other, WordModel):
        yield from one.left_behind(other)
        return
    if one.training is not None and other.training is None:
        step = one.training.progress["step"]
        yield f"the training state of step {step}: moments and carried states"
    lost = sorted(one.extras.keys() - other.extras.keys())
    if lost:
        yield f"arrays beside the model: {', '.join(lost)}"
    if one.origin.dtype == "float64":
        yield "the digits of float64 weights beyond float32"
    told = sorted(one.origin.facts.keys() - other.origin.facts.keys() - {*_FORM})
    if told and one.origin.format != "openai":  # Which says how headers are padded.
        yield f"{len(told)} settings that the file holds, such as {told[0]}"
    for name, before, after in (
        ("text rule", text_rule(one), text_rule(other)),
        ("dropout", one.model.dropout, other.model.dropout),
    ):
        if before != after:
            yield f"the {name} {before}: the format says nothing of it"
