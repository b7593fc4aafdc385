"""Where the samples of a split begin, read from its files as needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from tfsent.data.byte_shards import ByteShards

Positions = npt.NDArray[np.int64]


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
