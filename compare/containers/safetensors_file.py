"""A safetensors file of any layout, without a configuration beside it."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes

from compare.containers.container import Container
from compare.containers.plain_file import first_bytes
from tfsent.checkpoint import atomic
from tfsent.checkpoint.snapshot import open_together
from tfsent.checkpoint.strict_json import json_bytes, parse_object
from tfsent.checkpoint.tensor_file import (
    MAX_HEADER_BYTES,
    STATE_DTYPES,
    read_header,
    read_tensors,
    tensor_chunks,
)

KIND = "safetensors"

METADATA = "metadata"
"""Fact: the texts of the header."""

_FACTS = "facts"
_DTYPES = (*STATE_DTYPES, "BF16")


def matches(path: Path) -> bool:
    """Return whether `path` starts as a safetensors file does."""
    start = first_bytes(path, 9)
    length = int.from_bytes(start[:8], "little")
    return start[8:] == b"{" and 2 <= length <= MAX_HEADER_BYTES


def read(path: Path) -> Container:
    """Return the arrays, and as facts the texts of the header.

    Raises:
        CheckpointError: If the file is a link or unsound, or holds NaN or infinity.
    """
    with open_together(path.parent, [path.name]) as files:
        file = files[path.name]
        header = read_header(file, _DTYPES)
        arrays = read_tensors(file, header)
    for name, entry in header.entries.items():
        if entry.dtype == "BF16":
            # Read as float32; exact, and the type must come back.
            arrays[name] = arrays[name].astype(ml_dtypes.bfloat16)
    texts = dict(header.metadata)
    facts = parse_object(texts.pop(_FACTS).encode(), path) if _FACTS in texts else {}
    if texts:
        facts[METADATA] = texts
    return Container(KIND, arrays, facts, path)


def write(path: Path, container: Container) -> None:
    """Write the arrays; the facts go into the header as JSON.

    Raises:
        CheckpointError: If an array has a type that safetensors does not know.
        OSError: If the disk refuses.
    """
    facts = dict(container.facts)
    metadata = dict(facts.pop(METADATA, {}))
    if facts:
        metadata[_FACTS] = json_bytes(facts).decode()
    chunks = tensor_chunks(container.arrays, metadata, _DTYPES, path)
    atomic.replace_file(path, chunks)
