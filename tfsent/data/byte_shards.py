"""Shard files on disk -> the bytes of a split, and where its samples begin.

A split is a folder: `shard-00000.bin` (the cleaned texts end to end), for each of
these a `shard-00000.idx` (int64, little-endian: where its samples begin, and last
its length), and `index.json`.
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tfsent.data.placement import SPLITS

FORMAT = 1
"""Version of the files; part of the key under which shards are cached."""

INDEX_FILE = "index.json"

_SHARD_NAME = re.compile(r"shard-[0-9]{5,}")
# An open map holds a file descriptor, of which a process often has 1,024. B lanes
# stand in B shards at most, so a batch of 256 lanes finds all its maps open.
_OPEN_MAPS = 256

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]


class ByteShards:
    """The bytes of one split, sample after sample; read-only, opened as needed.

    Opening reads the index and the sizes of the files; `verify` reads it all.
    """

    def __init__(self, folder: str | Path) -> None:
        """Open a split.

        Args:
            folder: Holds index.json and the shard files.

        Raises:
            ValueError: If the index is unsound or of a newer format, or a file is
                missing or of another size than it says.
        """
        self.folder = Path(folder)
        self.index = _read_index(self.folder / INDEX_FILE)
        """What index.json states."""
        self.fingerprint: str = self.index["fingerprint"]
        """sha256, in hex, over the hashes of all files, in their order."""
        self.num_bytes: int = self.index["num_bytes"]
        self.num_samples: int = self.index["num_samples"]
        shards = self.index["shards"]
        self._names = [shard["name"] for shard in shards]
        sizes = [shard["bytes"] for shard in shards]
        counts = [shard["samples"] for shard in shards]
        self._byte_base = [0, *np.cumsum(sizes).tolist()]
        self._sample_base = [0, *np.cumsum(counts).tolist()]
        for name, size, count in zip(self._names, sizes, counts, strict=True):
            _check_size(self.folder / f"{name}.bin", size)
            _check_size(self.folder / f"{name}.idx", 8 * (count + 1))
        self._text = lru_cache(_OPEN_MAPS)(self._map_text)
        self._bounds = lru_cache(_OPEN_MAPS)(self._map_bounds)

    def __repr__(self) -> str:
        return (
            f"ByteShards({str(self.folder)!r}, num_samples={self.num_samples}, "
            f"num_bytes={self.num_bytes})"
        )

    def read(self, start: int, stop: int) -> Bytes:
        """Return the bytes from `start` to before `stop`.

        Args:
            start: Position of the first byte, from 0.
            stop: Position behind the last one, `num_bytes` at most.

        Returns:
            uint8[stop - start]. A read-only view of the file where it lies within one
            shard, else a copy.

        Raises:
            ValueError: If they are not in order within the split.
        """
        self._check_range(start, stop)
        if start == stop:
            return np.empty(0, np.uint8)
        pieces = []
        for shard in self._shards_of(start, stop):
            base = self._byte_base[shard]
            pieces.append(self._text(shard)[max(start - base, 0) : stop - base])
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def starts(self, start: int, stop: int) -> Positions:
        """Return the positions in [start, stop) at which a sample starts.

        Returns:
            int64[any], rising.

        Raises:
            ValueError: If they are not in order within the split.
        """
        self._check_range(start, stop)
        found = [np.empty(0, np.int64)]
        for shard in self._shards_of(start, stop):
            base = self._byte_base[shard]
            starts = self._bounds(shard)[:-1]
            low, high = np.searchsorted(starts, (start - base, stop - base))
            found.append(starts[low:high] + base)
        return np.concatenate(found)

    def shard_starts(self, start: int, stop: int) -> Positions:
        """Return the positions in [start, stop) at which a shard starts.

        Returns:
            int64[any], rising.

        Raises:
            ValueError: If they are not in order within the split.
        """
        self._check_range(start, stop)
        bases = np.asarray(self._byte_base[:-1], np.int64)
        low, high = np.searchsorted(bases, (start, stop))
        return bases[low:high]

    def sample_bounds(self) -> SampleBounds:
        """Return where the samples begin, and last `num_bytes`, read as needed."""
        return SampleBounds(self)

    def sample(self, number: int) -> Bytes:
        """Return the bytes of sample `number`, from 0; its padding is part of it.

        Returns:
            uint8[any], read-only.

        Raises:
            IndexError: If there is no such sample.
        """
        if not 0 <= number < self.num_samples:
            raise IndexError(f"sample {number} of {self.num_samples}")
        shard = bisect_right(self._sample_base, number) - 1
        at = number - self._sample_base[shard]
        start, stop = self._bounds(shard)[at : at + 2]
        return self._text(shard)[start:stop]

    def samples(self) -> Iterator[Bytes]:
        """Yield the bytes of every sample in order, uint8[any] each."""
        for shard in range(len(self._names)):
            text = self._text(shard)
            bounds = self._bounds(shard).tolist()
            for at in range(len(bounds) - 1):
                yield text[bounds[at] : bounds[at + 1]]

    def verify(self) -> None:
        """Read every file and compare its hash with the index.

        Raises:
            ValueError: At the first file that differs.
        """
        for shard in self.index["shards"]:
            for suffix in ("bin", "idx"):
                path = self.folder / f"{shard['name']}.{suffix}"
                with open(path, "rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
                if found != shard[f"{suffix}_sha256"]:
                    raise ValueError(
                        f"{path} is damaged: its sha256 is not the one in the index; "
                        "remove the folder and prepare it again."
                    )

    def _check_range(self, start: int, stop: int) -> None:
        if not 0 <= start <= stop <= self.num_bytes:
            raise ValueError(
                f"bytes {start} to {stop} were asked of {self.num_bytes}; 0 <= start "
                "<= stop <= num_bytes will do."
            )

    def _shards_of(self, start: int, stop: int) -> range:
        if start == stop:
            return range(0)
        first = bisect_right(self._byte_base, start) - 1
        return range(first, bisect_right(self._byte_base, stop - 1))

    def _map_text(self, shard: int) -> Bytes:
        path = self.folder / f"{self._names[shard]}.bin"
        return np.asarray(np.memmap(path, np.uint8, mode="r"))

    def _map_bounds(self, shard: int) -> Positions:
        path = self.folder / f"{self._names[shard]}.idx"
        return np.asarray(np.memmap(path, "<i8", mode="r"))


class SampleBounds(Sequence):
    """Where samples begin: int64[num_samples + 1], read from the files as needed.

    `np.asarray` of it reads them all, 8 bytes a sample.
    """

    def __init__(self, shards: ByteShards) -> None:
        self._shards = shards

    def __len__(self) -> int:
        return self._shards.num_samples + 1

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            low, high, step = at.indices(len(self))
            if step < 0:
                low, high = high + 1, low + 1
            return self._between(low, high)[::step]
        if at < 0:
            at += len(self)
        if not 0 <= at < len(self):
            raise IndexError(f"bound {at} of {len(self)}")
        return int(self._between(at, at + 1)[0])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Positions:
        return self._between(0, len(self)).astype(dtype or np.int64, copy=False)

    def _between(self, low: int, high: int) -> Positions:
        shards = self._shards
        found = [np.empty(0, np.int64)]
        for shard, base in enumerate(shards._sample_base[:-1]):
            if base < high and shards._sample_base[shard + 1] > low:
                starts = shards._bounds(shard)[:-1]
                part = starts[max(low - base, 0) : high - base]
                found.append(part + shards._byte_base[shard])
        if high == len(self) and low < high:
            found.append(np.asarray([shards.num_bytes], np.int64))
        return np.concatenate(found)


def is_prepared(folder: str | Path) -> bool:
    """Return whether a folder holds shards, as `scripts/prepare.py` leaves them."""
    return (Path(folder) / SPLITS[0] / INDEX_FILE).is_file()


def open_prepared(folder: str | Path) -> dict[str, ByteShards]:
    """Return the splits of a prepared folder, by name.

    Args:
        folder: Holds train/ and perhaps val/ and test/.

    Raises:
        ValueError: If it holds no train split, or one of them is unsound.
    """
    if not is_prepared(folder):
        raise ValueError(
            f"{folder} holds no prepared shards; scripts/prepare.py makes them."
        )
    folders = {split: Path(folder) / split for split in SPLITS}
    return {
        split: ByteShards(path)
        for split, path in folders.items()
        if (path / INDEX_FILE).is_file()
    }


def index_checksum(index: dict[str, Any]) -> str:
    """Return the sha256, in hex, of an index without its own `checksum`."""
    rest = {key: value for key, value in index.items() if key != "checksum"}
    return hashlib.sha256(canonical_json(rest)).hexdigest()


def canonical_json(value: Any) -> bytes:
    """Return the one spelling of a value: keys sorted, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def _read_index(path: Path) -> dict[str, Any]:
    try:
        index = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}); prepare it again.") from None
    found = index.get("format") if isinstance(index, dict) else None
    if isinstance(found, int) and found > FORMAT:
        raise ValueError(
            f"{path} is of format {found}, newer than format {FORMAT} that is known "
            "here; prepare it again, or read it with a newer tfsent."
        )
    sound = isinstance(index, dict) and index.get("checksum") == index_checksum(index)
    if not sound or not _names_are_plain(index):
        raise ValueError(
            f"{path} is damaged or edited: its checksum does not hold; remove the "
            "folder and prepare it again."
        )
    return index


def _names_are_plain(index: dict[str, Any]) -> bool:
    """Whoever writes a checksum can write a path: only shard names are opened."""
    return all(_SHARD_NAME.fullmatch(shard["name"]) for shard in index["shards"])


def _check_size(path: Path, size: int) -> None:
    found = path.stat().st_size if path.is_file() else None
    if found != size:
        told = "is missing" if found is None else f"has {found} bytes"
        raise ValueError(
            f"{path} {told} where the index says {size}; remove the folder and prepare "
            "it again."
        )
