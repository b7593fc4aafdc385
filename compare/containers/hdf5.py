"""HDF5 files of arrays, such as Keras's `.weights.h5`.

A file may hold groups and plain arrays, each in one place, and nothing else: no soft
or external links, no external or virtual data sets (they read other files), no
filters (a small file could unpack to a large array), no objects.

Of the attributes, those are read in which Keras 1 and 2 say the order of layers and
weights, and which Keras wrote the file: texts and lists of texts. Others are not
looked at.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from compare.containers.container import Container
from compare.containers.plain_file import first_bytes, open_plain
from compare.containers.values import require_finite
from tfsent.checkpoint import CheckpointError, write_model_file
from tfsent.checkpoint.strict_json import brief

KIND = "hdf5"

TEXTS = "texts"
"""Fact: name of a group ("" for the file) to its attributes that are read."""

ATTRIBUTES = ("layer_names", "weight_names", "keras_version", "backend")

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_KINDS = "biuf"
_MAX_DEPTH, _MAX_OBJECTS = 16, 100_000
_MAX_TEXTS_BYTES = 2**24


def matches(path: Path) -> bool:
    """Return whether `path` starts as an HDF5 file does."""
    return first_bytes(path, 8) == _SIGNATURE


def read(path: Path) -> Container:
    """Return the arrays, the names of their groups joined by ".", and Keras's texts.

    Raises:
        CheckpointError: If the file holds anything but plain arrays, NaN, infinity,
            or is not sound.
    """
    with open_plain(path) as (file, size):
        found = _read(file, size, path)
    facts = {TEXTS: found.texts} if found.texts else {}
    return Container(KIND, found.arrays, facts, path)


def write(path: Path, container: Container) -> None:
    """Write the arrays; a "." in a name parts groups.

    Raises:
        OSError: If the disk refuses.
    """

    def save(name: str) -> None:
        with open(name, "wb") as file:
            file.write(arrays_bytes(container.arrays, texts=container.facts.get(TEXTS)))

    write_model_file(path, save)


def read_arrays(file: BinaryIO, size: int, path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an open HDF5 file of `size` bytes.

    Raises:
        CheckpointError: As `read`; names `path`.
    """
    return _read(file, size, path).arrays


def _read(file: BinaryIO, size: int, path: Path) -> _Arrays:
    found = _Arrays(size, path)
    try:
        with h5py.File(file, "r") as root:
            found.walk("", root, 0)
    except CheckpointError:
        raise
    except Exception as error:
        # The library raises whatever the content makes it stumble over.
        first = (str(error).splitlines() or [""])[0]
        reason = f"is no sound HDF5 file ({type(error).__name__}: {first[:200]})."
        raise CheckpointError(path, reason) from error
    return found


def arrays_bytes(
    arrays: Mapping[str, np.ndarray],
    attributes: Mapping[str, str] | None = None,
    texts: Mapping[str, Mapping[str, str | list[str]]] | None = None,
) -> bytes:
    """Return an HDF5 file of arrays.

    Args:
        arrays: Names to arrays; a "." parts groups.
        attributes: Group to the text of its attribute `name`; the group is made.
        texts: Group to its other attributes.
    """
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as root:
        for name, text in (attributes or {}).items():
            root.require_group(name.replace(".", "/")).attrs["name"] = text
        for name, values in (texts or {}).items():
            group = root.require_group(name.replace(".", "/")) if name else root
            for key, value in values.items():
                # Bytes of a fixed length, as Keras 1 and 2 have them.
                group.attrs[key] = np.array(
                    value.encode()
                    if isinstance(value, str)
                    else [text.encode() for text in value]
                )
        for name, array in arrays.items():
            root.create_dataset(name.replace(".", "/"), data=np.asarray(array))
    return buffer.getvalue()


class _Arrays:
    """Collects the arrays of a file, whose bytes they must share."""

    def __init__(self, size: int, path: Path) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.texts: dict[str, dict[str, str | list[str]]] = {}
        self._budget = size
        self._text_budget = min(size, _MAX_TEXTS_BYTES)
        self._path = path
        self._seen: set[int] = set()

    def walk(self, prefix: str, group: Any, depth: int) -> None:
        """Take what a group holds."""
        texts = {
            key: self._texts(prefix, key, group.attrs.get_id(key))
            for key in ATTRIBUTES
            if key in group.attrs
        }
        if texts:
            self.texts[prefix] = texts
        for key in group:
            name = f"{prefix}.{key}" if prefix else str(key)
            kind = type(group.get(key, getlink=True))
            if kind is not h5py.HardLink:
                raise self._refuse(name, f"is a {kind.__name__}, which may lead out")
            member = group[key]
            # A group inside itself has no end; an array in two places is no weight.
            address = h5py.h5o.get_info(member.id).addr
            if address in self._seen or depth > _MAX_DEPTH:
                raise self._refuse(name, "is given twice or nested too deep")
            self._seen.add(address)
            if len(self._seen) > _MAX_OBJECTS:
                raise self._refuse(name, "is one of too many")
            if isinstance(member, h5py.Group):
                self.walk(name, member, depth + 1)
            elif isinstance(member, h5py.Dataset):
                self.arrays[name] = self._array(name, member)
            else:
                raise self._refuse(name, f"is a {type(member).__name__}, no array")

    def _texts(self, group: str, key: str, attribute: Any) -> str | list[str]:
        """Return an attribute, judged by its type and size before it is read."""
        name = f"{key} of {group or 'the file'}"
        if attribute.shape is None:
            raise self._refuse(name, "is empty")
        count = math.prod(attribute.shape)
        if not count and len(attribute.shape) == 1:
            return []  # Keras writes an empty list as numbers.
        kind = h5py.check_string_dtype(attribute.dtype)
        self._text_budget -= attribute.get_storage_size()
        if kind is None or len(attribute.shape) > 1 or self._text_budget < 0:
            raise self._refuse(name, "is no list of names")
        array = np.empty(attribute.shape, attribute.dtype)
        attribute.read(array)
        found = [
            text.decode("utf-8") if isinstance(text, bytes) else str(text)
            for text in array.reshape(-1).tolist()
        ]
        return found if array.ndim else found[0]

    def _array(self, name: str, data: Any) -> np.ndarray:
        if name in self.arrays:
            raise self._refuse(name, "is given twice")
        if data.external or data.is_virtual:
            raise self._refuse(name, "has its data in another file")
        if data.id.get_create_plist().get_nfilters():
            raise self._refuse(name, "is packed by filters, which weights never are")
        if data.dtype.kind not in _KINDS or data.dtype.itemsize > 8:
            raise self._refuse(name, f"has type {data.dtype}, which no weight has")
        if data.shape is None:
            raise self._refuse(name, "is empty")
        self._budget -= data.nbytes
        if self._budget < 0:
            raise self._refuse(name, f"has shape {data.shape}, more than the file")
        array = np.asarray(data[()], order="C")
        require_finite(array, name, self._path)
        return array

    def _refuse(self, name: str, reason: str) -> CheckpointError:
        return CheckpointError(self._path, f"{brief(name)} {reason}.")
