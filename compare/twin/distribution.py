"""Settings -> the processes of a run; dealing out lanes, and talking to each other.

    torchrun --nproc-per-node 2 scripts/train_twin.py ...

One process computes on one device: gradients are averaged by
`DistributedDataParallel`, and the lanes of a batch are dealt out in order. What
processes tell each other are tensors and JSON; nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import time
from types import TracebackType
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from tfsent.config import DistributionConfig
from tfsent.training.stop import StopRequest

_TIMEOUT = datetime.timedelta(days=1)
"""How long a process waits for another, which may be preparing a large text. One
that has ended is noticed at once."""

_GRACE_S = 2.0


def num_processes(config: DistributionConfig) -> int:
    """Return how many processes the settings ask for: one a device.

    Raises:
        ValueError: If there are fewer devices than asked for.
    """
    if config.strategy == "multiworker":
        raise ValueError(
            "distribution.strategy multiworker is not available in this version; "
            "none or mirrored will do."
        )
    gpus = torch.cuda.device_count()
    if gpus and (config.devices or 1) > gpus:
        raise ValueError(
            f"distribution.devices is {config.devices}, but this machine has {gpus} "
            f"GPUs; at most {gpus} will do."
        )
    return 1 if config.strategy == "none" else config.devices or max(1, gpus)


def is_started() -> bool:
    """Tell whether torchrun, or something like it, has started this process."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def check_batch_size(batch_size: int, num: int) -> None:
    """Raise a ValueError unless every process gets the same number of lanes."""
    if batch_size % num:
        raise ValueError(
            f"training.batch_size is {batch_size}, not a multiple of "
            f"distribution.devices {num}; {batch_size // num * num or num} will do."
        )


class Processes:
    """The processes that carry out one run together, as a context manager.

    Entering joins those that torchrun started; without it, this one is alone. All
    but the chief are silent meanwhile. A process that another one leaves alone
    raises a ConnectionError.

    Args:
        config: Strategy and number of devices. Default: this process alone.

    Attributes:
        rank: Number of this process; 0 is the chief.
        size: Processes in all.
        is_chief: Whether this one writes the files and tells how the run goes.
        device: Where this process computes.

    Raises:
        ValueError: On entering, if there are other processes than asked for.
    """

    def __init__(self, config: DistributionConfig | None = None):
        self._config = config
        self.rank, self.size, self.is_chief = 0, 1, True
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._silence = contextlib.ExitStack()

    def __enter__(self) -> Processes:
        """Join the others."""
        config = self._config or DistributionConfig()
        asked = num_processes(config)
        if not is_started():
            return self
        self.rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        self.is_chief = self.rank == 0
        try:
            if (config.devices or config.strategy == "none") and asked != size:
                raise ValueError(
                    f"distribution.devices is {asked}, but torchrun has started "
                    f"{size} processes; give --nproc-per-node {asked}, or leave out "
                    "distribution.devices."
                )
            if size > 1:
                self._join(size)
        except Exception as error:
            self._settle(error)
            raise
        return self

    def _join(self, size: int) -> None:
        backend = "gloo"
        if torch.cuda.is_available():
            self.device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            torch.cuda.set_device(self.device)
            backend = "cpu:gloo,cuda:nccl"
        dist.init_process_group(backend, timeout=_TIMEOUT)
        self.size = size
        if not self.is_chief:
            silent = self._silence.enter_context(open(os.devnull, "w"))
            self._silence.enter_context(contextlib.redirect_stderr(silent))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the others."""
        self._silence.close()
        if isinstance(error, Exception):
            self._settle(error)
        elif self.size > 1 and (error is None or isinstance(error, SystemExit)):
            # All of them come here: with a result, or stopped by agreement.
            dist.destroy_process_group()

    def _settle(self, error: Exception) -> None:
        """Let one process alone tell of what all of them ran into."""
        if not self.is_chief:
            # Of what stops the chief too, it tells: its launcher ends this process
            # before it can. What stops this one alone is told.
            time.sleep(_GRACE_S)
        if _is_loss(error):
            raise ConnectionError(
                "another process of this run has ended; the same command goes on from "
                "the last checkpoint."
            ) from error

    def lanes(self, batch_size: int) -> slice:
        """Return the lanes of this process: r B/R to (r + 1) B/R."""
        first, last = (
            batch_size * rank // self.size for rank in (self.rank, self.rank + 1)
        )
        return slice(first, last)

    def averaging(self, model: torch.nn.Module) -> torch.nn.Module:
        """Return `model`, made to average its gradients over the processes."""
        if self.size == 1:
            return model
        devices = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(
            model, device_ids=devices, gradient_as_bucket_view=True
        )

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        """Return the mean of a value over the processes."""
        return self.sum(value) / self.size if self.size > 1 else value

    def sum(self, value: torch.Tensor) -> torch.Tensor:
        """Return the sum of a value over the processes."""
        if self.size > 1:
            value = value.clone()
            dist.all_reduce(value)
        return value

    def join_lanes(self, own: np.ndarray) -> np.ndarray:
        """Return the lanes (axis 0) of all processes, in order, in every process."""
        if self.size == 1:
            return own
        mine = torch.from_numpy(np.ascontiguousarray(own))
        parts = [torch.empty_like(mine) for _ in range(self.size)]
        dist.all_gather(parts, mine)
        return torch.cat(parts).numpy()

    def broadcast(self, array: np.ndarray) -> np.ndarray:
        """Return the chief's array, of the same shape and type, in every process."""
        if self.size == 1:
            return array
        # NumPy scalars and arrays without axes become arrays of one axis.
        tensor = torch.from_numpy(np.array(array, ndmin=1))
        dist.broadcast(tensor, src=0)
        return tensor.numpy().reshape(array.shape)

    def share(self, value: Any) -> Any:
        """Return the chief's value, JSON, in every process."""
        if self.size == 1:
            return value
        text = np.frombuffer(json.dumps(value).encode("ascii"), np.uint8)
        (length,) = self.broadcast(np.array([len(text)], np.int64))
        if not self.is_chief:
            text = np.zeros(length, np.uint8)
        return json.loads(self.broadcast(text).tobytes())

    def agree(self, stop: StopRequest) -> StopRequest:
        """Return a request whose `signal` is the same in every process.

        Every process must then read it equally often: reading is talking, until a
        signal has come to one of them.
        """
        return _AgreedStop(stop, self) if self.size > 1 else stop


class _AgreedStop(StopRequest):
    """A signal that came to any process, as seen by all of them."""

    def __init__(self, own: StopRequest, processes: Processes):
        self._own = own
        self._processes = processes
        self._agreed: int | None = None

    @property
    def signal(self) -> int | None:  # type: ignore[override]
        """Number of the signal, or None."""
        if self._agreed is None:
            number = torch.tensor(self._own.signal or 0)
            dist.all_reduce(number, dist.ReduceOp.MAX)
            self._agreed = int(number) or None
        return self._agreed


def _is_loss(error: BaseException) -> bool:
    """Tell whether an error says that another process is gone."""
    words = ("onnection closed by peer", "onnection reset by peer", "Broken pipe")
    return isinstance(error, dist.DistError) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in words)
    )
