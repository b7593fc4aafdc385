"""The portable form of a model: `weights.safetensors` beside `config.json`.

Holds for the final weights of a run, for each of its checkpoints, and for what
a conversion writes. Names, axes and gate order are those of a `Layout`, which
the file names. Needs no framework.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from tfsent.checkpoint import atomic
from tfsent.checkpoint.errors import CheckpointError
from tfsent.checkpoint.layout import TFSENT, Layout
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
from tfsent.checkpoint.shapes import model_settings
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

_VERSION_KEY = "format_version"
_MAX_CONFIG_BYTES = 2**20

Write = Callable[[str, Iterable[atomic.Chunk]], atomic.FileRecord]


def save_weights(
    folder: str | PathLike[str],
    weights: Mapping[str, np.ndarray],
    config: Mapping[str, Any],
    layout: Layout = TFSENT,
) -> Path:
    """Write the weights, the configuration and a manifest of both; return `folder`.

    Each file is replaced as a whole. Whatever moment a kill strikes, `folder`
    holds a readable model if it held one before; in the moments between the
    files it has no manifest, so that readers see no false alarm.

    Args:
        folder: Where to; created if missing.
        weights: Name to array of float32, float16 or bfloat16, as `layout` lists
            them.
        config: Plain nested dictionary with the section `model`, as
            `dataclasses.asdict(RunConfig())` gives, and "decoder": false if the
            model has none.
        layout: In which names and shapes the weights come.

    Raises:
        CheckpointError: If weights are missing, surplus, of another shape, not
            finite, or have a zero column under a gain.
        OSError: If the disk refuses; names the file.
    """
    folder = Path(folder)
    check_weights(weights, config, folder / WEIGHTS, layout)
    atomic.make_folder(folder)
    files = {}
    atomic.discard_file(folder / MANIFEST)
    for name, chunks in model_files(weights, config, folder, layout):
        files[name] = atomic.replace_file(folder / name, chunks)
    manifest = manifest_bytes(files)
    atomic.replace_file(folder / MANIFEST, [manifest])
    return folder


def load_weights(
    path: str | PathLike[str], layout: Layout = TFSENT
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return weights as float32 and the configuration beside them.

    Nothing is trusted: the header and every shape are checked before a tensor
    is read, every value must be finite, and where a manifest lies beside, the
    hash of the whole file must match. Links are not followed. Without a
    manifest, damage inside a tensor goes unnoticed.

    Args:
        path: A run folder (its final weights), a checkpoint folder, or a
            `weights.safetensors`.
        layout: In which names and shapes the weights must lie.

    Returns:
        Name to float32 array, and the configuration as a plain dictionary.

    Raises:
        CheckpointError: If there is no sound model; names the file.
    """
    folder = _folder_of(Path(path))
    with open_together(folder, [WEIGHTS, CONFIG], [MANIFEST]) as files:
        manifest = read_manifest(files[MANIFEST]) if MANIFEST in files else None
        return read_model(files, manifest, layout)


def read_config(path: str | PathLike[str]) -> dict[str, Any]:
    """Return the configuration in the file `path`, without its format version.

    Raises:
        CheckpointError: If it is no JSON object, or of a newer version.
    """
    path = Path(path)
    with open_together(path.parent, [path.name]) as files:
        return _read_config(files[path.name])


def model_files(
    weights: Mapping[str, np.ndarray],
    config: Mapping[str, Any],
    folder: Path,
    layout: Layout = TFSENT,
) -> list[tuple[str, Iterable[atomic.Chunk]]]:
    """Return name and content of the two files that make a model, to be written."""
    versioned = {_VERSION_KEY: FORMAT_VERSION, **config}
    metadata = {"format": layout.name, "version": str(FORMAT_VERSION)}
    content = tensor_chunks(weights, metadata, WEIGHT_DTYPES, folder / WEIGHTS)
    return [(WEIGHTS, content), (CONFIG, [json_bytes(versioned)])]


def read_model(
    files: Mapping[str, OpenFile], manifest: Manifest | None, layout: Layout = TFSENT
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
    _check_metadata(header.metadata, file.path, layout)
    shapes = {name: entry.shape for name, entry in header.entries.items()}
    expected = layout.shapes(model, has_decoder(config, files[CONFIG].path))
    _check_shapes(shapes, expected, file.path)
    weights = read_tensors(file, header)
    if manifest is not None:
        check_hash(file, manifest)
    weights = {name: array.astype("f4", copy=False) for name, array in weights.items()}
    _check_norms(weights, file.path, layout)
    return weights, config


def check_weights(
    weights: Mapping[str, np.ndarray],
    config: Mapping[str, Any],
    path: Path,
    layout: Layout = TFSENT,
) -> None:
    """Refuse weights that could not be loaded again, before anything is written."""
    model = model_settings(config, path)
    expected = layout.shapes(model, has_decoder(config, path))
    shapes = {name: np.shape(array) for name, array in weights.items()}
    _check_shapes(shapes, expected, path)
    _check_norms(weights, path, layout)


def has_decoder(config: Mapping[str, Any], path: str | PathLike[str]) -> bool:
    """Return whether a model has output weights; its configuration says if not.

    Raises:
        CheckpointError: If what it says is no truth value; names `path`.
    """
    decoder = config.get("decoder", True)
    if type(decoder) is not bool:
        raise CheckpointError(path, f"decoder is {brief(decoder)}, no bool.")
    return decoder


def text_rule_of(config: Mapping[str, Any], path: str | PathLike[str]) -> str:
    """Return by which rule a model's text was cleaned, "openai" if nothing is said.

    Raises:
        CheckpointError: If what is said is no known rule; names `path`.
    """
    section = config.get("data", {})
    rule = (
        section.get("text_rule", "openai") if isinstance(section, Mapping) else section
    )
    if rule not in ("openai", "nvidia"):
        raise CheckpointError(path, f"data.text_rule is {brief(rule)}, no known one.")
    return str(rule)


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


def _check_metadata(metadata: Mapping[str, str], path: Path, layout: Layout) -> None:
    if metadata.get("format") != layout.name:
        # Another gate order can have the same names and shapes.
        raise CheckpointError(
            path,
            f"its header calls the format {brief(metadata.get('format'))}, not "
            f"{layout.name!r}; scripts/convert.py reads other formats.",
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


def _check_norms(weights: Mapping[str, np.ndarray], path: Path, layout: Layout) -> None:
    """Refuse a row or column without a direction under a gain: w = g * v / |v|."""
    for gain, name, axis in layout.norms(weights):
        # The model squares in float32: what vanishes there has no norm either.
        vanished = _square_sums(weights[name], axis) < np.finfo(np.float32).tiny
        if vanished.any():
            line = ("column", "row")[axis]
            reason = (
                f"{line} {int(np.argmax(vanished))} of {name} has norm 0, and "
                f"{gain} scales it."
            )
            raise CheckpointError(path, reason)


def _square_sums(matrix: np.ndarray, axis: int) -> np.ndarray:
    # In blocks of rows: a float64 copy of a matrix of 8192 units takes 2 GiB.
    rows = max(1, atomic.CHUNK_BYTES // (8 * matrix.shape[1]))
    sums = []
    for first in range(0, len(matrix), rows):
        block = matrix[first : first + rows].astype(np.float64)
        sums.append(np.einsum("ij,ij->j" if axis == 0 else "ij,ij->i", block, block))
    return np.sum(sums, axis=0) if axis == 0 else np.concatenate(sums)
