"""A folder that holds a fitted classifier: arrays, vocabulary, facts, nothing to run.

`weights.safetensors` has the arrays, `vocabulary.json` the words or n-grams, and
`manifest.json` the rest with a hash of both. Nothing is trusted when read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from tfsent.checkpoint import CheckpointError, atomic
from tfsent.checkpoint.manifest import (
    MANIFEST,
    check_hash,
    manifest_bytes,
    read_manifest,
)
from tfsent.checkpoint.snapshot import open_together
from tfsent.checkpoint.strict_json import brief, json_bytes, parse_object
from tfsent.checkpoint.tensor_file import read_header, read_tensors, tensor_chunks
from tfsent.transfer.classifier import KINDS

TENSORS = "weights.safetensors"
VOCABULARY = "vocabulary.json"

_DTYPES = ("F64", "F32")
_MAX_VOCABULARY_BYTES = 2**32


@dataclass(frozen=True)
class Content:
    """What a folder holds."""

    arrays: dict[str, np.ndarray]
    """float64 or float32, by name."""
    words: dict[str, list[str]]
    """Lists of different texts, by name."""
    facts: dict[str, Any]
    """JSON values: "classes", "kind", "figures" and others."""


def write_folder(folder: str | PathLike[str], format: str, content: Content) -> Path:
    """Write what a folder shall hold and return it.

    A kill leaves the old content, a folder that is refused when read, or the new.

    Args:
        folder: Where to; created if missing.
        format: Name of the kind of classifier.
        content: What to write.

    Raises:
        OSError: If the disk refuses; names the file.
        CheckpointError: If an array holds NaN or infinity.
    """
    folder = Path(folder).expanduser()
    atomic.make_folder(folder)
    atomic.discard_file(folder / MANIFEST)
    chunks = tensor_chunks(content.arrays, {}, _DTYPES, folder / TENSORS)
    files = {
        TENSORS: atomic.replace_file(folder / TENSORS, chunks),
        VOCABULARY: atomic.replace_file(
            folder / VOCABULARY, [json_bytes(content.words)]
        ),
    }
    manifest = manifest_bytes(files, format=format, **content.facts)
    atomic.replace_file(folder / MANIFEST, [manifest])
    return folder


def read_folder(
    folder: str | PathLike[str], format: str, names: Sequence[str]
) -> Content:
    """Return what `write_folder` wrote.

    Args:
        folder: Where it lies.
        format: Name of the kind of classifier that is wanted.
        names: Of the facts that must be there, and no others.

    Raises:
        CheckpointError: If it holds no sound one; names the file.
    """
    folder = Path(folder).expanduser()
    with open_together(folder, [TENSORS, VOCABULARY, MANIFEST]) as files:
        manifest = read_manifest(files[MANIFEST])
        facts = dict(manifest.facts)
        path = files[MANIFEST].path
        if facts.pop("format", None) != format:
            raise CheckpointError(path, f"is not about a {format} classifier.")
        facts.pop("format_version")
        if set(facts) != set(names):
            odd = sorted(set(facts) ^ set(names))
            raise CheckpointError(path, f"lacks or has too much: {brief(odd)}.")
        header = read_header(files[TENSORS], _DTYPES)
        arrays = read_tensors(files[TENSORS], header)
        check_hash(files[TENSORS], manifest)
        data = files[VOCABULARY].read_whole(_MAX_VOCABULARY_BYTES)
        check_hash(files[VOCABULARY], manifest)
        words = parse_object(data, files[VOCABULARY].path)
        _check_words(words, files[VOCABULARY].path)
    _check_classes(facts, path)
    return Content(arrays, words, facts)


def check_arrays(
    folder: str | PathLike[str],
    arrays: Mapping[str, np.ndarray],
    shapes: Mapping[str, tuple[int, ...]],
    narrow: Sequence[str] = (),
) -> None:
    """Refuse arrays that have not just these names and shapes.

    Args:
        folder: Where they lie.
        arrays: What was read.
        shapes: What is wanted, float64.
        narrow: Names of those that are float32.

    Raises:
        CheckpointError: If one is not.
    """
    found = {name: (array.dtype.name, array.shape) for name, array in arrays.items()}
    wanted = {
        name: ("float32" if name in narrow else "float64", shape)
        for name, shape in shapes.items()
    }
    if found != wanted:
        path = Path(folder).expanduser() / TENSORS
        raise CheckpointError(
            path, f"holds {brief(found)}; {brief(wanted)} were expected."
        )


def num_outputs(facts: Mapping[str, Any]) -> int:
    """Return K: 1 for two classes, else how many classes or labels there are."""
    return 1 if facts["kind"] == "binary" else len(facts["classes"])


def _check_words(words: dict[str, Any], path: Path) -> None:
    for name, entries in words.items():
        if not isinstance(entries, list) or not all(
            isinstance(entry, str) and entry for entry in entries
        ):
            raise CheckpointError(path, f"{brief(name)} is no list of words.")
        if len(set(entries)) < len(entries):
            raise CheckpointError(path, f"{brief(name)} holds a word twice.")


def _check_classes(facts: Mapping[str, Any], path: Path) -> None:
    classes, kind = facts["classes"], facts["kind"]
    if kind not in KINDS:
        raise CheckpointError(path, f"kind is {brief(kind)}.")
    least = 1 if kind == "multilabel" else 2
    if (
        not isinstance(classes, list)
        or not all(isinstance(name, str) for name in classes)
        or len(set(classes)) < max(least, len(classes))
        or (kind == "binary" and len(classes) != 2)
    ):
        raise CheckpointError(path, f"classes are {brief(classes)}.")
    if not isinstance(facts["figures"], dict):
        raise CheckpointError(path, "figures are no JSON object.")
