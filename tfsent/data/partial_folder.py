"""A folder being filled: held by one process; removed once its owner is long dead."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LEFTOVER = re.compile(r"\.[0-9a-f]{64}\.partial")
_LEFTOVER_S = 24 * 3600

_log = logging.getLogger(__name__)


@contextmanager
def claimed(partial: Path) -> Iterator[bool]:
    """Hold a folder against other processes; tell whether it is still in its place.

    The lock is one of the kernel's on the folder itself: it ends with the process,
    however that ends, moves along when the folder is renamed, and leaves no file.
    """
    partial.mkdir(exist_ok=True)
    try:
        descriptor = os.open(partial, os.O_RDONLY)
    except FileNotFoundError:  # Renamed by its owner between the two calls.
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _log.warning("another process prepares %s; waiting for it", partial)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield _is_in_place(descriptor, partial)
    finally:
        os.close(descriptor)


def _is_in_place(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def remove_leftovers(folder: Path, but: Path) -> None:
    """Remove what dead preparations left in the cache a day ago or longer.

    A younger one may yet be gone on with.

    Args:
        folder: Where they lie; nothing else in it is touched.
        but: The one that is about to be gone on with.
    """
    for path in folder.iterdir():
        if not _LEFTOVER.fullmatch(path.name) or path == but:
            continue
        try:
            old = time.time() - path.stat().st_mtime > _LEFTOVER_S
            descriptor = os.open(path, os.O_RDONLY) if old else None
        except FileNotFoundError:
            continue
        if descriptor is not None:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_in_place(descriptor, path):
                    shutil.rmtree(path)
            except BlockingIOError:
                pass
            finally:
                os.close(descriptor)
