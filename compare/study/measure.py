"""One network in all systems: the same updates, taken in turns, each timed by itself.

The systems live side by side in processes of their own, and one works at a time. The
training is what is timed: a turn is a part of an epoch, then a part of the test
batches, then calls with one text; every round starts with another system. All start
from the same weights and read the same batches. The losses of the first updates must
agree; a system whose losses do not is told and goes no further.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.provenance import available_cores
from compare.equal_work import gap_between
from compare.rounds import ABSENT, FAILED, INVALID, OK
from compare.runners.facts import Found, runners_of
from compare.runners.process import RunnerError, RunnerProcess
from compare.study.batches import write_batches
from compare.study.networks import SYSTEMS, Network, start_weights
from compare.study.settings import StudyConfig
from compare.study.texts import (
    StudyTexts,
    epoch_batches,
    single_batch,
    test_batches,
)
from tfsent.data.word_batches import Batch

PROVED = 3
"""First updates whose losses must agree: forward, gradient and rule are in them."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_BEGUN: dict[str, Any] = {
    "status": OK,
    "reason": None,
    "stderr": "",
    "facts": None,
    "start": None,
    "gap": None,
    "epochs": [],
    "test": [],
    "single": [],
    "right": None,
    "peak_resident_bytes": None,
}


def find_systems() -> dict[str, Found]:
    """Return the systems by name, without their frameworks."""
    found: dict[str, Found] = {}
    for name in SYSTEMS:
        found |= runners_of(f"compare.study.system_{name.replace('-', '_')}")
    return found


def num_threads(config: StudyConfig) -> int:
    """Return how many threads each framework gets."""
    import psutil

    cores = psutil.cpu_count(logical=False) or available_cores()
    return config.threads or min(cores, available_cores())


class Inputs:
    """Files that the systems read, in a folder that is dropped at the end.

    Args:
        texts: What they are made of.
        config: How.
    """

    def __init__(self, texts: StudyTexts, config: StudyConfig):
        self.texts, self._config = texts, config
        self._folder = tempfile.TemporaryDirectory()
        self._batches: dict[str, list[Batch]] = {}

    def epoch(self, seed: int, epoch: int) -> tuple[str, list[Batch]]:
        """Return file and content of the batches of an epoch."""
        return self._kept(
            f"train-{seed}-{epoch}",
            lambda: epoch_batches(self.texts, self._config, seed, epoch),
        )

    def test(self) -> tuple[str, list[Batch]]:
        """Return file and content of the batches of the test."""
        return self._kept("test", lambda: test_batches(self.texts, self._config))

    def single(self) -> str:
        """Return the file of the batch of one text."""
        return self._kept("single", lambda: [single_batch(self.texts, self._config)])[0]

    def weights(self, network: Network) -> str:
        """Return the file of the start weights of a network."""
        path = self._path(network.key)
        if not path.exists():
            arrays = start_weights(network, self.texts.num_words)
            np.savez(path, **arrays)  # type: ignore[arg-type]
        return str(path)

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()

    def _path(self, name: str) -> Path:
        return Path(self._folder.name) / f"{name}.npz"

    def _kept(
        self, name: str, make: Callable[[], list[Batch]]
    ) -> tuple[str, list[Batch]]:
        if name not in self._batches:
            self._batches[name] = make()
            write_batches(self._path(name), self._batches[name])
        return str(self._path(name)), self._batches[name]


def measure_network(
    network: Network, systems: Mapping[str, Found], inputs: Inputs, config: StudyConfig
) -> dict[str, Any]:
    """Return what was measured of a network in each system, as JSON values.

    Args:
        network: Which.
        systems: Those that are asked for, by name; the first that starts is what the
            losses of the others are held against.
        inputs: What they read.
        config: How often.
    """
    with contextlib.closing(_Turns(network, inputs, config)) as turns:
        for name, found in systems.items():
            turns.start(name, found)
        turns.prove()
        turns.train()
        turns.test()
        turns.single()
        turns.finish()
        epochs = [inputs.epoch(network.seed, k)[1] for k in range(config.epochs)]
        return {
            "systems": turns.found,
            "train_lengths": [b.words_NT.shape[1] for each in epochs for b in each],
            "test_lengths": [b.words_NT.shape[1] for b in inputs.test()[1]],
        }


@dataclass
class _Turns:
    """The systems of one network and what was found of them so far."""

    network: Network
    inputs: Inputs
    config: StudyConfig

    def __post_init__(self) -> None:
        self.found: dict[str, dict[str, Any]] = {}
        self._alive: dict[str, RunnerProcess] = {}
        self._round = 0

    def start(self, name: str, found: Found) -> None:
        """Start a process and have it make the first updates."""
        entry = self.found[name] = {**_BEGUN, "epochs": [], "test": [], "single": []}
        facts, network, config = found.facts, self.network, self.config
        reason = facts.absent()
        if network.cell not in facts.models:
            reason = f"it has no layer of the kind {network.cell}"
        if reason is not None:
            entry |= {"status": ABSENT, "reason": reason}
            return
        count = str(num_threads(config))
        path, batches = self.inputs.epoch(network.seed, 0)
        with self._caught(name):
            process = RunnerProcess(
                found,
                config.limit_s,
                "compare.study",
                dict.fromkeys(_THREADS, count),
            )
            self._alive[name] = process
            entry["facts"] = process.facts
            began = process.ask(
                "start",
                network=list(network),
                num_words=self.inputs.texts.num_words,
                weights=self.inputs.weights(network),
                rate=config.learning_rate,
                batches=path,
            )
            entry["start"] = {"process_s": process.start_s, **began}
            more = process.ask(
                "updates", batches=path, first=1, last=min(PROVED, len(batches))
            )
            first = {"seconds": [began["first_s"]], "losses": [began["loss"]]}
            self._check_losses(name, [began["loss"], *more["losses"]])
            entry["epochs"].append(
                [{"round": None, **{key: first[key] + more[key] for key in first}}]
            )

    def prove(self) -> None:
        """Hold the first losses of each against those of the first that has some."""
        reference: np.ndarray | None = None
        for name in list(self._alive):
            entry = self.found[name]
            losses = np.array(entry["epochs"][0][0]["losses"])
            reference = losses if reference is None else reference
            gap = gap_between({"losses": reference}, {"losses": losses}, "float32")
            gap = gap._replace(what=f"one of the first {len(losses)} losses")
            entry["gap"] = gap.as_json()
            if not gap.passed:
                entry["status"] = INVALID
                entry["reason"] = gap.reason
                self._alive.pop(name).close()

    def train(self) -> None:
        """Make all epochs in turns."""
        for epoch in range(self.config.epochs):
            path, batches = self.inputs.epoch(self.network.seed, epoch)
            begun = min(PROVED, len(batches)) if epoch == 0 else 0
            for first, last in self._parts(begun, len(batches)):
                for name, answer in self._each(
                    "updates", batches=path, first=first, last=last
                ):
                    epochs = self.found[name]["epochs"]
                    if len(epochs) <= epoch:
                        epochs.append([])
                    epochs[epoch].append({"round": self._round, **answer})

    def test(self) -> None:
        """Have the test texts read in turns; tell which are right."""
        path, batches = self.inputs.test()
        said: dict[str, list[list[int]]] = {name: [] for name in self._alive}
        for first, last in self._parts(0, len(batches)):
            for name, answer in self._each(
                "read", batches=path, first=first, last=last
            ):
                said[name] += answer.pop("said")
                self.found[name]["test"].append({"round": self._round, **answer})
        for name in self._alive:
            self.found[name]["right"] = packed(_right(batches, said[name]))

    def single(self) -> None:
        """Have one text read alone, in turns."""
        path, calls = self.inputs.single(), self.config.latency_calls
        for _ in range(self.config.turns):
            for name, seconds in self._each("single", batches=path, calls=calls):
                self.found[name]["single"].append(
                    {"round": self._round, "seconds": seconds}
                )

    def finish(self) -> None:
        """Ask for the memory of each."""
        for name in list(self._alive):
            with self._caught(name):
                self.found[name] |= self._alive[name].ask("finish")

    def close(self) -> None:
        """End all processes."""
        for process in self._alive.values():
            process.hang_up()
        for process in self._alive.values():
            process.close()

    def _parts(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield where the parts of a range begin and end, none of them empty."""
        edges = np.linspace(begin, end, self.config.turns + 1).round().astype(int)
        yield from (
            (int(first), int(last))
            for first, last in zip(edges[:-1], edges[1:], strict=True)
            if first < last
        )

    def _each(self, do: str, **arguments: Any) -> Iterator[tuple[str, Any]]:
        """Ask the systems that are left, one after the other; the next round begins."""
        names = list(self._alive)
        first = self._round % len(names) if names else 0
        for name in names[first:] + names[:first]:
            with self._caught(name):
                answer = self._alive[name].ask(do, **arguments)
                if do == "updates":
                    self._check_losses(name, answer["losses"])
                yield name, answer
        self._round += 1

    def _check_losses(self, name: str, losses: Sequence[float]) -> None:
        if not np.isfinite(losses).all():
            raise RunnerError(f"{name}: the loss is not finite.")

    @contextlib.contextmanager
    def _caught(self, name: str) -> Iterator[None]:
        """Mark a system as failed where its process does; the others go on."""
        try:
            yield
        except RunnerError as error:
            self.found[name] |= {
                "status": FAILED,
                "reason": str(error),
                "stderr": error.stderr,
            }
            if name in self._alive:
                self._alive.pop(name).close()


def _right(batches: Sequence[Batch], said: Sequence[Sequence[int]]) -> np.ndarray:
    """Return which texts are told right, bool[N], in the order of the texts."""
    count = sum(int((batch.rows >= 0).sum()) for batch in batches)
    right = np.zeros(count, bool)
    for batch, classes in zip(batches, said, strict=True):
        real = batch.rows >= 0
        right[batch.rows[real]] = (np.array(classes) == batch.labels)[real]
    return right


def packed(right: np.ndarray) -> dict[str, Any]:
    """Return bool[N] as JSON values."""
    return {"count": len(right), "bits": np.packbits(right).tobytes().hex()}


def unpacked(found: Mapping[str, Any]) -> np.ndarray:
    """Return what `packed` was given.

    Example:
        >>> unpacked(packed(np.array([True, False, True]))).tolist()
        [True, False, True]
    """
    bits = np.frombuffer(bytes.fromhex(found["bits"]), np.uint8)
    return np.unpackbits(bits, count=found["count"]).astype(bool)
