"""Texts of any length and number -> windows of parallel lanes without padding.

A lane reads one text after the other: where one ends the next begins, its state at
zero, in the same window. Nothing is padded but what is left of the lanes at the very
end, and there fewer and fewer lanes are used. The longest of the texts at hand go
first, so that the lanes end together.

Axes: B lanes, T time steps, P pieces.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

LANES = (1, 8, 64)
"""Lanes of a window; few numbers, since every one is compiled anew."""

WINDOW = 128
"""Time steps of a window."""

_TEXTS_AT_HAND = 4096
_BYTES_AT_HAND = 64 * 2**20


class Piece(NamedTuple):
    """Consecutive bytes of one text in one lane of a window."""

    text: int
    """Number of the text."""
    lane: int
    start: int
    """Time step of its first byte."""
    stop: int
    """Time step after its last byte."""
    first: bool
    """Whether the text begins with it."""
    last: bool
    """Whether the text ends with it."""


class Window(NamedTuple):
    """What all lanes read next."""

    bytes_BT: np.ndarray
    """uint8[B, T]. Behind the pieces of a lane zeros."""
    reset_BT: np.ndarray
    """bool[B, T]. True where a text begins: the state before that byte is zero."""
    carried_B: np.ndarray
    """int[B]. The lane of the window before whose state each lane goes on with."""
    pieces: list[Piece]
    """By lane, then by time."""


class LaneQueue:
    """Deals out texts to lanes; holds a bounded number of them, whatever there are.

    Args:
        texts: What to read, not empty each.
        lanes: Numbers of lanes that a window may have, ascending.
        window: T.

    Attributes:
        lengths: Length of every text that was taken and not yet forgotten, in bytes.
    """

    def __init__(
        self,
        texts: Iterable[bytes],
        lanes: tuple[int, ...] = LANES,
        window: int = WINDOW,
    ):
        self._source = enumerate(texts)
        self._sizes = lanes
        self._window = window
        self._waiting: list[tuple[int, int, bytes]] = []
        self._bytes_waiting = 0
        self._ended: set[int] = set()
        self._oldest = 0
        self._exhausted = False
        self.lengths: dict[int, int] = {}

    def windows(self) -> Iterator[Window]:
        """Yield windows until every text has been read to its end."""
        # In each lane a text and how much of it has been read.
        lanes: list[tuple[int, bytes, int] | None] = []
        while True:
            self._take()
            busy = [b for b, lane in enumerate(lanes) if lane is not None]
            wanted = len(busy) + len(self._waiting)
            if not wanted:
                return
            size = next((n for n in self._sizes if n >= wanted), self._sizes[-1])
            size = max(size, next(n for n in self._sizes if n >= len(busy)))
            carried_B = np.zeros(size, np.int64)
            carried_B[: len(busy)] = busy
            lanes = [lanes[b] for b in busy] + [None] * (size - len(busy))
            yield self._fill(lanes, carried_B)

    def _fill(
        self, lanes: list[tuple[int, bytes, int] | None], carried_B: np.ndarray
    ) -> Window:
        """Return the next window; `lanes` are moved on."""
        shape = (len(lanes), self._window)
        bytes_BT, reset_BT = np.zeros(shape, np.uint8), np.zeros(shape, bool)
        pieces = []
        for b in range(len(lanes)):
            at = 0
            while at < self._window:
                lane = lanes[b] or self._next()
                if lane is None:
                    break
                text, content, read = lane
                stop = min(self._window, at + len(content) - read)
                part = content[read : read + stop - at]
                bytes_BT[b, at:stop] = np.frombuffer(part, np.uint8)
                reset_BT[b, at] = read == 0
                last = read + stop - at == len(content)
                pieces.append(Piece(text, b, at, stop, read == 0, last))
                lanes[b] = None if last else (text, content, read + stop - at)
                if last:
                    self._end(text)
                at = stop
        return Window(bytes_BT, reset_BT, carried_B, pieces)

    def _take(self) -> None:
        """Fill up what is at hand, not too far from the oldest text not ended.

        Else one long text would let any number of results wait behind its own.
        """
        while (
            not self._exhausted
            and self._bytes_waiting < _BYTES_AT_HAND
            and len(self.lengths) < _TEXTS_AT_HAND
        ):
            number, content = next(self._source, (-1, b""))
            if number < 0:
                self._exhausted = True
                return
            self.lengths[number] = len(content)
            self._bytes_waiting += len(content)
            heapq.heappush(self._waiting, (-len(content), number, content))

    def _next(self) -> tuple[int, bytes, int] | None:
        if not self._waiting:
            return None
        _, number, content = heapq.heappop(self._waiting)
        self._bytes_waiting -= len(content)
        return number, content, 0

    def _end(self, text: int) -> None:
        self._ended.add(text)
        while self._oldest in self._ended:
            self._ended.discard(self._oldest)
            del self.lengths[self._oldest]
            self._oldest += 1
