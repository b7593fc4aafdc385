"""Which kind of container a path is, told by its content and not by its name.

Every kind is a module of this folder, imported on demand (torch, h5py and
TensorFlow stay out until needed), with four names:

- `KIND`: what `Container.kind` says;
- `matches(path) -> bool`: whether `path` is of this kind. Reads a few bytes only;
  for what does not exist or cannot be opened it says False;
- `read(path) -> Container`: `CheckpointError` with the path for anything unsound;
- `write(path, container) -> None`: appears whole or not at all.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

from compare.containers.container import Container
from tfsent.checkpoint import CheckpointError

KINDS = {
    "classifier-run": "classifier_run",
    "run": "run",
    "npy-folder": "npy_folder",
    "tf-checkpoint": "tf_checkpoint",
    "keras": "keras_file",
    "npz": "npz",
    "torch": "torch_file",
    "hdf5": "hdf5",
    "safetensors": "safetensors_file",
}
"""Kind to the module that reads and writes it, in the order in which they are tried.

A .keras, an .npz and a .pt file are all zip archives: each is known by its members.
"""


def read(path: Path) -> Container:
    """Return what lies at `path`.

    Raises:
        CheckpointError: If there is nothing, nothing known, or nothing sound.
    """
    path = Path(path)
    for kind in KINDS:
        module = _module(kind)
        if module is not None and module.matches(path):
            return module.read(path)
    if not path.exists() and not path.is_symlink():
        raise CheckpointError(path, "there is no such file or folder.")
    raise CheckpointError(path, f"is none of {', '.join(KINDS)}.")


def write(path: Path, container: Container) -> None:
    """Write `container` to `path`, as the kind it says; whole or not at all.

    Raises:
        CheckpointError: If the kind cannot hold what is in it.
        OSError: If the disk refuses.
    """
    module = _module(container.kind)
    if module is None:
        raise CheckpointError(path, f"nothing here writes {container.kind!r}.")
    module.write(Path(path), container)


def _module(kind: str) -> ModuleType | None:
    name = f"compare.containers.{KINDS[kind]}" if kind in KINDS else ""
    if not name or importlib.util.find_spec(name) is None:
        return None
    return importlib.import_module(name)
