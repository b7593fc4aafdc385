"""The processes that carry out one run together; often just one."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from tfsent.training.stop import StopRequest


class Processes(Protocol):
    """The processes that carry out one run together; often just this one."""

    size: int
    """How many there are."""
    rank: int
    """Number of this one."""
    is_chief: bool
    """Whether this one holds the lock, writes the files and tells how it goes."""

    def lanes(self, batch_size: int) -> slice:
        """Return which lanes of a batch this process reads."""

    def join_lanes(self, own: np.ndarray) -> np.ndarray:
        """Return the lanes (axis 0) of all processes, in order, in every process."""

    def broadcast(self, array: np.ndarray) -> np.ndarray:
        """Return the chief's array, of the same shape and type, in every process."""

    def share(self, value: Any) -> Any:
        """Return the chief's value, JSON, in every process."""

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes, JSON, in every process."""

    def agree(self, stop: StopRequest) -> StopRequest:
        """Return a request whose `signal` is the same in every process."""


class OneProcess:
    """A run that this process carries out alone."""

    size = 1
    rank = 0
    is_chief = True

    def lanes(self, batch_size: int) -> slice:
        """Return all lanes."""
        return slice(0, batch_size)

    def join_lanes(self, own: np.ndarray) -> np.ndarray:
        """Return `own`."""
        return own

    def broadcast(self, array: np.ndarray) -> np.ndarray:
        """Return `array`."""
        return array

    def share(self, value: Any) -> Any:
        """Return `value`."""
        return value

    def gather(self, value: Any) -> list[Any]:
        """Return `value` alone."""
        return [value]

    def agree(self, stop: StopRequest) -> StopRequest:
        """Return `stop`."""
        return stop
