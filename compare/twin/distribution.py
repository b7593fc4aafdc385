r"""Settings -> the processes of a run; dealing out lanes, and talking to each other.

    torchrun --nproc-per-node 2 scripts/train_twin.py ...
    torchrun --nnodes 4 --nproc-per-node 8 --rdzv-backend c10d \
        --rdzv-endpoint HOST:29400 scripts/train_twin.py ...

One process computes on one device: gradients are averaged by
`DistributedDataParallel`, and the lanes of a batch are dealt out in order. What
processes tell each other are tensors and JSON; nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import sys
import time
from types import TracebackType
from typing import NoReturn

import numpy as np
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from tfsent.config import DistributionConfig
from tfsent.training import processes

TIMEOUT = datetime.timedelta(days=1)
"""How long a process waits for another, which may be preparing a large text. One
that has ended is noticed at once."""

BACKEND = "cpu:gloo,cuda:nccl"
"""What processes on GPUs talk through: gradients stay there, the rest is small."""

_GRACE_S = 2.0


def num_processes(config: DistributionConfig) -> int:
    """Return how many processes the settings ask for: one a device.

    Raises:
        ValueError: If there are fewer devices than asked for, or it takes torchrun.
    """
    if config.strategy == "multiworker":
        if not is_started():
            raise ValueError(
                "distribution.strategy multiworker needs processes that torchrun has "
                "started on every machine: torchrun --nnodes N --nproc-per-node M "
                "--rdzv-backend c10d --rdzv-endpoint HOST:PORT "
                "scripts/train_twin.py ..., or --launcher ray."
            )
        return int(os.environ["WORLD_SIZE"])
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


def leave(code: int) -> NoReturn:
    """End this process, which has launched others or is one of them, with `code`.

    At once, past the interpreter's own end: threads of PyTorch live on, torchrun's
    heartbeat here and those of Gloo there, and where one is in the middle of a call by
    then, that end aborts: "terminate called without an active exception", once in 20
    processes on two busy cores (PyTorch 2.13).
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class Processes(processes.Processes):
    """The processes that carry out one run together, as a context manager.

    Entering joins those that torchrun started; without it, this one is alone. All
    but the chief are silent meanwhile. A process that another one leaves alone
    raises a ConnectionError.

    Args:
        config: Strategy and number of devices. Default: this process alone.

    Attributes:
        device: Where this process computes.

    Raises:
        ValueError: On entering, if there are other processes than asked for.
    """

    def __init__(self, config: DistributionConfig | None = None):
        self._config = config
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._joins = False
        self._silence = contextlib.ExitStack()

    def __enter__(self) -> Processes:
        """Join the others."""
        config = self._config or DistributionConfig()
        asked = num_processes(config)
        if not is_started():
            return self
        self.rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
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
            backend = BACKEND
        # Ray has introduced its workers to each other before it calls them.
        self._joins = not dist.is_initialized()
        if self._joins:
            dist.init_process_group(backend, timeout=TIMEOUT)
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
            if self._joins:
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


def _is_loss(error: BaseException) -> bool:
    """Tell whether an error says that another process is gone."""
    words = ("onnection closed by peer", "onnection reset by peer", "Broken pipe")
    return isinstance(error, dist.DistError) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in words)
    )
