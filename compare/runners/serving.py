"""The runner's side of the protocol: one JSON line in, one JSON line out.

    parent -> {"do": "set_up", ...}      runner -> {"ok": {...}} or {"error": "..."}

    hello     -> versions, device, threads
    set_up    build one piece of work, do it once, prove it: seconds, sizes, losses
    turn      do it some times: seconds of one
    gauge     rate of a float32 product of square matrices, FLOP/s
    tear_down drop it: the most memory that it needed

Runs in old environments too: needs the standard library and NumPy alone.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any, NamedTuple, Protocol, cast

import numpy as np

from benchmarks.provenance import available_cores
from compare.runners.facts import Found
from tfsent.peak_memory import forget_peak, peak_resident_bytes

CPU_SIDE, GPU_SIDE = 1024, 8192
"""Of the square matrices of the product that stands for the machine. On a CPU the rate
at 2048 is the same (75 GFLOP/s each on two cores of Zen 3) and takes eight times as
long; a GPU is not busy with so little."""


class Work(NamedTuple):
    """What a runner repeats.

    Attributes:
        call: Does it once; may return before the device has finished.
        wait: Returns when the device has finished.
        answers: What proves that it is the work that others do: arrays by name.
        facts: Anything to report: `first_s`, seconds of the first time, compiling
            included; `parameters`; `weight_bytes`.
        more_answers: Computes what else proves it, at more expense.
    """

    call: Callable[[], object]
    wait: Callable[[], object]
    answers: Mapping[str, np.ndarray]
    facts: Mapping[str, Any]
    more_answers: Callable[[], Mapping[str, np.ndarray]] = dict


class Side(Protocol):
    """What a runner's file gives: its framework, opened."""

    device: str
    """Kind of the device that computes, such as "cpu"."""

    def work(
        self, task: str, config: dict[str, Any], weights: str, inputs: str
    ) -> Work:
        """Return a piece of work, done once.

        Args:
            task: One of `compare.runners.facts.TASKS`.
            config: A whole `tfsent.config.RunConfig`, as nested dictionaries.
            weights: Folder of the weights, in the layout of Keras.
            inputs: `.npz`. To train: `bytes` uint8[N, B, T+1] and `reset` bool[N,
                B, T], whose first column is True. To featurize: `joined` uint8, all
                texts, and `lengths` int64. To generate: `prompt` uint8, `length`.

        Raises:
            ValueError: If it cannot do it.
        """

    def product(self, side: int) -> tuple[Callable[[], object], Callable[[], object]]:
        """Return a float32 product of square matrices, and what waits for it."""

    def memory(self) -> dict[str, int]:
        """Return the most memory of the device so far, bytes; nothing on a CPU."""


class Server:
    """Answers what a parent asks.

    Args:
        side: The framework.
        packages: Distributions whose versions are told.
    """

    def __init__(self, side: Side, packages: tuple[str, ...]):
        self._side, self._packages = side, packages
        self._work: Work | None = None
        self._product: Any = None
        self._product_s = 0.0

    def hello(self) -> dict[str, Any]:
        """Return where it computes, and with which versions."""
        return {
            "device": self._side.device,
            "threads": available_cores(),
            "versions": {
                "python": ".".join(map(str, sys.version_info[:3])),
                **{name: metadata.version(name) for name in self._packages},
            },
        }

    def set_up(
        self,
        task: str,
        config: dict[str, Any],
        weights: str,
        inputs: str,
        answers: str,
        thorough: bool,
    ) -> dict[str, Any]:
        """Build a piece of work and write its answers, `.npz`; return its facts.

        `thorough` asks for all that proves it, else for what it says on its way.
        """
        self._work = None
        gc.collect()
        forget_peak()
        before = peak_resident_bytes()
        work = self._side.work(task, config, weights, inputs)
        more = work.more_answers() if thorough else {}
        np.savez(answers, **cast(Any, {**work.answers, **more}))
        self._work = work._replace(answers={})
        call_s = min(self._timed(1) for _ in range(2))
        return {**self._work.facts, "call_s": call_s, "resident_before_bytes": before}

    def turn(self, calls: int) -> float:
        """Return the seconds of one call, as the mean of successive ones."""
        return self._timed(calls)

    def gauge(self, fill_s: float) -> float:
        """Return the present float32 rate of a product of square matrices, FLOP/s."""
        side = CPU_SIDE if self._side.device == "cpu" else GPU_SIDE
        if self._product is None:
            self._product = self._side.product(side)
            self._multiply(1)  # Kernels are chosen when a shape is first met.
            self._product_s = self._multiply(1)
        calls = max(1, round(fill_s / self._product_s))
        self._product_s = self._multiply(calls)
        return 2 * side**3 / self._product_s

    def tear_down(self) -> dict[str, Any]:
        """Drop the work; return the most memory that it needed, bytes."""
        peak = {"peak_resident_bytes": peak_resident_bytes(), **self._side.memory()}
        self._work = None
        gc.collect()
        return peak

    def _timed(self, calls: int) -> float:
        if self._work is None:
            raise ValueError("nothing is set up.")
        call, wait, *_ = self._work
        start_s = time.perf_counter()
        for _ in range(calls):
            call()
        wait()
        return (time.perf_counter() - start_s) / calls

    def _multiply(self, calls: int) -> float:
        product, wait = self._product
        start_s = time.perf_counter()
        for _ in range(calls):
            product()
        wait()
        return (time.perf_counter() - start_s) / calls


def _open(found: Found) -> Any:
    return Server(found.open_side(), found.facts.packages)


def serve(found: Found, make: Callable[[Found], Any] = _open) -> None:
    """Answer the lines on standard input until it ends.

    Args:
        found: The runner.
        make: Opens its framework, at the first line; each line names a method of
            what it returns.

    Standard output is the protocol's alone: whatever a library prints there goes to
    standard error.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    server: Any = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if server is None:
                server = make(found)
            answer = {"ok": getattr(server, request.pop("do"))(**request)}
        # Whatever went wrong, the others go on and the report says what it was.
        except Exception as error:
            words = " ".join(str(error).split())
            answer = {"error": f"{type(error).__name__}: {words}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
