"""Regular files opened for reading: no links, no pipes, nothing larger than allowed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tfsent.checkpoint import CheckpointError
from tfsent.checkpoint.snapshot import MAX_FILE_BYTES


@contextmanager
def open_plain(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Give the file at `path`, seekable, and its size in bytes.

    Raises:
        CheckpointError: If it is a link, no regular file, too large, or closed to us.
    """
    try:
        # Non-blocking: opening a pipe would wait for ever.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(path, flags)
    except OSError as error:
        kind = "is a link" if os.path.islink(path) else error.strerror
        raise CheckpointError(path, f"cannot be opened: {kind}.") from error
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise CheckpointError(path, "is no regular file.")
        if facts.st_size > MAX_FILE_BYTES:
            reason = f"has {facts.st_size} bytes; most is {MAX_FILE_BYTES}."
            raise CheckpointError(path, reason)
        yield file, facts.st_size


def first_bytes(path: Path, count: int) -> bytes:
    """Return the first bytes of a regular file; none of anything else."""
    # Follows links, so that reading can say that it does not.
    if not path.is_file():
        return b""
    try:
        with open(path, "rb") as file:
            return file.read(count)
    except OSError:
        return b""
