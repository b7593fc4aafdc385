"""Where the samples of a split begin, read from its files as needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]


class SampleBounds(Sequence):
    """Where samples begin: int64[num_samples + 1], read from the files as needed.

    `np.asarray` of it reads them all, 8 bytes a sample.

    Args:
        sample_base: Number of the first sample of each shard, and last `num_samples`.
        byte_base: Position of the first byte of each shard, and last `num_bytes`.
        bounds: Reads where the samples of a shard begin within it, and last its length.
    """

    def __init__(
        self,
        sample_base: Sequence[int],
        byte_base: Sequence[int],
        bounds: Callable[[int], Positions],
    ) -> None:
        self._sample_base = sample_base
        self._byte_base = byte_base
        self._bounds = bounds

    def __len__(self) -> int:
        return self._sample_base[-1] + 1

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
        found = [np.empty(0, np.int64)]
        for shard, base in enumerate(self._sample_base[:-1]):
            if base < high and self._sample_base[shard + 1] > low:
                part = self._bounds(shard)[:-1][max(low - base, 0) : high - base]
                found.append(part + self._byte_base[shard])
        if high == len(self) and low < high:
            found.append(np.asarray(self._byte_base[-1:], np.int64))
        return np.concatenate(found)
