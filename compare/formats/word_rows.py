"""Which arrays of a foreign file are which weight of a classifier over words.

As `table.py` for language models: one list of rows, used in both directions. Axis
letters give the transposition:

    V words, E embedding, B outputs of a layer in both directions, H units, G gate
    columns, F width of the pooled vector, K outputs, 1 an axis of size one
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from compare.formats.blocks import OUR_GATES, reorder
from compare.formats.numbers import DTYPES, narrowed, two_terms
from compare.formats.table import transposed
from tfsent.checkpoint import CheckpointError
from tfsent.checkpoint.strict_json import brief

LSTM = OUR_GATES["lstm"]

_RANK = ("float64", "float32", "bfloat16", "float16")
"""Types that weights may have; of mixed ones a file has the first."""


class WordRow(NamedTuple):
    """One weight of ours and the arrays of theirs that make it.

    Attributes:
        ours: Our name.
        axes: Our axes, one letter each.
        theirs: Their names.
        their_axes: Axes of each of theirs.
        gates: Order of their blocks along G.
        join: "G": theirs are the gate blocks, one letter of `gates` each. "sum": ours
            is their sum, and a second one is written as zeros.
    """

    ours: str
    axes: str
    theirs: tuple[str, ...]
    their_axes: str
    gates: str = LSTM
    join: Literal["", "G", "sum"] = ""


def to_ours(
    rows: Sequence[WordRow],
    arrays: Mapping[str, np.ndarray],
    width: Callable[[int, int], int],
    path: Path,
) -> tuple[dict[str, np.ndarray], str]:
    """Return their arrays as our weights, float32, and the type they had.

    The sizes are what the arrays say; every other array must fit them.

    Args:
        rows: One for each weight, embedding, recurrent matrices and output bias
            among them.
        arrays: As the file has them.
        width: E and H to F, the width of the pooled vector.
        path: The file, for messages.

    Raises:
        CheckpointError: If an array is missing, left over, of a wrong shape or type,
            or holds what float32 does not; names it.
    """
    names = [name for row in rows for name in row.theirs]
    for row in rows:
        for name in row.theirs:
            if name not in arrays:
                raise CheckpointError(path, f"misses the weight {name!r}.")
            _check_type(name, arrays[name], len(row.their_axes), path)
    surplus = sorted(arrays.keys() - set(names))
    if surplus:
        shown = brief(surplus)
        raise CheckpointError(path, f"has weights without a place: {shown}.")
    _check_shapes(rows, arrays, width, path)
    types = {arrays[name].dtype.name for name in names}
    return (
        {row.ours: _joined(row, arrays, path) for row in rows},
        min(types, key=_RANK.index),
    )


def to_theirs(
    rows: Sequence[WordRow], weights: Mapping[str, np.ndarray], dtype: str = "float32"
) -> dict[str, np.ndarray]:
    """Return our weights as their arrays: the way back of `to_ours`.

    Args:
        rows: One for each weight.
        weights: Our names to float32.
        dtype: Their type; float32 for what float32 was made of.

    Raises:
        ValueError: If a value has no exact form in the type.
    """
    dtype = dtype if dtype in DTYPES else "float32"
    arrays = {}
    for row in rows:
        weight = weights[row.ours]
        if "G" in row.axes:
            weight = reorder(weight, row.axes.index("G"), LSTM, row.gates)
        theirs = transposed(weight, row.axes, row.their_axes)
        parts = [theirs]
        if row.join == "G":
            parts = np.split(theirs, len(row.gates), row.their_axes.index("G"))
        elif row.join == "sum":
            parts = two_terms(theirs, dtype)
        for name, part in zip(row.theirs, parts, strict=True):
            arrays[name] = narrowed(part, dtype, row.ours)
    return arrays


def _check_type(name: str, array: np.ndarray, rank: int, path: Path) -> None:
    if array.ndim != rank or 0 in array.shape:
        raise CheckpointError(path, f"{name!r} has shape {brief(array.shape)}.")
    if array.dtype.name not in _RANK:
        raise CheckpointError(path, f"{name!r} has type {array.dtype}, no float.")


def _check_shapes(
    rows: Sequence[WordRow],
    arrays: Mapping[str, np.ndarray],
    width: Callable[[int, int], int],
    path: Path,
) -> None:
    sizes = {"1": 1}
    for ours, letters in _TELLING.items():
        for row in rows:
            if row.ours == ours:
                shape = arrays[row.theirs[0]].shape
                for letter in letters:
                    sizes[letter] = shape[row.their_axes.index(letter)]
    E, H = sizes["E"], sizes["H"]
    sizes |= {"B": 2 * H, "G": len(LSTM) * H, "F": width(E, H)}
    for row in rows:
        of_row = sizes | {"G": H} if row.join == "G" else sizes
        wanted = tuple(of_row[letter] for letter in row.their_axes)
        for name in row.theirs:
            found = arrays[name].shape
            if found != wanted:
                reason = f"{name!r} has shape {brief(found)}, not {wanted}."
                raise CheckpointError(path, reason)


_TELLING = {"embedding/weight": "VE", "layers/0/forward/wh": "H", "output/bias": "K"}
"""Our weight to the sizes that it tells."""


def _joined(row: WordRow, arrays: Mapping[str, np.ndarray], path: Path) -> np.ndarray:
    with np.errstate(over="ignore"):  # Refused below, by name.
        parts = [arrays[name].astype(np.float32) for name in row.theirs]
    for name, part in zip(row.theirs, parts, strict=True):
        if not np.isfinite(part).all():
            raise CheckpointError(path, f"{name!r} has values beyond float32.")
    whole = parts[0]
    if row.join == "G":
        whole = np.concatenate(parts, axis=row.their_axes.index("G"))
    elif row.join == "sum":
        for part in parts[1:]:
            whole = whole + part
    ours = transposed(whole, row.their_axes, row.axes)
    if "G" in row.axes:
        ours = reorder(ours, row.axes.index("G"), row.gates, LSTM)
    return np.ascontiguousarray(ours)
