"""PyTorch's own files (.pt, .pth, .bin, .ckpt), zip or the older pickle stream.

Always through `torch.load(weights_only=True)`: nothing in a file is run, and a class it
names is either an inert stand-in (`stand_ins.py`) or refused (`pickle_stream.py`). The
zip archive is judged before: torch.save compresses nothing, so its members cannot be
larger than the file, and their checksums, which torch.load does not look at, must hold.
The older stream has none: damage inside its tensors goes unnoticed.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import torch

from compare.containers.container import Container
from compare.containers.pickle_stream import checked
from compare.containers.plain_file import first_bytes, open_plain
from compare.containers.stand_ins import ADMITTED
from compare.containers.tensor_tree import flatten, nest
from tfsent.checkpoint import CheckpointError, write_model_file
from tfsent.checkpoint.strict_json import brief

KIND = "torch"

_MAX_MEMBERS = 100_000
_MAX_HEAD_BYTES = 2**26

_PICKLES = 5
"""Those of the older stream: magic number, version, machine, content, names of data."""

_PICKLE = re.compile(rb"\x80[\x00-\x05]")


def matches(path: Path) -> bool:
    """Return whether `path` is a file that torch.save, of any age, could have made."""
    start = first_bytes(path, 512)
    if start.startswith(b"PK\x03\x04"):
        return any(_last(name) == "data.pkl" for name in _member_names(path))
    return bool(_PICKLE.match(start)) or _is_tar(start)


def read(path: Path) -> Container:
    """Return the tensors and plain values of a file, nested names joined by ".".

    bfloat16 and float16 stay what they are. Modules that a file pickled whole come
    back as their parameters, under their names in a state dict.

    Raises:
        CheckpointError: If the file names a class or function beyond those admitted
            (says which), holds NaN or infinity, or is not sound.
    """
    with open_plain(path) as (file, size):
        start = file.read(512)
        if _is_tar(start):
            raise CheckpointError(
                path,
                "is a tar archive, the oldest form of PyTorch's files, which no safe "
                "reader reads; save it again with a newer one.",
            )
        file.seek(0)
        if start.startswith(b"PK\x03\x04"):
            checked(_archived(file, size, path), 1, path)
            file.seek(0)
        else:
            file = _readable(file, path)
        content = _load(file, path)
    tree = flatten(content, size, path)
    return Container(KIND, tree.arrays, tree.facts, path, tree.nesting, tree.namespaces)


def write(path: Path, container: Container) -> None:
    """Write nested plain dictionaries of tensors (and a Namespace where one was).

    Raises:
        CheckpointError: If an array has a type that PyTorch does not know.
        OSError: If the disk refuses.
    """
    tree = nest(container, path)

    def save(name: str) -> None:
        # Through a file: torch.save would write a path's temporary name into it.
        with open(name, "wb") as file:
            torch.save(tree, file)

    write_model_file(path, save)


def _readable(file: BinaryIO, path: Path) -> BinaryIO:
    """Return the older stream, or the same with classes of modules made readable."""
    head = file.read(_MAX_HEAD_BYTES)
    changed = checked(head, _PICKLES, path)
    if changed is None:
        file.seek(0)
        return file
    return io.BytesIO(changed + file.read())


def _load(file: BinaryIO, path: Path) -> Any:
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(ADMITTED):
            warnings.simplefilter("ignore")
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        # The content decides which error it is: key, index, type, struct, ...
        _, _, told = str(error).rpartition("WeightsUnpickler error:")
        line = (told.strip().splitlines() or [type(error).__name__])[0][:200]
        raise CheckpointError(path, f"is no sound PyTorch file ({line}).") from error


def _archived(file: BinaryIO, size: int, path: Path) -> bytes:
    """Return the pickle in a zip archive that is sound and no larger than it is."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if len(members) > _MAX_MEMBERS:
                reason = f"has {len(members)} members; most is {_MAX_MEMBERS}."
                raise CheckpointError(path, reason)
            names = [member.filename for member in members]
            if len(set(names)) < len(names):
                raise CheckpointError(path, "has a member twice.")
            if any(_last(name) == "constants.pkl" for name in names):
                raise CheckpointError(path, "is a TorchScript program, no weights.")
            if any(m.compress_type != zipfile.ZIP_STORED for m in members) or (
                sum(member.file_size for member in members) > size
            ):
                reason = "has compressed members, which torch.save never makes."
                raise CheckpointError(path, reason)
            pickles = [name for name in names if _last(name) == "data.pkl"]
            if len(pickles) != 1:
                raise CheckpointError(path, f"has {len(pickles)} members data.pkl.")
            damaged = archive.testzip()
            if damaged is not None:
                reason = f"its member {brief(damaged)} is damaged."
                raise CheckpointError(path, reason)
            return archive.read(pickles[0])
    except CheckpointError:
        raise
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise CheckpointError(path, f"is no sound zip archive ({error}).") from error
    except (OSError, RuntimeError, ValueError) as error:
        raise CheckpointError(path, f"cannot be read ({error}).") from error


def _member_names(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return ["data.pkl"]  # A torn archive: reading will say what is wrong.


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _is_tar(start: bytes) -> bool:
    return start[257:262] == b"ustar"
