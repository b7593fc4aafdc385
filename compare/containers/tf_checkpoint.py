"""TensorFlow's own checkpoint: a prefix with `.index` and `.data-00000-of-00001`.

Read by `tf.train.load_checkpoint`: named arrays alone, no graph is built and nothing
is run. Names are those of the objects, parted by "/", without TensorFlow's suffix.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from compare.containers.container import Container
from compare.containers.values import require_finite
from tfsent.checkpoint import CheckpointError
from tfsent.checkpoint.strict_json import brief

KIND = "tf-checkpoint"

_INDEX = ".index"
_DATA = re.compile(r"\.data-[0-9]{5}-of-[0-9]{5}")
_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_KINDS = "biuf"


def matches(path: Path) -> bool:
    """Return whether `path` is such a prefix, or its `.index` file."""
    # "." and "/" have no name to add anything to.
    return bool(path.name) and _index_of(path).is_file()


def read(path: Path) -> Container:
    """Return the variables.

    Raises:
        CheckpointError: If a file is a link or missing, a variable is larger than the
            files, no number, NaN or infinite, or TensorFlow cannot read it.
    """
    index = _index_of(path)
    size = _files_size(index)
    # Here, not above: containers of other kinds need no TensorFlow. Torch first: the
    # model may be asked for its gate order next, and that is the order that works.
    import tensorflow as tf
    import torch  # noqa: F401

    prefix = str(index)[: -len(_INDEX)]
    arrays: dict[str, np.ndarray] = {}
    try:
        reader = tf.train.load_checkpoint(prefix)
        types = reader.get_variable_to_dtype_map()
        for name, shape in sorted(reader.get_variable_to_shape_map().items()):
            if name == _GRAPH:
                reader.get_tensor(name)  # For its checksum alone; not parsed.
                continue
            dtype = types[name].as_numpy_dtype
            if np.dtype(dtype).kind not in _KINDS and types[name] != tf.bfloat16:
                raise CheckpointError(path, f"{brief(name)} has type {types[name]}.")
            size -= math.prod(shape) * types[name].size
            if size < 0:
                reason = f"{brief(name)} has shape {shape}, more than the files."
                raise CheckpointError(path, reason)
            array = np.asarray(reader.get_tensor(name))
            require_finite(array, name, path)
            arrays[name.removesuffix(_SUFFIX)] = array
    except CheckpointError:
        raise
    except Exception as error:
        # TensorFlow raises its own kinds, and RuntimeError from below Python.
        first = (str(error).splitlines() or [""])[0]
        reason = f"is no sound TensorFlow checkpoint ({first[:200]})."
        raise CheckpointError(path, reason) from error
    return Container(KIND, arrays, {}, path)


def write(path: Path, container: Container) -> Any:
    """Refuse: nothing here writes this kind.

    Raises:
        CheckpointError: Always.
    """
    raise CheckpointError(path, "TensorFlow's own checkpoints are read, not written.")


def _index_of(path: Path) -> Path:
    return path if path.suffix == _INDEX else path.with_name(path.name + _INDEX)


def _files_size(index: Path) -> int:
    """Return the bytes of all files of a checkpoint, links refused."""
    stem = index.name[: -len(_INDEX)]
    files = [index]
    for entry in sorted(index.parent.iterdir()):
        if entry.name.startswith(stem) and _DATA.fullmatch(entry.name[len(stem) :]):
            files.append(entry)
    if len(files) == 1:
        raise CheckpointError(index, "has no file of data beside it.")
    for file in files:
        if file.is_symlink() or not file.is_file():
            raise CheckpointError(file, "is a link or no regular file.")
    return sum(file.stat().st_size for file in files)
