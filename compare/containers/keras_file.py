"""Keras's own file (.keras): a zip archive of settings and an HDF5 file of weights.

Read without Keras: nothing in it can be run, whatever layers its settings name.
Written in the form of Keras 3.15 (`keras/src/saving/saving_lib.py`), with one member
more that Keras does not look at: the settings beside the model.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

from compare.containers import hdf5
from compare.containers.container import Container
from compare.containers.plain_file import first_bytes, open_plain
from tfsent.checkpoint import CheckpointError, write_model_file
from tfsent.checkpoint.strict_json import brief, parse_object

KIND = "keras"

OBJECT = "object"
"""Fact: what Keras makes the model of, the archive's `config.json`."""
SETTINGS = "config"
"""Fact: settings beside the model, where this project wrote the file."""
GROUPS = "groups"
"""Fact, to write only: group of weights to the name of its layer."""

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_BESIDE = "tfsent.json"
_MAX_JSON = 2**20
_MAX_RATIO, _FREE_BYTES = 50, 2**24
_EPOCH = (1980, 1, 1, 0, 0, 0)


def matches(path: Path) -> bool:
    """Return whether `path` is a zip archive with Keras's settings and weights."""
    if not first_bytes(path, 4).startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return path.suffix == ".keras"  # A torn archive: reading says what is wrong.
    return path.suffix == ".keras" or {_CONFIG, _METADATA} <= names


def read(path: Path) -> Container:
    """Return the weights by their places in the HDF5 file, and the settings as facts.

    Raises:
        CheckpointError: If the archive holds other members than Keras writes for a
            model, unpacks to more than plausible, or is not sound.
    """
    facts: dict[str, Any] = {}
    with open_plain(path) as (file, size):
        try:
            with zipfile.ZipFile(file) as archive:
                members = _members(archive, size, path)
                facts[OBJECT] = parse_object(archive.read(_CONFIG), path)
                if _BESIDE in members:
                    facts[SETTINGS] = parse_object(archive.read(_BESIDE), path)
                weights = archive.read(_WEIGHTS)
        except CheckpointError:
            raise
        except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error) as error:
            raise CheckpointError(path, f"is no sound archive ({error}).") from error
        except (OSError, RuntimeError, ValueError) as error:
            raise CheckpointError(path, f"cannot be read ({error}).") from error
    arrays = hdf5.read_arrays(io.BytesIO(weights), len(weights), path)
    return Container(KIND, arrays, facts, path)


def write(path: Path, container: Container) -> None:
    """Write the archive, members uncompressed as Keras does.

    Raises:
        OSError: If the disk refuses.
    """
    facts = container.facts
    version = {"keras_version": importlib.metadata.version("keras")}
    members = {
        _METADATA: json.dumps(version).encode(),
        _CONFIG: json.dumps(facts[OBJECT]).encode(),
        _WEIGHTS: hdf5.arrays_bytes(container.arrays, facts.get(GROUPS)),
    }
    if SETTINGS in facts:
        members[_BESIDE] = json.dumps(facts[SETTINGS], allow_nan=False).encode()

    def save(name: str) -> None:
        with zipfile.ZipFile(name, "x", zipfile.ZIP_STORED) as archive:
            for member, content in members.items():
                # A fixed date: equal models make equal files.
                archive.writestr(zipfile.ZipInfo(member, _EPOCH), content)

    write_model_file(path, save)


def _members(archive: zipfile.ZipFile, size: int, path: Path) -> set[str]:
    members = archive.infolist()
    names = [member.filename for member in members]
    unknown = set(names) - {_CONFIG, _METADATA, _WEIGHTS, _BESIDE}
    if unknown or len(set(names)) < len(names):
        shown = brief(sorted(unknown) or names)
        raise CheckpointError(path, f"has members that no model needs: {shown}.")
    for name in (_CONFIG, _WEIGHTS):
        if name not in names:
            raise CheckpointError(path, f"holds no {name}.")
    total = sum(member.file_size for member in members)
    large = any(m.file_size > _MAX_JSON for m in members if m.filename != _WEIGHTS)
    if large or total > _FREE_BYTES + _MAX_RATIO * size:
        raise CheckpointError(path, f"unpacks to {total} bytes; refused.")
    return set(names)
