"""The samples of a split in another order, read from where they lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfsent.config import DataConfig
from tfsent.data.byte_shards import Bools, Bytes, ByteShards, Marks, Positions
from tfsent.data.permutation import Permutation

# Where each sample begins in the new order would take 8 bytes, 640 MB for 80 million
# (40 GB of reviews). Only every 8th is kept, 1 byte a sample and 80 MB, and lengths are
# added up from there whenever something is read. Every 16th reads samples of 1,300
# bytes at three quarters of the rate.
_GROUP = 8

# Whole groups are read where they hold no more than this, or twice what is asked for.
# That takes 22 MB for 4 MB of rows; read regardless, 32 rows of 32 KB out of samples of
# 1 MB took 778 MB and were read at 5 instead of 1,300 MB/s.
_SPARE_BYTES = 2**16


class ShuffledShards:
    """The bytes of a split, its samples in an order drawn from a seed; read-only.

    The order is the same in every epoch and in every process. Nothing is copied or
    written: a sample is looked up in its shard when it is read. Opening reads all
    lengths once, 61 ns each: 5 s for 80 million samples.

    Files of shards are held open: 256 texts, or an eighth of the descriptors that a
    process may have (`ulimit -n`) if that is more. Out of 763 shards, samples of 500
    bytes were read at 137 MB/s with all open and at 36 MB/s with 256.

    Args:
        shards: The text.
        seed: Seed of the order.

    Attributes:
        fingerprint: That of the text, in whatever order.
    """

    def __init__(self, shards: ByteShards, seed: int) -> None:
        self.num_bytes = shards.num_bytes
        self.num_samples = shards.num_samples
        self.fingerprint = shards.fingerprint
        self._shards = shards
        self._order = Permutation(shards.num_samples, seed)
        self._group_starts = self._add_up()

    def __repr__(self) -> str:
        return f"ShuffledShards({self._shards!r})"

    def read(self, start: int, stop: int) -> Bytes:
        """Return the bytes from `start` to before `stop`: uint8[stop - start], a copy.

        Raises:
            ValueError: As for `read_rows`.
        """
        return self.read_rows([start], stop - start, "never")[0][0]

    def starts(self, start: int, stop: int) -> Positions:
        """Return the positions in [start, stop) at which a sample starts.

        Returns:
            int64[any], rising.

        Raises:
            ValueError: As for `read_rows`.
        """
        _, marked = self.read_rows([start], stop - start, "sample")
        return np.flatnonzero(marked) + start

    def read_rows(
        self, begins: Sequence[int], length: int, marks: Marks
    ) -> tuple[Bytes, Bools]:
        """Return stretches of equal length as rows, and where samples start.

        Args:
            begins: Position of the first byte of each of N stretches.
            length: Bytes of each.
            marks: What is marked: the first byte of every "sample", or nothing
                ("never").

        Returns:
            uint8[N, length] and bool[N, length].

        Raises:
            ValueError: If a stretch is not within the split, shards are to be marked,
                or a file is no longer what the index says.
        """
        if marks == "shard":
            raise ValueError("a shuffled text has no shards; sample or never will do.")
        starts = np.asarray(begins, np.int64)
        if length < 0 or (starts < 0).any() or (starts + length > self.num_bytes).any():
            raise ValueError(
                f"{length} bytes from {starts.tolist()} were asked of {self.num_bytes}."
            )
        rows = np.empty((len(starts), length), np.uint8)
        marked = np.zeros(rows.shape, np.bool_)
        if not rows.size:
            return rows, marked
        # The groups that have a part in each row.
        first = np.searchsorted(self._group_starts, starts, "right") - 1
        last = np.searchsorted(self._group_starts, starts + length, "left")
        whole_bytes = (self._group_starts[last] - self._group_starts[first]).sum()
        if whole_bytes <= max(_SPARE_BYTES, 2 * rows.size):
            row_of, columns = self._fill_from_groups(rows, starts, first, last)
        else:
            row_of, columns = self._fill_from_samples(rows, starts)
        if marks == "sample":
            inside = (columns >= 0) & (columns < length)
            marked[row_of[inside], columns[inside]] = True
        return rows, marked

    def _fill_from_groups(
        self, rows: Bytes, starts: Positions, first: Positions, last: Positions
    ) -> tuple[Positions, Positions]:
        """Cut rows out of whole groups: the fastest way where samples are short.

        Returns:
            The row of every sample read, and the column at which it begins, which may
            lie outside.
        """
        low = first * _GROUP
        counts = np.minimum(last * _GROUP, self.num_samples) - low
        heads = np.cumsum(counts) - counts
        places = np.arange(counts.sum()) + np.repeat(low - heads, counts)
        bounds, text = self._shards.take(self._order(places))
        begin = bounds[heads] + starts - self._group_starts[first]
        for row, at in zip(rows, begin.tolist(), strict=True):
            row[:] = text[at : at + len(row)]
        row_of = np.repeat(np.arange(len(rows)), counts)
        return row_of, bounds[:-1] - np.repeat(begin, counts)

    def _fill_from_samples(
        self, rows: Bytes, starts: Positions
    ) -> tuple[Positions, Positions]:
        """Fill rows with no more of their first and last samples than stands in them.

        However long samples are, this reads no byte that is not in a row. Where they
        are short it costs more than it saves: a fifth to a third of the rate at 100 and
        at 1,300 bytes.

        Returns:
            As `_fill_from_groups`.
        """
        length = rows.shape[1]
        places, begins = self._samples_at(np.append(starts, starts + length - 1))
        first, last = np.split(places, 2)
        columns = begins - np.tile(starts, 2)
        offset, at = -columns[: len(rows)], columns[len(rows) :]
        # Those between the first and the last are read whole, all at once.
        counts = np.maximum(last - first - 1, 0)
        stops = np.cumsum(counts)
        heads = stops - counts
        between = np.arange(counts.sum()) + np.repeat(first + 1 - heads, counts)
        bounds, text = self._shards.take(self._order(between))
        sample, numbers = self._shards.sample, self._order(places)
        for n, row in enumerate(rows):
            head = sample(numbers[n])[offset[n] : offset[n] + length]
            row[: len(head)] = head
            if first[n] < last[n]:
                row[len(head) : at[n]] = text[bounds[heads[n]] : bounds[stops[n]]]
                row[at[n] :] = sample(numbers[len(rows) + n])[: length - at[n]]
        row_of = np.arange(len(rows))
        shift = np.repeat(at - bounds[stops], counts)
        return (
            np.concatenate((row_of, row_of, np.repeat(row_of, counts))),
            np.concatenate((columns, bounds[:-1] + shift)),
        )

    def _samples_at(self, positions: Positions) -> tuple[Positions, Positions]:
        """Return the places of the samples that hold some bytes, and their begins."""
        found = np.searchsorted(self._group_starts, positions, "right") - 1
        groups = np.unique(found)
        # The last group may be smaller; what fills it up begins behind all bytes.
        places = groups[:, None] * _GROUP + np.arange(_GROUP)
        numbers = self._order(np.minimum(places.ravel(), self.num_samples - 1))
        lengths = self._shards.lengths(numbers).reshape(places.shape)
        begins = self._group_starts[groups, None] + np.cumsum(lengths, 1) - lengths
        at = np.searchsorted(begins.ravel(), positions, "right") - 1
        return places.ravel()[at], begins.ravel()[at]

    def _add_up(self) -> Positions:
        """Return where every group begins, and last the number of bytes."""
        sizes = np.zeros(-(-self.num_samples // _GROUP) + 1, np.int64)
        number = 0
        # As they lie, and where each of them goes: every file is read once, in order.
        for lengths in self._shards.sample_lengths():
            numbers = np.arange(number, number + len(lengths))
            groups = self._order.places(numbers) // _GROUP
            np.add.at(sizes, groups + 1, lengths)
            number += len(lengths)
        return np.cumsum(sizes, out=sizes)


def shuffled_if_asked(
    shards: ByteShards, config: DataConfig, seed: int
) -> ByteShards | ShuffledShards:
    """Return a training text in the order that `data.shuffle` asks for.

    Args:
        shards: The text.
        config: Whether it is shuffled.
        seed: Seed of the order.

    Raises:
        ValueError: If a file of the text is unsound.
    """
    return ShuffledShards(shards, seed) if config.shuffle else shards
