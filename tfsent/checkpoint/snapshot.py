"""Files of one folder, opened together: what a reader sees belongs together.

A run goes on while others read it: a checkpoint is pruned, the best one is
replaced. Readers take no lock. They open all the files first and read then;
an open file keeps its content, whatever happens to its name.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tfsent.checkpoint.atomic import CHUNK_BYTES
from tfsent.checkpoint.errors import CheckpointError

BEST = "best"
"""Name of the checkpoint with the lowest validation BPC."""

BEST_BEFORE = "best.before"
"""Name that the best checkpoint has for the moment in which a better one takes over."""

MAX_FILE_BYTES = 2**36
"""Most bytes of a file that is read: 64 GiB, 17 times the state of 8192 units."""

_TRIES = 100
_PAUSE_S = 0.005

Identity = tuple[int, int]


class OpenFile:
    """A regular file opened for reading, with the hash of what was read so far.

    Attributes:
        path: Its path, for messages.
        size: Its length in bytes when it was opened.
        left: Bytes not yet read.
    """

    def __init__(self, path: Path, name: str, folder: int) -> None:
        """Open `name` in the folder with descriptor `folder`.

        Raises:
            FileNotFoundError: If there is no such file.
            CheckpointError: If it is a link, no regular file, or closed to us.
        """
        self.path = path
        try:
            # No links: they could lead out of the folder. Non-blocking: opening a
            # pipe would wait for ever.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            descriptor = os.open(name, flags, dir_fd=folder)
        except FileNotFoundError:
            raise
        except OSError as error:
            kind = "is a link" if os.path.islink(path) else error.strerror
            raise CheckpointError(path, f"cannot be opened: {kind}.") from error
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            os.close(descriptor)
            raise CheckpointError(path, "is no regular file.")
        self._file = os.fdopen(descriptor, "rb", buffering=0)
        self.identity: Identity = (facts.st_dev, facts.st_ino)
        self.size = self.left = facts.st_size
        self._digest = hashlib.sha256()

    def close(self) -> None:
        """Close the file; closing twice does no harm."""
        self._file.close()

    def fill(self, view: memoryview) -> None:
        """Read the next `len(view)` bytes into `view`.

        Raises:
            CheckpointError: If the file ends before, or the disk fails.
        """
        while len(view) > 0:
            try:
                count = self._file.readinto(view[:CHUNK_BYTES])
            except OSError as error:
                reason = f"cannot be read: {error.strerror}."
                raise CheckpointError(self.path, reason) from error
            if not count:
                raise CheckpointError(self.path, "ends too early.")
            self._digest.update(view[:count])
            self.left -= count
            view = view[count:]

    def read(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        data = bytearray(count)
        self.fill(memoryview(data))
        return bytes(data)

    def read_whole(self, limit: int) -> bytes:
        """Return the whole file, refused above `limit` bytes."""
        if self.size > limit:
            reason = f"has {self.size} bytes; at most {limit} are read."
            raise CheckpointError(self.path, reason)
        return self.read(self.size)

    def skip_rest(self) -> None:
        """Read the rest for its hash alone."""
        block = memoryview(bytearray(min(CHUNK_BYTES, self.left)))
        while self.left > 0:
            self.fill(block[: self.left])

    def sha256(self) -> str:
        """Return the hash of what was read so far, in hex."""
        return self._digest.hexdigest()


@contextmanager
def open_together(
    folder: Path, required: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[dict[str, OpenFile]]:
    """Open files of `folder` as they stood at one moment.

    All are opened, then every name is looked at again: if each still leads to
    the file that was opened, there was a moment at which they stood together.
    Else the folder or a file was replaced meanwhile, and all is done again.

    Yields:
        Name to open file; an optional file that is missing is left out.

    Raises:
        CheckpointError: If the folder or a required file is missing, or cannot be
            opened; names it.
    """
    for _ in range(_TRIES):
        with ExitStack() as stack:
            files = _open_all(folder, (*required, *optional), stack)
            if files is None:
                time.sleep(_PAUSE_S)
                continue
            for name in required:
                if name not in files:
                    raise CheckpointError(folder, f"holds no {name}.")
            for file in files.values():
                if file.size > MAX_FILE_BYTES:
                    reason = f"has {file.size} bytes; most is {MAX_FILE_BYTES}."
                    raise CheckpointError(file.path, reason)
            yield files
            return
    raise CheckpointError(folder, "keeps changing while it is read; try again.")


def _open_all(
    folder: Path, names: Sequence[str], stack: ExitStack
) -> dict[str, OpenFile] | None:
    """Return the files that are there, or None if a name changed meanwhile."""
    descriptor, path = _open_folder(folder)
    stack.callback(os.close, descriptor)
    files: dict[str, OpenFile] = {}
    for name in names:
        try:
            files[name] = OpenFile(path / name, name, descriptor)
        except FileNotFoundError:
            continue
        stack.callback(files[name].close)
    if _identity(path) != _identity(descriptor):
        return None
    for name in names:
        now = _identity(name, descriptor)
        if now != (files[name].identity if name in files else None):
            return None
    return files


def _open_folder(folder: Path) -> tuple[int, Path]:
    candidates = [folder]
    if folder.name == BEST:
        # A better one may be taking over: then the one before still has its other
        # name, or has lost it because the new one is in its place by now.
        candidates += [folder.with_name(BEST_BEFORE), folder]
    for path in candidates:
        try:
            return os.open(path, os.O_RDONLY | os.O_DIRECTORY), path
        except FileNotFoundError:
            continue
        except OSError as error:
            reason = f"cannot be opened: {error.strerror}."
            raise CheckpointError(folder, reason) from error
    raise CheckpointError(folder, "there is no such folder.")


def _identity(name: Path | str | int, folder: int | None = None) -> Identity | None:
    try:
        facts = os.stat(name, dir_fd=folder)
    except OSError:
        return None
    return facts.st_dev, facts.st_ino
