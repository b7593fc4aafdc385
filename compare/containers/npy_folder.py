"""A folder of .npy files, `0.npy` and on, as OpenAI published its weights."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from compare.containers.container import Container
from compare.containers.npy_stream import array_bytes, read_array
from tfsent.checkpoint import CheckpointError, atomic
from tfsent.checkpoint.snapshot import OpenFile, open_together

KIND = "npy-folder"

HEADERS = "npy_headers"
"""Fact: name to the header of its file, so that it comes back byte for byte."""

_MAX_FILES = 256


def matches(path: Path) -> bool:
    """Return whether `path` is a folder that holds a `0.npy`."""
    return path.is_dir() and os.path.lexists(path / "0.npy")


def read(path: Path) -> Container:
    """Return every .npy file of the folder, named without the ending.

    Raises:
        CheckpointError: If one is a link, no sound .npy, or holds objects.
    """
    try:
        names = sorted(p.name for p in path.iterdir() if p.suffix == ".npy")
    except OSError as error:
        raise CheckpointError(path, f"cannot be read: {error.strerror}.") from error
    if len(names) > _MAX_FILES:
        raise CheckpointError(path, f"holds {len(names)} .npy files.")
    arrays, headers = {}, {}
    with open_together(path, names) as files:
        for name, file in files.items():
            found = read_array(_reader(file), file.size, name, file.path)
            arrays[Path(name).stem] = found.values
            headers[Path(name).stem] = found.header.decode("latin-1")
    return Container(KIND, arrays, {HEADERS: headers}, path)


def write(path: Path, container: Container) -> None:
    """Write one .npy file an array into a new folder.

    Raises:
        CheckpointError: If `path` is taken.
        OSError: If the disk refuses.
    """
    if os.path.lexists(path):
        raise CheckpointError(path, "exists; name a folder that does not.")
    headers = container.facts.get(HEADERS, {})
    atomic.make_folder(path.parent)
    with atomic.new_folder(path) as draft:
        for name, values in container.arrays.items():
            header = headers.get(name)
            known = header.encode("latin-1") if header is not None else None
            draft.write(f"{name}.npy", array_bytes(values, known))


def _reader(file: OpenFile) -> Callable[[int], bytes]:
    return lambda count: file.read(min(count, file.left))
