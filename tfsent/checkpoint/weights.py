"""The portable form of a model: `weights.safetensors` beside `config.json`.

Holds for the final weights of a run, for each of its checkpoints, and for what
a conversion writes. Names, axes [in, out] and the gate order `GATES` are fixed;
`tfsent.checkpoint.shapes` lists them. Needs no framework.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from tfsent.checkpoint import atomic
from tfsent.checkpoint.errors import CheckpointError
from tfsent.checkpoint.manifest import (
    FORMAT_VERSION,
    MANIFEST,
    Manifest,
    check_hash,
    check_size,
    check_version,
    manifest_bytes,
    read_manifest,
)
from tfsent.checkpoint.shapes import GAINS, expected_shapes, model_settings
from tfsent.checkpoint.snapshot import OpenFile, open_together
from tfsent.checkpoint.strict_json import brief, json_bytes, parse_object
from tfsent.checkpoint.tensor_file import (
    WEIGHT_DTYPES,
    read_header,
    read_tensors,
    tensor_chunks,
)

WEIGHTS = "weights.safetensors"
CONFIG = "config.json"

_METADATA = {"format": "tfsent", "version": str(FORMAT_VERSION)}
_VERSION_KEY = "format_version"
_MAX_CONFIG_BYTES = 2**20

Write = Callable[[str, Iterable[atomic.Chunk]], atomic.FileRecord]


def save_weights(
    folder: str | PathLike[str],
    weights: Mapping[str, np.ndarray],
    config: Mapping[str, Any],
) -> Path:
    """Write the weights, the configuration and a manifest of both; return `folder`.

    Each file is replaced as a whole. Whatever moment a kill strikes, `folder`
    holds a readable model if it held one before; in the moments between the
    files it has no manifest, so that readers see no false alarm.

    Args:
        folder: Where to; created if missing.
        weights: Name to array of float32, float16 or bfloat16, as
            `expected_shapes` lists them.
        config: Plain nested dictionary with the section `model`, as
            `dataclasses.asdict(RunConfig())` gives.

    Raises:
        CheckpointError: If weights are missing, surplus, of another shape, not
            finite, or have a zero column under a gain.
        OSError: If the disk refuses; names the file.
    """
    folder = Path(folder)
    check_weights(weights, config, folder / WEIGHTS)
    atomic.make_folder(folder)
    files = {}
    atomic.discard_file(folder / MANIFEST)
    for name, chunks in model_files(weights, config, folder):
        files[name] = atomic.replace_file(folder / name, chunks)
    manifest = manifest_bytes(files)
    atomic.replace_file(folder / MANIFEST, [manifest])
    return folder


def load_weights(
    path: str | PathLike[str],
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return weights as float32 and the configuration beside them.

    Nothing is trusted: the header and every shape are checked before a tensor
    is read, every value must be finite, and where a manifest lies beside, the
    hash of the whole file must match. Links are not followed. Without a
    manifest, damage inside a tensor goes unnoticed.

    Args:
        path: A run folder (its final weights), a checkpoint folder, or a
            `weights.safetensors`.

    Returns:
        Name to float32 array, and the configuration as a plain dictionary.

    Raises:
        CheckpointError: If there is no sound model; names the file.
    """
    folder = _folder_of(Path(path))
    with open_together(folder, [WEIGHTS, CONFIG], [MANIFEST]) as files:
        manifest = read_manifest(files[MANIFEST]) if MANIFEST in files else None
        return read_model(files, manifest)


def read_config(path: str | PathLike[str]) -> dict[str, Any]:
    """Return the configuration in the file `path`, without its format version.

    Raises:
        CheckpointError: If it is no JSON object, or of a newer version.
    """
    path = Path(path)
    with open_together(path.parent, [path.name]) as files:
        return _read_config(files[path.name])


def model_files(
    weights: Mapping[str, np.ndarray], config: Mapping[str, Any], folder: Path
) -> list[tuple[str, Iterable[atomic.Chunk]]]:
    """Return name and content of the two files that make a model, to be written."""
    versioned = {_VERSION_KEY: FORMAT_VERSION, **config}
    content = tensor_chunks(weights, _METADATA, WEIGHT_DTYPES, folder / WEIGHTS)
    return [(WEIGHTS, content), (CONFIG, [json_bytes(versioned)])]


def read_model(
    files: Mapping[str, OpenFile], manifest: Manifest | None
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return weights and configuration from open files, checked as for loading."""
    if manifest is not None:
        check_size(files[WEIGHTS], manifest)
        check_size(files[CONFIG], manifest)
    config = _read_config(files[CONFIG])
    if manifest is not None:
        check_hash(files[CONFIG], manifest)
    model = model_settings(config, files[CONFIG].path)
    file = files[WEIGHTS]
    header = read_header(file, WEIGHT_DTYPES)
    _check_metadata(header.metadata, file.path)
    shapes = {name: entry.shape for name, entry in header.entries.items()}
    _check_shapes(shapes, expected_shapes(model), file.path)
    weights = read_tensors(file, header)
    if manifest is not None:
        check_hash(file, manifest)
    weights = {name: array.astype("f4", copy=False) for name, array in weights.items()}
    _check_columns(weights, file.path)
    return weights, config


def check_weights(
    weights: Mapping[str, np.ndarray], config: Mapping[str, Any], path: Path
) -> None:
    """Refuse weights that could not be loaded again, before anything is written."""
    expected = expected_shapes(model_settings(config, path))
    shapes = {name: np.shape(array) for name, array in weights.items()}
    _check_shapes(shapes, expected, path)
    _check_columns(weights, path)


def _folder_of(path: Path) -> Path:
    if path.is_dir():
        if (path / CONFIG).exists() and not (path / WEIGHTS).exists():
            raise CheckpointError(
                path,
                f"holds no {WEIGHTS}: the run has not ended. Name one of its "
                "checkpoints, such as checkpoints/best.",
            )
        return path
    if path.name == WEIGHTS:
        return path.parent
    if path.is_file():
        reason = f"is no run folder, checkpoint folder or {WEIGHTS}."
        raise CheckpointError(path, reason)
    return path


def _read_config(file: OpenFile) -> dict[str, Any]:
    config = parse_object(file.read_whole(_MAX_CONFIG_BYTES), file.path)
    # Files written by hand or by an older tool have no version: then it is 1.
    check_version(config.pop(_VERSION_KEY, 1), file.path)
    return config


def _check_metadata(metadata: Mapping[str, str], path: Path) -> None:
    if metadata.get("format") != _METADATA["format"]:
        # Another gate order can have the same names and shapes.
        raise CheckpointError(
            path,
            f"its header calls the format {brief(metadata.get('format'))}, not "
            "'tfsent'; scripts/convert.py reads other formats.",
        )
    version = metadata.get("version", "")
    number = int(version) if version.isdecimal() and len(version) < 9 else version
    check_version(number, path)


def _check_shapes(
    found: Mapping[str, tuple[int, ...]],
    expected: Mapping[str, tuple[int, ...]],
    path: Path,
) -> None:
    missing = [name for name in expected if name not in found]
    if missing:
        raise CheckpointError(path, f"misses the weights {brief(missing)}.")
    surplus = sorted(name for name in found if name not in expected)
    if surplus:
        reason = f"has weights without a place in the model: {brief(surplus)}."
        raise CheckpointError(path, reason)
    for name, shape in expected.items():
        if found[name] != shape:
            reason = f"{name} has shape {brief(found[name])}, the model has {shape}."
            raise CheckpointError(path, reason)


def _check_columns(weights: Mapping[str, np.ndarray], path: Path) -> None:
    """Refuse a column without a direction under a gain: w = g * v / |v|."""
    for gain in weights:
        layer, _, last = gain.rpartition("/")
        if last not in GAINS:
            continue
        name = f"{layer}/{GAINS[last]}"
        # The model squares in float32: what vanishes there has no norm either.
        vanished = _column_square_sums(weights[name]) < np.finfo(np.float32).tiny
        if vanished.any():
            column = int(np.argmax(vanished))
            reason = f"column {column} of {name} has norm 0, and {gain} scales it."
            raise CheckpointError(path, reason)


def _column_square_sums(matrix: np.ndarray) -> np.ndarray:
    sums = np.zeros(matrix.shape[1])
    rows = max(1, atomic.CHUNK_BYTES // (8 * matrix.shape[1]))
    for first in range(0, len(matrix), rows):
        block = matrix[first : first + rows].astype(np.float64)
        sums += np.einsum("ij,ij->j", block, block)
    return sums
