"""Shard files on disk -> the bytes of a split, and where its samples begin.

A split is a folder: `shard-00000.bin` (the cleaned texts end to end), for each of
these a `shard-00000.idx` (int64, little-endian: where its samples begin, and last
its length), and `index.json`.
"""

from __future__ import annotations

import hashlib
import mmap
import resource
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from tfsent.data.mapped_file import MappedFile
from tfsent.data.placement import SPLITS
from tfsent.data.sample_bounds import SampleBounds
from tfsent.data.shard_index import INDEX_FILE, read_index


def most_open_maps(descriptors: int) -> int:
    """Return how many maps of each kind a split may hold open.

    An open map holds a file descriptor, of which a process often has 1,024. B lanes
    stand in B shards at most, so a batch of 256 lanes finds all its maps open. Shuffled
    ones stand in all shards: where more descriptors are allowed an eighth of them is
    for texts and as much for bounds, of each of three splits.

    Args:
        descriptors: How many the process may have (`ulimit -n`); below 0: any number.
    """
    most = 2**13
    if descriptors < 0:  # RLIM_INFINITY is -1 on Linux.
        return most
    return min(most, max(2**8, descriptors // 8))


_OPEN_MAPS = most_open_maps(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
_PORTION = 2**18

Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]
Marks = Literal["sample", "shard", "never"]


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
        self.index = read_index(self.folder / INDEX_FILE)
        """What index.json states."""
        self.fingerprint: str = self.index["fingerprint"]
        """sha256, in hex, over the hashes of all files, in their order."""
        self.num_bytes: int = self.index["num_bytes"]
        self.num_samples: int = self.index["num_samples"]
        shards = self.index["shards"]
        self._names = [shard["name"] for shard in shards]
        self._sizes = sizes = [shard["bytes"] for shard in shards]
        self._counts = counts = [shard["samples"] for shard in shards]
        self._byte_base = [0, *np.cumsum(sizes).tolist()]
        self._sample_base = [0, *np.cumsum(counts).tolist()]
        for name, size, count in zip(self._names, sizes, counts, strict=True):
            _check_size(self.folder / f"{name}.bin", size)
            _check_size(self.folder / f"{name}.idx", 8 * (count + 1))
        self._text_file = lru_cache(_OPEN_MAPS)(self._open_text)
        self._bounds_file = lru_cache(_OPEN_MAPS)(self._open_bounds)

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
            ValueError: If they are not in order within the split, or a file is no
                longer what the index says.
        """
        self._check_range(start, stop)
        if start == stop:
            return np.empty(0, np.uint8)
        pieces = []
        for shard in self._shards_of(start, stop):
            base = self._byte_base[shard]
            low, high = max(start - base, 0), min(stop - base, self._sizes[shard])
            pieces.append(np.frombuffer(self._text(shard), np.uint8, high - low, low))
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

    def read_rows(
        self, begins: Sequence[int], length: int, marks: Marks
    ) -> tuple[Bytes, Bools]:
        """Return stretches of equal length as rows, and where something starts.

        Args:
            begins: Position of the first byte of each of N stretches.
            length: Bytes of each.
            marks: What is marked: the first byte of every "sample", of every "shard",
                or nothing ("never").

        Returns:
            uint8[N, length] and bool[N, length].

        Raises:
            ValueError: If a stretch is not within the split, or a file is no longer
                what the index says.
        """
        rows = np.empty((len(begins), length), np.uint8)
        marked = np.zeros((len(begins), length), np.bool_)
        find = {"sample": self.starts, "shard": self.shard_starts}.get(marks)
        for row, begin in enumerate(begins):
            rows[row] = self.read(begin, begin + length)
            if find is not None:
                marked[row, find(begin, begin + length) - begin] = True
        return rows, marked

    def lengths(self, numbers: Positions) -> Positions:
        """Return the bytes of samples, many at once and in any order.

        Args:
            numbers: int64[N]. Which samples, each from 0 to before `num_samples`.

        Returns:
            int64[N].

        Raises:
            ValueError: If a file is no longer what the index says.
        """
        found = np.empty(len(numbers), np.int64)
        for shard, at, local in self._by_shard(numbers):
            bounds = self._bounds(shard)
            found[at] = bounds[local + 1] - bounds[local]
        return found

    def take(self, numbers: Positions) -> tuple[Positions, Bytes]:
        """Return samples laid end to end, many at once and in any order.

        Arrow copies them, whose arrays of texts are laid out as the files are: 220 ns
        for a sample of 100 bytes out of 200 MB, where a slice in Python takes 610, most
        of them waiting for memory. It trusts the bounds: see `sample_lengths`. At most
        three copies of the samples are in memory at a time.

        Args:
            numbers: int64[N]. Which samples, each from 0 to before `num_samples`.

        Returns:
            int64[N + 1], where each begins and last where all end; uint8[any].

        Raises:
            ValueError: If a file is no longer what the index says.
        """
        import pyarrow as pa  # here: 0.2 s that other orders need not wait

        if not len(numbers):
            return np.zeros(1, np.int64), np.empty(0, np.uint8)
        parts = []
        back = np.empty(len(numbers), np.int64)
        done = 0
        for shard, at, local in self._by_shard(numbers):
            files = (self._bounds(shard), self._text(shard))
            buffers = [None, *map(pa.py_buffer, files)]
            kind, count = pa.large_binary(), self._counts[shard]
            texts = pa.Array.from_buffers(kind, count, buffers)
            parts.append(texts.take(pa.array(local)))
            back[at] = np.arange(done, done + len(at))
            done += len(at)
        _, bounds, text = pa.concat_arrays(parts).take(pa.array(back)).buffers()
        ends = np.frombuffer(bounds, np.int64, len(numbers) + 1)
        return ends, np.frombuffer(text, np.uint8, ends[-1])

    def sample_lengths(self) -> Iterator[Positions]:
        """Yield the lengths of all samples in portions, int64[any], and check them.

        Raises:
            ValueError: If a .idx file does not divide its shard into samples.
        """
        for shard, size in enumerate(self._sizes):
            bounds = self._bounds(shard)
            sound = bounds[0] == 0 and bounds[-1] == size
            for low in range(0, self._counts[shard], _PORTION):
                lengths = np.diff(bounds[low : low + _PORTION + 1])
                if not sound or lengths.min() < 0:
                    path = self._path(shard, "idx")
                    raise _damaged(path, "its bounds do not rise from end to end")
                yield lengths

    def sample_bounds(self) -> SampleBounds:
        """Return where the samples begin, and last `num_bytes`, read as needed."""
        return SampleBounds(self._sample_base, self._byte_base, self._bounds)

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
        return self._text_array(shard)[start:stop]

    def samples(self) -> Iterator[Bytes]:
        """Yield the bytes of every sample in order, uint8[any] each."""
        for shard in range(len(self._names)):
            text = self._text_array(shard)
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
                    raise _damaged(path, "its sha256 is not the one in the index")

    def _by_shard(
        self, numbers: Positions
    ) -> Iterator[tuple[int, Positions, Positions]]:
        """Yield shards with the samples there: indices in `numbers`, local numbers."""
        shards = np.searchsorted(self._sample_base, numbers, "right") - 1
        # As small integers they are sorted by their digits: 12 instead of 65 ns each.
        shards = shards.astype(np.min_scalar_type(len(self._names)))
        order = np.argsort(shards, kind="stable")
        ordered = numbers[order]
        counts = np.bincount(shards)
        stop = 0
        for shard in np.flatnonzero(counts).tolist():
            start, stop = stop, stop + int(counts[shard])
            local = ordered[start:stop] - self._sample_base[shard]
            yield shard, order[start:stop], local

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

    def _text(self, shard: int) -> mmap.mmap:
        return self._text_file(shard).bytes()

    def _text_array(self, shard: int) -> Bytes:
        return np.frombuffer(self._text(shard), np.uint8)

    def _bounds(self, shard: int) -> Positions:
        return np.frombuffer(self._bounds_file(shard).bytes(), "<i8")

    def _open_text(self, shard: int) -> MappedFile:
        return MappedFile(self._path(shard, "bin"), self._sizes[shard])

    def _open_bounds(self, shard: int) -> MappedFile:
        return MappedFile(self._path(shard, "idx"), 8 * (self._counts[shard] + 1))

    def _path(self, shard: int, suffix: str) -> Path:
        return self.folder / f"{self._names[shard]}.{suffix}"


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


def _damaged(path: Path, why: str) -> ValueError:
    return ValueError(
        f"{path} is damaged: {why}; remove the folder and prepare it again."
    )


def _check_size(path: Path, size: int) -> None:
    found = path.stat().st_size if path.is_file() else None
    if found != size:
        told = "is missing" if found is None else f"has {found} bytes"
        raise ValueError(
            f"{path} {told} where the index says {size}; remove the folder and prepare "
            "it again."
        )
