"""NumPy's .npz: a zip archive of .npy members."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from compare.containers.container import Container
from compare.containers.npy_stream import array_bytes, read_array
from compare.containers.plain_file import first_bytes, open_plain
from tfsent.checkpoint import CheckpointError, atomic
from tfsent.checkpoint.strict_json import brief
from tfsent.path_errors import naming

KIND = "npz"

_MAX_MEMBERS = 10_000
_MAX_RATIO = 50
_FREE_BYTES = 2**24
_EPOCH = (1980, 1, 1, 0, 0, 0)


def matches(path: Path) -> bool:
    """Return whether `path` is a zip archive of .npy members and nothing else."""
    if not first_bytes(path, 4).startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)


def read(path: Path) -> Container:
    """Return the arrays, named as `numpy.load` names them.

    Raises:
        CheckpointError: If a member holds objects, is larger than plausible (16 MiB
            and 50 times the file in all), damaged, or given twice.
    """
    arrays = {}
    with open_plain(path) as (file, size):
        try:
            with zipfile.ZipFile(file) as archive:
                for member in _members(archive, size, path):
                    name = member.filename.removesuffix(".npy")
                    with archive.open(member) as stream:
                        found = read_array(stream.read, member.file_size, name, path)
                        if stream.read(1):
                            raise CheckpointError(path, f"{brief(name)} goes on.")
                    arrays[name] = found.values
        except CheckpointError:
            raise
        except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error) as error:
            raise CheckpointError(path, f"is no sound archive ({error}).") from error
        except (OSError, RuntimeError, ValueError) as error:
            raise CheckpointError(path, f"cannot be read ({error}).") from error
    return Container(KIND, arrays, {}, path)


def write(path: Path, container: Container) -> None:
    """Write the arrays uncompressed, as `numpy.savez` does.

    Raises:
        OSError: If the disk refuses.
    """
    draft = atomic.temporary_path(path)
    try:
        with naming(path, always=True):
            with zipfile.ZipFile(draft, "x", zipfile.ZIP_STORED) as archive:
                for name, values in container.arrays.items():
                    # A fixed date: equal weights make equal files.
                    member = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
                    with archive.open(member, "w", force_zip64=True) as stream:
                        for part in array_bytes(values):
                            stream.write(part)
        atomic.take_place(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _members(
    archive: zipfile.ZipFile, size: int, path: Path
) -> Iterator[zipfile.ZipInfo]:
    members = archive.infolist()
    total = sum(member.file_size for member in members)
    if len(members) > _MAX_MEMBERS or total > _FREE_BYTES + _MAX_RATIO * size:
        reason = f"unpacks to {total} bytes in {len(members)} members; refused."
        raise CheckpointError(path, reason)
    if len({member.filename for member in members}) < len(members):
        raise CheckpointError(path, "has a member twice.")
    yield from members
