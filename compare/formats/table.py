"""One table a format, used in both directions: names, axes, gate order.

A row says that our weight and one or more of their arrays are the same numbers.
Axis letters give the transposition:

    V symbols, E embedding, X inputs of a layer (E in layer 0, H above), H units,
    M units of the product m (as many as H: "HM" and "MH" are each other's
    transpose), G gate columns, blocks in a declared order, 1 an axis of size one

A name may hold `{k}`, the number of the layer. What a row cannot place raises,
in the spelling of the file: missing, left over, of another shape or type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from compare.formats.blocks import OUR_GATES, reorder
from compare.formats.numbers import narrowed, stored_type, two_terms, widened
from tfsent.checkpoint import CheckpointError, expected_shapes
from tfsent.checkpoint.strict_json import brief
from tfsent.config import NUM_BYTES, ModelConfig

PADDING = "padding/"
"""Extras: the row of the padding symbol, under this and the name of our weight."""


class Row(NamedTuple):
    """One weight of ours and the arrays of theirs that make it.

    Attributes:
        ours: Our name, such as "layers/{k}/wh".
        axes: Our axes, one letter each.
        theirs: Their name; several where `join` says how they make one.
        their_axes: Axes of each of theirs.
        join: "G": theirs are the gate blocks, side by side along G, which letter
            stands for one block in `their_axes`. "sum": ours is their sum, and a
            second one is written as zeros.
    """

    ours: str
    axes: str
    theirs: str | tuple[str, ...]
    their_axes: str
    join: Literal["", "G", "sum"] = ""


class Table(NamedTuple):
    """The rows of a format, and the order of the blocks on G in its files.

    Attributes:
        rows: As many as the format knows; a model uses those of its weights.
        gates: In our letters; empty where a cell has one block.
    """

    rows: tuple[Row, ...]
    gates: str


class Mapped(NamedTuple):
    """What a table made of a file: our weights, what has no place, the stored type."""

    weights: dict[str, np.ndarray]
    extras: dict[str, np.ndarray]
    dtype: str


def to_ours(
    table: Table,
    arrays: Mapping[str, np.ndarray],
    model: ModelConfig,
    path: Path,
    decoder: bool = True,
    symbols: int = NUM_BYTES,
) -> Mapped:
    """Return their arrays as our weights; every array must find its place.

    Args:
        table: The format.
        arrays: Their names to float32, float16 or bfloat16, all of one type.
        model: Shape of the model, which the format found out.
        path: The file, for messages.
        decoder: Whether there are output weights.
        symbols: 256, or 257 where row 0 of every V axis belongs to the padding
            symbol: it becomes an extra, in their type and axes.

    Raises:
        CheckpointError: If an array is missing, left over, of a wrong shape or
            type; names it as the file does.
    """
    weights: dict[str, np.ndarray] = {}
    extras: dict[str, np.ndarray] = {}
    used: set[str] = set()
    for name in expected_shapes(model, decoder):
        row, layer = _row_of(table, name)
        sizes = _sizes(model, layer, symbols)
        parts = []
        for theirs in _names(row, layer):
            if theirs not in arrays:
                raise CheckpointError(path, f"misses the weight {theirs!r}.")
            _check(theirs, arrays[theirs], _their_shape(row, sizes, model), path)
            used.add(theirs)
            parts.append(arrays[theirs])
        if symbols > NUM_BYTES and "V" in row.their_axes:
            # A padding symbol is no byte: its row is kept beside the model.
            axis = row.their_axes.index("V")
            extras[PADDING + name] = np.take(parts[0], 0, axis).copy()
            parts = [np.delete(parts[0], 0, axis)]
        weights[name] = _joined(row, [widened(p) for p in parts], table.gates, model)
    surplus = sorted(name for name in arrays if name not in used)
    if surplus:
        reason = f"has weights without a place: {brief(surplus)}."
        raise CheckpointError(path, reason)
    return Mapped(weights, extras, _one_type(arrays, path))


def to_theirs(
    table: Table,
    weights: Mapping[str, np.ndarray],
    model: ModelConfig,
    dtype: str = "float32",
    padding: Mapping[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Return our weights as their arrays: the way back of `to_ours`.

    Args:
        table: The format.
        weights: Our names to float32.
        model: Shape of the model.
        dtype: The stored type; values that it cannot hold exactly are refused.
        padding: Extras with the rows of the padding symbol: then there are 257
            symbols.

    Raises:
        ValueError: If a weight has no place in the format, or loses digits.
    """
    arrays: dict[str, np.ndarray] = {}
    for name, weight in weights.items():
        row, layer = _row_of(table, name)
        parts = _parted(row, np.asarray(weight, np.float32), table.gates, model)
        if row.join == "sum":
            parts = two_terms(parts[0], dtype)
        if padding is not None and "V" in row.their_axes:
            parts = [_with_padding(parts[0], row, name, padding)]
        for theirs, part in zip(_names(row, layer), parts, strict=True):
            arrays[theirs] = narrowed(part, dtype, name)
    return arrays


def theirs_of(table: Table, name: str) -> list[str]:
    """Return the names of the arrays that make one of our weights.

    Raises:
        ValueError: If it has no place in the format.
    """
    return _names(*_row_of(table, name))


def _row_of(table: Table, name: str) -> tuple[Row, int]:
    layer = re.match(r"layers/([0-9]+)/", name)
    pattern = name if layer is None else f"layers/{{k}}/{name[layer.end() :]}"
    for row in table.rows:
        if row.ours == pattern:
            return row, int(layer[1]) if layer else 0
    raise ValueError(f"the format has no place for the weight {name!r}.")


def _names(row: Row, layer: int) -> list[str]:
    theirs = (row.theirs,) if isinstance(row.theirs, str) else row.theirs
    return [name.replace("{k}", str(layer)) for name in theirs]


def _sizes(model: ModelConfig, layer: int, symbols: int) -> dict[str, int]:
    hidden = model.hidden_size
    blocks = len(OUR_GATES[model.cell]) or 1
    return {
        "V": symbols,
        "E": model.embedding_size,
        "X": hidden if layer else model.embedding_size,
        "H": hidden,
        "M": hidden,
        "G": blocks * hidden,
        "1": 1,
    }


def _their_shape(
    row: Row, sizes: Mapping[str, int], model: ModelConfig
) -> tuple[int, ...]:
    if row.join == "G":
        sizes = {**sizes, "G": model.hidden_size}
    return tuple(sizes[letter] for letter in row.their_axes)


def _check(name: str, array: np.ndarray, shape: tuple[int, ...], path: Path) -> None:
    if array.shape != shape:
        found = brief(array.shape)
        raise CheckpointError(path, f"{name!r} has shape {found}, not {shape}.")
    if stored_type(array) is None:
        reason = (
            f"{name!r} has type {array.dtype}; float32, float16 or bfloat16 will do."
        )
        raise CheckpointError(path, reason)


def _one_type(arrays: Mapping[str, np.ndarray], path: Path) -> str:
    found = {stored_type(array) or "": name for name, array in arrays.items()}
    if len(found) > 1:
        some = " and ".join(f"{name!r} {dtype}" for dtype, name in found.items())
        raise CheckpointError(path, f"mixes types: {some}.")
    return next(iter(found))


def _joined(
    row: Row, parts: list[np.ndarray], gates: str, model: ModelConfig
) -> np.ndarray:
    if row.join == "G":
        whole = np.concatenate(parts, axis=row.their_axes.index("G"))
    else:
        whole = parts[0]
        for part in parts[1:]:
            whole = whole + part
    ours = transposed(whole, row.their_axes, row.axes)
    if "G" in row.axes:
        ours = reorder(ours, row.axes.index("G"), gates, OUR_GATES[model.cell])
    return np.ascontiguousarray(ours)


def _parted(
    row: Row, weight: np.ndarray, gates: str, model: ModelConfig
) -> list[np.ndarray]:
    if "G" in row.axes:
        weight = reorder(weight, row.axes.index("G"), OUR_GATES[model.cell], gates)
    theirs = transposed(weight, row.axes, row.their_axes)
    if row.join != "G":
        return [theirs]
    return np.split(theirs, len(row.theirs), axis=row.their_axes.index("G"))


def transposed(array: np.ndarray, axes: str, wanted: str) -> np.ndarray:
    """Return `array` with its axes in the order `wanted`; "1" comes and goes."""
    bare = array.reshape(
        [n for n, letter in zip(array.shape, axes, strict=True) if letter != "1"]
    )
    here, there = axes.replace("1", ""), wanted.replace("1", "")
    # A letter twice, such as HH, would leave the transposition open.
    assert len(set(here)) == len(here), axes
    assert sorted(here) == sorted(there), (axes, wanted)
    moved = bare.transpose([here.index(letter) for letter in there])
    sizes = iter(moved.shape)
    return moved.reshape([1 if letter == "1" else next(sizes) for letter in wanted])


def _with_padding(
    part: np.ndarray, row: Row, name: str, padding: Mapping[str, np.ndarray]
) -> np.ndarray:
    axis = row.their_axes.index("V")
    extra = padding.get(PADDING + name)
    wanted = part.shape[:axis] + part.shape[axis + 1 :]
    if extra is None or extra.shape != wanted:
        found = "missing" if extra is None else f"of shape {extra.shape}"
        raise ValueError(f"{PADDING}{name} is {found}; shape {wanted} will do.")
    return np.concatenate([np.expand_dims(widened(extra), axis), part], axis)
