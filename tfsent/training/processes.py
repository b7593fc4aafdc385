"""The processes that carry out one run together; often just one.

A framework gives the two operations by which arrays go round, `join_lanes` and
`broadcast`; what processes tell each other besides is made of these, as JSON: nothing
is ever unpickled.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tfsent.training.stop import AgreedStop, StopRequest


class Processes:
    """Who carries out a run: this process, alone unless a subclass says otherwise.

    Attributes:
        rank: Number of this process; 0 is the chief.
        size: Processes in all.
    """

    rank = 0
    size = 1

    @property
    def is_chief(self) -> bool:
        """Whether this one holds the lock, writes the files and tells how it goes."""
        return self.rank == 0

    def join_lanes(self, own: np.ndarray) -> np.ndarray:
        """Return the lanes (axis 0) of all processes, in order, in every process."""
        return own

    def broadcast(self, array: np.ndarray) -> np.ndarray:
        """Return the chief's array, of the same shape and type, in every process."""
        return array

    def lanes(self, batch_size: int) -> slice:
        """Return which lanes of a batch this process reads: r B/R to (r + 1) B/R."""
        first, last = (
            batch_size * rank // self.size for rank in (self.rank, self.rank + 1)
        )
        return slice(first, last)

    def share(self, value: Any) -> Any:
        """Return the chief's value, JSON, in every process."""
        if self.size == 1:
            return value
        text = _encoded(value)
        (length,) = self.broadcast(np.array([len(text)], np.int64))
        if not self.is_chief:
            text = np.zeros(length, np.uint8)
        return json.loads(self.broadcast(text).tobytes())

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes, JSON, in every process."""
        if self.size == 1:
            return [value]
        text = _encoded(value)
        # JSON may end in blanks.
        row = np.full((1, self._largest(len(text))), ord(" "), np.uint8)
        row[0, : len(text)] = text
        return [json.loads(each.tobytes()) for each in self.join_lanes(row)]

    def agree(self, stop: StopRequest) -> StopRequest:
        """Return a request whose `signal` is the same in every process.

        Every process must then read it equally often: reading is talking, until a
        signal has come to one of them.
        """
        return AgreedStop(stop, self._largest) if self.size > 1 else stop

    def spread(self, state: Any) -> None:
        """Give every process the `RunState` that the chief has restored."""
        if self.size == 1:
            return
        progress = self.share(state.progress())
        weights, arrays = (
            {name: self.broadcast(array) for name, array in held.items()}
            for held in (state.weights(), state.arrays())
        )
        state.restore(weights, arrays, progress)

    def _largest(self, number: int) -> int:
        return int(self.join_lanes(np.array([number], np.int64)).max())


def _encoded(value: Any) -> np.ndarray:
    return np.frombuffer(json.dumps(value).encode("ascii"), np.uint8)
