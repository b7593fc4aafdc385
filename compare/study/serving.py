"""The system's side of the protocol of the study; lines as in `runners.serving`.

    hello     -> versions, threads, seconds of the import
    start     build a network and make its first update: seconds, its loss
    updates   make some more: seconds and loss of each
    read      say the class of some test texts: seconds of each batch
    single    say the class of one text, some times: seconds of each
    finish    the most memory that the process had

An update or a batch is timed by itself, and its answer awaited: nothing overlaps.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from importlib import metadata
from typing import Any, Protocol

import numpy as np

from compare.runners.facts import Found
from compare.study.batches import load_batches
from compare.study.networks import Network
from tfsent.data.word_batches import Batch
from tfsent.peak_memory import peak_resident_bytes


class Learner(Protocol):
    """A network with its optimizer."""

    def update(self, batch: Batch, rate: float, number: int) -> float:
        """Update the weights once and return the batch's loss."""

    def outputs(self, batch: Batch) -> np.ndarray:
        """Return the logits, float32[N, K]."""


class Side(Protocol):
    """What a system's file gives: its framework, opened."""

    threads: int
    """Threads that it computes with."""

    def learner(
        self, network: Network, num_words: int, weights: Mapping[str, np.ndarray]
    ) -> Learner:
        """Return a network with start weights, given by our names and axes.

        Raises:
            ValueError: If it cannot compute it.
        """


class StudyServer:
    """Answers what a parent asks.

    Args:
        side: The framework.
        packages: Distributions whose versions are told.
        import_s: Seconds that opening the framework took.
    """

    def __init__(self, side: Side, packages: tuple[str, ...], import_s: float):
        self._side, self._packages, self._import_s = side, packages, import_s
        self._updates = 0
        self._rate = 0.0
        self._epoch: tuple[str, list[Batch]] = ("", [])
        self._learner: Any = None

    def hello(self) -> dict[str, Any]:
        """Return with how many threads it computes, and which versions."""
        return {
            "threads": self._side.threads,
            "import_s": self._import_s,
            "versions": {
                "python": ".".join(map(str, sys.version_info[:3])),
                **{name: metadata.version(name) for name in self._packages},
            },
        }

    def start(
        self,
        network: list[Any],
        num_words: int,
        weights: str,
        rate: float,
        batches: str,
    ) -> dict[str, Any]:
        """Build a network and make its first update.

        Args:
            network: Fields of a `Network`.
            num_words: V.
            weights: File of the start weights, `.npz`.
            rate: Learning rate.
            batches: File of the first epoch.
        """
        with np.load(weights) as stored:
            arrays = dict(stored)
        self._load(batches)
        self._rate = rate
        started = time.perf_counter()
        self._learner = self._side.learner(Network(*network), num_words, arrays)
        built = time.perf_counter()
        answer = self.updates(batches, 0, 1)
        return {
            "build_s": built - started,
            "first_s": answer["seconds"][0],
            "loss": answer["losses"][0],
        }

    def updates(self, batches: str, first: int, last: int) -> dict[str, Any]:
        """Make the updates `first` to before `last` of an epoch."""
        seconds, losses = [], []
        for batch in self._load(batches)[first:last]:
            started = time.perf_counter()
            losses.append(self._learner.update(batch, self._rate, self._updates))
            seconds.append(time.perf_counter() - started)
            self._updates += 1
        return {"seconds": seconds, "losses": losses}

    def read(self, batches: str, first: int, last: int) -> dict[str, Any]:
        """Return the class that is told for each row of some batches."""
        seconds, said = [], []
        for batch in self._load(batches)[first:last]:
            started = time.perf_counter()
            logits_NK = self._learner.outputs(batch)
            seconds.append(time.perf_counter() - started)
            if not np.isfinite(logits_NK).all():
                raise ValueError("a logit is not finite.")
            said.append(logits_NK.argmax(axis=1).tolist())
        return {"seconds": seconds, "said": said}

    def single(self, batches: str, calls: int) -> list[float]:
        """Return the seconds of each of some calls with one text."""
        (batch,) = self._load(batches)
        seconds = []
        for _ in range(calls):
            started = time.perf_counter()
            self._learner.outputs(batch)
            seconds.append(time.perf_counter() - started)
        return seconds

    def finish(self) -> dict[str, Any]:
        """Return the most memory that the process had, bytes."""
        return {"peak_resident_bytes": peak_resident_bytes()}

    def _load(self, path: str) -> list[Batch]:
        if self._epoch[0] != path:
            self._epoch = (path, load_batches(path))
        return self._epoch[1]


def open_server(found: Found) -> StudyServer:
    """Open a system's framework, and take the time of that."""
    started = time.perf_counter()
    side = found.open_side()
    return StudyServer(side, found.facts.packages, time.perf_counter() - started)
