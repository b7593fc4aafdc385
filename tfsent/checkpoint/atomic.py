"""Files and folders that appear whole or not at all; every disk write of a checkpoint.

The order on disk is always: write under a temporary name, sync the file, sync
its folder, rename, sync the parent folder. A kill or a power cut at any moment
leaves the old content, the new content, or the old one beside a temporary name.

A temporary name carries its writer (host start, process, process start), so
that the next run removes what dead writers left and nothing else.

Every error is an `OSError` that names the final path, never the temporary one.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from tfsent.checkpoint.liveness import host_start, process_start
from tfsent.path_errors import naming

CHUNK_BYTES = 8 * 2**20
"""Portion in which files are written, copied and hashed, in bytes."""

_TEMPORARY = re.compile(r"\.tmp-([0-9a-f]{8})-([0-9]{1,10})-([0-9]{1,20})-[0-9]+-.+")
_serial = itertools.count()

Chunk = bytes | memoryview


class FileRecord(NamedTuple):
    """What a manifest says about one file: hash (hex) and size (bytes)."""

    sha256: str
    size: int


class Draft:
    """A folder under a temporary name; its files are hashed while they are written."""

    def __init__(self, final: Path) -> None:
        self.final = final
        self.folder = temporary_path(final)
        self.files: dict[str, FileRecord] = {}

    def write(self, name: str, chunks: Iterable[Chunk]) -> None:
        """Write the new file `name` and sync it to disk."""
        path = self.folder / name
        self.files[name] = _write_new(path, chunks, self.final / name)

    def take(self, source: Path, record: FileRecord) -> None:
        """Take over a finished file of the same name, as a second link where possible.

        A link costs no space and no time (the state at H = 4096 is 1 GB);
        nothing here ever changes a file in place, so sharing is safe.

        Raises:
            OSError: If `source` had to be copied and is no longer as recorded.
        """
        path = self.folder / source.name
        try:
            os.link(source, path)
            self.files[source.name] = record
        except OSError:  # This file system knows no links, or no more of them.
            self.write(source.name, _chunks_of(source))
            if self.files[source.name] != record:
                reason = "changed while it was copied"
                raise OSError(None, reason, str(source)) from None


@contextmanager
def new_folder(final: Path, replaced: Path | None = None) -> Iterator[Draft]:
    """Give a draft whose folder takes the name `final` when the block ends well.

    Whatever ends the block otherwise, the draft is removed and `final` untouched.

    Args:
        final: The name; free, unless `replaced` is given.
        replaced: Free name beside it for the folder that is called `final` till
            then. Between the two renames nothing is called `final`.

    Raises:
        OSError: If the disk refuses, or `final` is taken.
    """
    draft = Draft(final)
    try:
        with naming(final, always=True):
            os.mkdir(draft.folder)
        yield draft
        with naming(final, always=True):
            _sync_folder(draft.folder)
            if replaced is None or not final.exists():
                os.rename(draft.folder, final)
            else:
                _swap_in(draft.folder, final, replaced)
    except BaseException:
        shutil.rmtree(draft.folder, ignore_errors=True)
        raise
    sync_folder(final.parent)


def replace_file(path: Path, chunks: Iterable[Chunk]) -> FileRecord:
    """Write `path` anew; readers see the old content or the new, never a mixture."""
    draft = temporary_path(path)
    try:
        record = _write_new(draft, chunks, path)
        with naming(path, always=True):
            os.replace(draft, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(draft)
        raise
    sync_folder(path.parent)
    return record


def take_place(draft: Path, path: Path) -> None:
    """Give a file that others wrote under a temporary name its name, synced to disk."""
    with naming(path, always=True):
        file = os.open(draft, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
        os.replace(draft, path)
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Create `folder` and what is missing above it, and sync each new name."""
    missing = [f for f in (folder, *folder.parents) if not f.exists()]
    for new in reversed(missing):
        with naming(new, always=True):
            os.makedirs(new, exist_ok=True)
        sync_folder(new.parent)


def rename_folder(source: Path, target: Path) -> None:
    """Give the folder `source` the free name `target`, and sync its new parent."""
    with naming(source, always=True):
        os.rename(source, target)
    sync_folder(target.parent)


def discard_folder(folder: Path) -> None:
    """Remove `folder`, which disappears for readers before its files do.

    Not synced: what a power cut brings back is a checkpoint more, and one whose
    files are partly gone does not count.
    """
    doomed = temporary_path(folder)
    with naming(folder, always=True):
        os.rename(folder, doomed)
        shutil.rmtree(doomed)


def discard_file(path: Path) -> None:
    """Remove `path` if it is there, and sync its folder."""
    with naming(path, always=True):
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
    sync_folder(path.parent)


def remove_leftovers(folder: Path) -> list[str]:
    """Remove what dead writers left under temporary names in `folder`.

    Call it with the run's lock held: a name from before this host's last start
    (or from another host) then cannot belong to a living writer.

    Returns:
        The names removed, sorted.
    """
    removed = []
    for entry in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = _TEMPORARY.fullmatch(entry.name)
        if match is None or _alive(*match.groups()):
            continue
        with naming(entry, always=True):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                os.unlink(entry)
        removed.append(entry.name)
    return removed


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut."""
    with naming(folder, always=True):
        _sync_folder(folder)


def temporary_path(final: Path) -> Path:
    """Return a new hidden name beside `final` that carries this process."""
    pid = os.getpid()
    writer = f"{host_start()}-{pid}-{process_start(pid) or 0}"
    return final.with_name(f".tmp-{writer}-{next(_serial)}-{final.name}")


def _write_new(path: Path, chunks: Iterable[Chunk], final: Path) -> FileRecord:
    digest = hashlib.sha256()
    size = 0
    with naming(final, always=True):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            for chunk in chunks:
                view = memoryview(chunk).cast("B")
                digest.update(view)
                size += len(view)
                while len(view) > 0:  # The system may take a part only.
                    view = view[os.write(file, view) :]
            os.fsync(file)
        finally:
            os.close(file)
    return FileRecord(digest.hexdigest(), size)


def _swap_in(draft: Path, final: Path, replaced: Path) -> None:
    os.rename(final, replaced)
    try:
        os.rename(draft, final)
    except OSError:
        os.rename(replaced, final)
        raise


def _chunks_of(path: Path) -> Iterator[bytes]:
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _alive(host: str, pid: str, start: str) -> bool:
    return host == host_start() and process_start(int(pid)) == int(start)
