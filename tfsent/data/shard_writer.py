"""Cleaned texts -> the shard files of one split, in a way that can go on after a kill.

At every `checkpoint` the files are on disk, and `state` is what `restore` needs to
go on from exactly there, whatever was written behind it.
"""

from __future__ import annotations

import hashlib
import os
from array import array
from pathlib import Path
from typing import Any

import numpy as np

from tfsent.data.shard_index import FORMAT, INDEX_FILE, canonical_json, index_checksum
from tfsent.path_errors import naming

_FLUSH_BYTES = 2**20

Buffer = bytes | memoryview


class ShardWriter:
    """Appends cleaned texts to shard files; a text is never cut."""

    def __init__(self, folder: Path, shard_bytes: int) -> None:
        """Begin with an empty folder; nothing is written yet.

        Args:
            folder: The split's own folder; it exists.
            shard_bytes: A shard is closed once it holds this many.
        """
        self.folder = folder
        self.num_samples = 0
        self.dropped_empty = 0
        """Texts that came to nothing; counted by whoever drops them."""
        self._shard_bytes = shard_bytes
        self._closed: list[dict[str, Any]] = []
        self._text: _HashedFile | None = None
        self._bounds: _HashedFile | None = None
        self._pending: list[Buffer] = []
        self._pending_bytes = 0
        self._ends = array("q")
        self._bytes = 0
        self._samples = 0

    def append(self, cleaned: Buffer) -> bool:
        """Add a text; return whether that closed a shard."""
        self._pending.append(cleaned)
        self._pending_bytes += len(cleaned)
        self._bytes += len(cleaned)
        self._ends.append(self._bytes)
        self._samples += 1
        self.num_samples += 1
        if self._bytes >= self._shard_bytes:
            self._close_shard()
            return True
        if self._pending_bytes >= _FLUSH_BYTES:
            self._flush()
        return False

    def checkpoint(self) -> dict[str, Any]:
        """Put everything on disk and return the state to go on from.

        Raises:
            OSError: If the disk refuses; it names the file.
        """
        self._flush()
        for file in (self._text, self._bounds):
            if file is not None:
                file.sync()
        sync_folder(self.folder)
        return {
            "closed": self._closed,
            "bytes": self._bytes,
            "samples": self._samples,
            "dropped_empty": self.dropped_empty,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state; what was written behind it is removed.

        Raises:
            ValueError: If the files do not hold what the state says.
        """
        self._closed = list(state["closed"])
        self._bytes = state["bytes"]
        self._samples = state["samples"]
        self.dropped_empty = state["dropped_empty"]
        self.num_samples = self._samples
        keep = set()
        for shard in self._closed:
            self.num_samples += shard["samples"]
            keep |= {f"{shard['name']}.bin", f"{shard['name']}.idx"}
            _require_size(self.folder / f"{shard['name']}.bin", shard["bytes"])
            _require_size(
                self.folder / f"{shard['name']}.idx", 8 * shard["samples"] + 8
            )
        if self._samples:
            keep |= {f"{self._name()}.bin", f"{self._name()}.idx"}
            self._text = _HashedFile(self._path("bin"), self._bytes)
            self._bounds = _HashedFile(self._path("idx"), 8 * self._samples + 8)
        for path in self.folder.iterdir():
            if path.name not in keep:
                path.unlink()

    def finish(self, facts: dict[str, Any]) -> None:
        """Close the last shard and write the index.

        Args:
            facts: What else the index shall state.

        Raises:
            OSError: If the disk refuses; it names the file.
        """
        if self._samples:
            self._close_shard()
        hashes = [shard[f"{kind}_sha256"] for shard in self._closed for kind in _KINDS]
        index = {
            **facts,
            "format": FORMAT,
            "num_samples": self.num_samples,
            "num_bytes": sum(shard["bytes"] for shard in self._closed),
            "dropped_empty": self.dropped_empty,
            "fingerprint": hashlib.sha256("".join(hashes).encode()).hexdigest(),
            "shards": self._closed,
        }
        index["checksum"] = index_checksum(index)
        write_file(self.folder / INDEX_FILE, canonical_json(index) + b"\n")

    def close(self) -> None:
        """Let go of open files; what is pending is not written."""
        for file in (self._text, self._bounds):
            if file is not None:
                file.close()
        self._text = self._bounds = None

    def _name(self) -> str:
        return f"shard-{len(self._closed):05d}"

    def _path(self, kind: str) -> Path:
        return self.folder / f"{self._name()}.{kind}"

    def _flush(self) -> None:
        if not self._pending:
            return
        if self._text is None or self._bounds is None:
            self._text = _HashedFile(self._path("bin"))
            self._bounds = _HashedFile(self._path("idx"))
            self._bounds.write(bytes(8))
        self._text.write(b"".join(self._pending))
        self._bounds.write(np.asarray(self._ends).astype("<i8").tobytes())
        self._pending.clear()
        self._pending_bytes = 0
        self._ends = array("q")

    def _close_shard(self) -> None:
        self._flush()
        assert self._text is not None
        assert self._bounds is not None
        for file in (self._text, self._bounds):
            file.sync()
        self._closed.append(
            {
                "name": self._name(),
                "bytes": self._bytes,
                "samples": self._samples,
                "bin_sha256": self._text.sha256(),
                "idx_sha256": self._bounds.sha256(),
            }
        )
        self.close()
        self._bytes = 0
        self._samples = 0


_KINDS = ("bin", "idx")


class _HashedFile:
    """A file that is only appended to, and the hash of all that is in it."""

    def __init__(self, path: Path, size: int = 0) -> None:
        """Open with the first `size` bytes of what is there; the rest is cut off."""
        self._path = path
        self._digest = hashlib.sha256()
        # Unbuffered: what the disk has refused is not tried again by close().
        if not size:
            self._file = open(path, "wb", buffering=0)
            return
        if not path.is_file() or path.stat().st_size < size:
            raise ValueError(f"{path} is shorter than {size} bytes.")
        self._file = open(path, "r+b", buffering=0)
        self._file.truncate(size)
        while chunk := self._file.read(_FLUSH_BYTES):
            self._digest.update(chunk)

    def write(self, content: bytes) -> None:
        left = memoryview(content)
        with naming(self._path):
            while left:
                left = left[self._file.write(left) :]
        self._digest.update(content)

    def sync(self) -> None:
        with naming(self._path):
            os.fsync(self._file.fileno())

    def sha256(self) -> str:
        return self._digest.hexdigest()

    def close(self) -> None:
        with naming(self._path):
            self._file.close()


def write_file(path: Path, content: bytes) -> None:
    """Write a file so that a reader finds the old content or the new, never a part.

    Raises:
        OSError: If the disk refuses; it names the file, and the old content stands.
    """
    beside = path.with_name(path.name + ".new")
    with naming(beside):
        with open(beside, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on disk, as fsync of a file does its content."""
    with naming(folder):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _require_size(path: Path, size: int) -> None:
    if not path.is_file() or path.stat().st_size != size:
        raise ValueError(f"{path} has not its {size} bytes.")
