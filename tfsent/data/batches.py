"""Byte shards -> windows of B parallel lanes; the position in the text is the step.

Axes: B lanes, T bytes in a window.
"""

from __future__ import annotations

import hashlib
import heapq
import queue
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from tfsent.data.byte_shards import ByteShards
    from tfsent.data.shuffled_shards import ShuffledShards

Made = TypeVar("Made")

_CHUNK_BYTES = 2**22
"""Text that `LaneBatches` reads at once, over all lanes.

One read per lane and window costs 128 calls a batch at B = 128; read in portions
of 4 MiB (128 windows of 256 bytes) the calls are shared by 128 batches. Portions of
1 MiB are read at 330 instead of 580 MB/s, shuffled ones at 236 instead of 280.
"""


class Batch(NamedTuple):
    """One window of every lane, for training."""

    bytes_BT1: npt.NDArray[np.uint8]
    """uint8[B, T+1]. Inputs are `[:, :-1]`, targets are `[:, 1:]`."""
    reset_BT: npt.NDArray[np.bool_]
    """bool[B, T]. True: the state of lane b is zero before its byte t."""


class ScoreBatch(NamedTuple):
    """One window of every lane, for scoring whole samples."""

    bytes_BT1: npt.NDArray[np.uint8]
    """uint8[B, T+1]. Inputs are `[:, :-1]`, targets are `[:, 1:]`; padding is 0."""
    reset_BT: npt.NDArray[np.bool_]
    """bool[B, T]. True: the state of lane b is zero before its byte t."""
    score_BT: npt.NDArray[np.bool_]
    """bool[B, T]. True: the prediction made after byte t counts."""


def check_lanes(batch_size: int, devices: int, accumulation_steps: int = 1) -> None:
    """Raise a ValueError unless every device reads equally many lanes at a time."""
    parts = devices * accumulation_steps
    if batch_size % parts:
        said = f"distribution.devices {devices}"
        if accumulation_steps > 1:
            said += f" times training.accumulation_steps {accumulation_steps}"
        raise ValueError(
            f"training.batch_size is {batch_size}, not a multiple of {said}; "
            f"{batch_size // parts * parts or parts} will do."
        )


class LaneBatches:
    """Windows for truncated back-propagation through time, any of them at once.

    Lane b reads its own contiguous stretch of the text from start to end, so the
    hidden state left by one window is the right initial state of the next; the
    last column of a window is the first of the next. A batch depends on the
    shards, the seed and the step alone: to resume is to ask for the next step.

    Every epoch starts at a seeded offset within the tail that fills no whole
    window, so another part of it (less than B * T bytes in all) is dropped each
    time. Every lane resets at the first byte of an epoch.

    Args:
        shards: The text, with its sample and shard starts; or its samples in another
            order, which has no shards to reset at.
        batch_size: B, the number of lanes read in parallel, over all replicas.
        window: T, the number of bytes predicted per lane and step.
        state_reset: Reset a lane before the first byte of every "sample", of
            every "shard", or "never" (but at the start of an epoch).
        seed: Seed of the offsets.
        lanes: Which lanes a batch holds, of all that are read in parallel; nothing of
            the others is read. Default: all.

    Attributes:
        steps_per_epoch: Steps after which the text has been read once.

    Raises:
        ValueError: If the text is too short for one window per lane.

    Reference:
        Radford et al. 2017, arXiv:1704.01444, section 3.
    """

    def __init__(
        self,
        shards: ByteShards | ShuffledShards,
        *,
        batch_size: int,
        window: int,
        state_reset: Literal["sample", "shard", "never"],
        seed: int,
        lanes: slice | None = None,
    ) -> None:
        needed = batch_size * window + 1
        if shards.num_bytes < needed:
            raise ValueError(
                f"data.source gives {shards.num_bytes} bytes to train on; "
                f"training.batch_size {batch_size} lanes of training.window {window} "
                f"bytes need at least {needed}. Give more text, or a smaller "
                "batch_size or window."
            )
        if state_reset not in ("sample", "shard", "never"):
            raise ValueError(
                f"data.state_reset is {state_reset!r}; sample, shard or never will do."
            )
        self._shards = shards
        self._state_reset = state_reset
        self._batch_size = batch_size
        self._lanes = range(batch_size)[lanes or slice(None)]
        self._window = window
        self._seed = seed
        # One byte beyond the last lane is its last target.
        self.steps_per_epoch = (shards.num_bytes - 1) // (batch_size * window)
        self._windows_per_chunk = max(1, _CHUNK_BYTES // (batch_size * window))
        # Replaced as a whole, so two threads that ask at once do no harm.
        self._cache: tuple[tuple[int, int], Batch] | None = None

    def batch(self, step: int) -> Batch:
        """Return the batch of `step`, counted from 0 over all epochs.

        Args:
            step: Number of updates before this one.

        Returns:
            A batch that the caller owns: uint8[B, T+1] and bool[B, T].
        """
        epoch, step_in_epoch = divmod(step, self.steps_per_epoch)
        index, place = divmod(step_in_epoch, self._windows_per_chunk)
        chunk = self._chunk(epoch, index)
        begin, stop = place * self._window, (place + 1) * self._window
        return Batch(
            chunk.bytes_BT1[:, begin : stop + 1].copy(),
            chunk.reset_BT[:, begin:stop].copy(),
        )

    def _chunk(self, epoch: int, index: int) -> Batch:
        """Return successive windows of an epoch joined to one, read or remembered."""
        cached = self._cache
        if cached is not None and cached[0] == (epoch, index):
            return cached[1]
        first = index * self._windows_per_chunk
        num_windows = min(self._windows_per_chunk, self.steps_per_epoch - first)
        length = num_windows * self._window
        lane_bytes = self.steps_per_epoch * self._window
        origin = self._offset(epoch) + first * self._window
        bytes_BT1, starts_BT1 = self._shards.read_rows(
            [origin + lane * lane_bytes for lane in self._lanes],
            length + 1,
            self._state_reset,
        )
        reset_BT = starts_BT1[:, :-1]
        if first == 0:
            reset_BT[:, 0] = True
        chunk = Batch(bytes_BT1, reset_BT)
        self._cache = ((epoch, index), chunk)
        return chunk

    def _offset(self, epoch: int) -> int:
        """Return where an epoch starts: a byte of the tail left by whole windows."""
        used = self._batch_size * self._window * self.steps_per_epoch
        slack = self._shards.num_bytes - 1 - used
        # A hash, not a generator: NumPy does not promise equal integers for ever.
        digest = hashlib.blake2b(f"{self._seed}/{epoch}".encode(), digest_size=8)
        return int.from_bytes(digest.digest(), "little") % (slack + 1)


class ScoreBatches:
    """Windows that score every byte of every sample once, but each sample's first.

    Whole samples are packed end to end, longest first, each into the lane that is
    shortest so far; lanes end nearly equal and what is missing is padded by zeros.
    A lane resets at the first byte of each sample, so the score depends on no
    order, batch or window. Bytes are read window by window; only the places of
    the samples are held.

    Args:
        shards: The samples.
        batch_size: B, the number of lanes.
        window: T, the number of bytes predicted per lane and window.
        max_bytes: Take only whole samples at even distances, as many as fit into
            this many bytes, at least one; the first ones of a set are often all
            of one kind. Default: all.

    Attributes:
        num_scored: Bytes that all windows score together; 0 if no sample is
            longer than one byte, and then there is no window.
    """

    def __init__(
        self,
        shards: ByteShards,
        *,
        batch_size: int,
        window: int,
        max_bytes: int | None = None,
    ) -> None:
        bounds = np.asarray(shards.sample_bounds())
        starts, lengths = bounds[:-1], np.diff(bounds)
        if max_bytes is not None and max_bytes < bounds[-1]:
            chosen = _spread(lengths, max_bytes)
            starts, lengths = starts[chosen], lengths[chosen]
        self._shards = shards
        self._window = window
        self._lanes = _pack(starts, lengths, batch_size)
        self.num_scored = int(lengths.sum()) - len(lengths)

    def __len__(self) -> int:
        """Return the number of windows."""
        longest = max(int(places[-1]) for _, places in self._lanes)
        return -(-max(0, longest - 1) // self._window)

    def __iter__(self) -> Iterator[ScoreBatch]:
        """Yield all windows, from the first byte of the lanes to the last."""
        for index in range(len(self)):
            yield self._batch(index * self._window)

    def _batch(self, begin: int) -> ScoreBatch:
        """Return the window whose first column is byte `begin` of every lane."""
        shape = (len(self._lanes), self._window + 1)
        bytes_BT1 = np.zeros(shape, np.uint8)
        first_BT1 = np.zeros(shape, np.bool_)
        inside_BT1 = np.zeros(shape, np.bool_)
        stop = begin + shape[1]
        for lane, (origins, places) in enumerate(self._lanes):
            inside_BT1[lane, : max(0, int(places[-1]) - begin)] = True
            sample = int(np.searchsorted(places, begin, "right")) - 1
            while sample < len(origins) and places[sample] < stop:
                place, end = int(places[sample]), int(places[sample + 1])
                low, high = max(place, begin), min(end, stop)
                shift = int(origins[sample]) - place
                text = self._shards.read(low + shift, high + shift)
                bytes_BT1[lane, low - begin : high - begin] = text
                if place >= begin:
                    first_BT1[lane, place - begin] = True
                sample += 1
        score_BT = inside_BT1[:, 1:] & ~first_BT1[:, 1:]
        return ScoreBatch(bytes_BT1, first_BT1[:, :-1].copy(), score_BT)


def _spread(lengths: npt.NDArray[np.int64], max_bytes: int) -> npt.NDArray[np.int64]:
    """Return the numbers of samples at even distances that hold `max_bytes` at most."""
    share = max_bytes / int(lengths.sum())
    count = max(1, int(len(lengths) * share))
    chosen = np.arange(count) * len(lengths) // count
    fitting = int(np.searchsorted(np.cumsum(lengths[chosen]), max_bytes, "right"))
    return chosen[: max(1, fitting)]


def _pack(
    starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], batch_size: int
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Return for each lane where its samples start in the text, and in the lane.

    The places in the lane have one entry more: its length.
    """
    samples: list[list[int]] = [[] for _ in range(batch_size)]
    heap = [(0, lane) for lane in range(batch_size)]
    for sample in np.argsort(-lengths, kind="stable").tolist():
        length, lane = heap[0]
        samples[lane].append(sample)
        heapq.heapreplace(heap, (length + int(lengths[sample]), lane))
    lanes = []
    for chosen in samples:
        index = np.array(chosen, np.int64)
        places = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths[index])])
        lanes.append((starts[index], places))
    return lanes


def batch_digest(batch: Batch | ScoreBatch) -> str:
    """Return a hash of a batch: equal digests, equal data in equal order.

    Args:
        batch: Any batch of this module.

    Returns:
        32 hexadecimal digits (BLAKE2b over shapes and contents).
    """
    digest = hashlib.blake2b(digest_size=16)
    for array in batch:
        digest.update(repr((array.shape, array.dtype.str)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def prefetch(
    make_batch: Callable[[int], Made], start: int, stop: int, depth: int = 4
) -> Generator[Made, None, None]:
    """Yield `make_batch(step)` for each step, computed ahead by one thread.

    The thread starts with the first batch asked for, and has ended when the
    iterator is exhausted, closed or has raised.

    Args:
        make_batch: Called with each step in turn, in the thread.
        start: First step.
        stop: Step after the last.
        depth: Most batches that wait to be taken.

    Yields:
        The batches, in order.

    Raises:
        BaseException: Whatever `make_batch` raises, in its place among the
            batches and with its own traceback.

    Example:
        >>> list(prefetch(lambda step: step * step, 2, 5))
        [4, 9, 16]
    """
    ready: queue.Queue[tuple[Made | None, BaseException | None]] = queue.Queue(depth)
    closing = threading.Event()

    def work() -> None:
        for step in range(start, stop):
            try:
                item = (make_batch(step), None)
            except BaseException as error:
                ready.put((None, error))
                return
            ready.put(item)
            if closing.is_set():
                return

    thread = threading.Thread(target=work, name="prefetch", daemon=True)
    thread.start()
    try:
        for _ in range(start, stop):
            batch, error = ready.get()
            if error is not None:
                raise error
            yield batch  # type: ignore[misc]
    finally:
        # At the end of the interpreter daemon threads no longer run, nor end.
        if not sys.is_finalizing():
            closing.set()
            # Room for the one batch the thread may still be waiting to hand over.
            while not ready.empty():
                ready.get_nowait()
            thread.join()
