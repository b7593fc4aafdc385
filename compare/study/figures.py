"""What was measured of the networks -> figures with intervals.

The first update or batch of a length compiles something in most systems; what it took
beyond the others of its length is compiling, and is told apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from compare.equal_work import size_of
from compare.intervals import interval
from compare.rounds import ABSENT, FAILED, INVALID, OK
from compare.study.measure import unpacked
from compare.study.networks import Network
from tfsent.transfer.scores import bootstrap_interval

PAIRS = (
    ("keras", "torch"),
    ("keras-layers", "torch-layers"),
    ("keras", "keras-layers"),
    ("torch", "torch-layers"),
)
"""Systems that are set beside each other: the frameworks first, then within each."""

BETWEEN = PAIRS[:2]
"""Those of two frameworks."""

Entry = Mapping[str, Any]
"""What was measured of one network and seed in one system."""


def steady(
    seconds: Sequence[float], lengths: Sequence[int]
) -> tuple[list[float], float]:
    """Return the seconds without compiling, and the seconds of compiling.

    The first of each length counts as the median of the others of its length; where
    there is no other, as long as others of any length take for so many words; where
    there is none at all, it stays.

    Args:
        seconds: Of updates or batches, in order.
        lengths: Words to which each was filled up.

    Example:
        >>> steady([5.0, 1.0, 1.0, 4.0, 2.0], [10, 10, 10, 20, 20])
        ([1.0, 1.0, 1.0, 2.0, 2.0], 6.0)
    """
    later: dict[int, list[float]] = {}
    first: dict[int, int] = {}
    for k, (taken, length) in enumerate(zip(seconds, lengths, strict=True)):
        if length in first:
            later.setdefault(length, []).append(taken)
        else:
            first[length] = k
    rates = [taken / n for n, each in later.items() for taken in each]
    found, compiling = list(seconds), 0.0
    for length, k in first.items():
        if not rates:
            continue
        usual = median(later[length]) if length in later else median(rates) * length
        compiling += max(0.0, seconds[k] - usual)
        found[k] = min(seconds[k], usual)
    return found, compiling


class Times:
    """Times of one network and seed in one system.

    Args:
        entry: What was measured; its status is ok.
        train_lengths: Words of each batch, an epoch after the other.
        test_lengths: Words of each batch of the test.

    Attributes:
        epochs_s: Seconds of each epoch, without compiling.
        train_rounds: Round to the seconds of its turn, without compiling.
        test_s: Seconds of the test texts, without compiling.
        test_rounds: As for training.
        single_s: Seconds of each call with one text but the first.
        single_rounds: Round to the median of its calls.
        compile_s: Seconds of compiling in all.
        start_s: From the start of the process to the end of its first update.
        import_s: Of these those of importing the framework.
    """

    def __init__(
        self, entry: Entry, train_lengths: Sequence[int], test_lengths: Sequence[int]
    ):
        turns = [turn for epoch in entry["epochs"] for turn in epoch]
        seconds, compiling = steady(_joined(turns), train_lengths)
        self.train_rounds = _by_round(turns, seconds)
        counts = [sum(len(t["seconds"]) for t in epoch) for epoch in entry["epochs"]]
        ends = np.cumsum(counts)
        self.epochs_s = [
            sum(seconds[end - count : end])
            for end, count in zip(ends, counts, strict=True)
        ]
        read, more = steady(_joined(entry["test"]), test_lengths)
        self.test_s = sum(read)
        self.test_rounds = _by_round(entry["test"], read)
        singles = [list(turn["seconds"]) for turn in entry["single"]]
        first = singles[0].pop(0)
        self.single_s = [taken for turn in singles for taken in turn]
        self.single_rounds = {
            turn["round"]: median(left)
            for turn, left in zip(entry["single"], singles, strict=True)
        }
        last = max(0.0, first - median(self.single_s))
        self.compile_s = compiling + more + last
        start = entry["start"]
        self.start_s = start["process_s"] + start["build_s"] + start["first_s"]
        self.import_s = entry["facts"]["import_s"]


def _joined(turns: Sequence[Mapping[str, Any]]) -> list[float]:
    return [taken for turn in turns for taken in turn["seconds"]]


def _by_round(
    turns: Sequence[Mapping[str, Any]], seconds: Sequence[float]
) -> dict[int, float]:
    """Return the seconds of each turn; the first updates had none."""
    found, done = {}, 0
    for turn in turns:
        count = len(turn["seconds"])
        if turn["round"] is not None:
            found[turn["round"]] = sum(seconds[done : done + count])
        done += count
    return found


def network_figures(
    seeds: Mapping[int, Mapping[str, Any]], network: Network, parameters: int
) -> dict[str, Any]:
    """Return the figures of a network of some seeds, as a report has them.

    Args:
        seeds: Seed to what was measured: "systems", "train_lengths", "test_lengths".
        network: Of the first seed.
        parameters: Its number of weights.
    """
    names = list(dict.fromkeys(n for each in seeds.values() for n in each["systems"]))
    status = {name: _status(name, seeds) for name in names}
    times = {
        name: [
            Times(each["systems"][name], each["train_lengths"], each["test_lengths"])
            for each in seeds.values()
        ]
        for name in names
        if status[name][0] == OK
    }
    return {
        "key": network.key.rpartition("-")[0],
        "cell": network.cell,
        "depth": network.depth,
        "width": network.width,
        "parameters": parameters,
        "systems": {
            name: _system(name, status[name], times.get(name), seeds) for name in names
        },
        "speed": [
            _ratios(one, other, times[one], times[other])
            for one, other in PAIRS
            if one in times and other in times
        ],
    }


def _status(name: str, seeds: Mapping[int, Mapping[str, Any]]) -> tuple[str, Any, str]:
    """Return the worst that became of a system in all seeds, why, and its output."""
    entries = [each["systems"][name] for each in seeds.values()]
    for status in (FAILED, INVALID, ABSENT):
        for entry in entries:
            if entry["status"] == status:
                return status, entry["reason"], entry["stderr"]
    return OK, None, ""


def _system(
    name: str,
    status: tuple[str, Any, str],
    times: Sequence[Times] | None,
    seeds: Mapping[int, Mapping[str, Any]],
) -> dict[str, Any]:
    entries = {seed: each["systems"][name] for seed, each in seeds.items()}
    gaps = [entry["gap"] for entry in entries.values() if entry["gap"]]
    found: dict[str, Any] = {
        "status": status[0],
        "reason": status[1],
        "stderr": status[2],
        "gap": max(gaps, key=size_of) if gaps else None,
        "peak_resident_bytes": None,
        **dict.fromkeys(
            ("epoch_s", "test_s", "single_s", "start_s", "import_s", "compile_s")
        ),
        "runs": [],
    }
    if times is None:
        return found
    peaks = [entry["peak_resident_bytes"] for entry in entries.values()]
    return found | {
        "epoch_s": interval([each.epochs_s for each in times]),
        "test_s": interval([[each.test_s] for each in times]),
        "single_s": interval([each.single_s for each in times]),
        "start_s": interval([[each.start_s] for each in times]),
        "import_s": interval([[each.import_s] for each in times]),
        "compile_s": interval([[each.compile_s] for each in times]),
        "peak_resident_bytes": max(peaks),
        "runs": [_run(seed, entry) for seed, entry in entries.items()],
    }


def _run(seed: int, entry: Entry) -> dict[str, Any]:
    right = unpacked(entry["right"])
    losses = [
        [loss for turn in epoch for loss in turn["losses"]] for epoch in entry["epochs"]
    ]
    return {
        "seed": seed,
        "accuracy": float(right.mean()),
        "interval": list(bootstrap_interval(right.astype(np.float64), seed)),
        "losses": [float(np.mean(each)) for each in losses],
    }


def _ratios(
    one: str, other: str, first: Sequence[Times], second: Sequence[Times]
) -> dict[str, Any]:
    """Return how many times as fast `one` is, round by round."""
    found: dict[str, Any] = {"one": one, "other": other}
    for task in ("train", "test", "single"):
        name = f"{task}_rounds"
        pairs = [
            (getattr(a, name), getattr(b, name))
            for a, b in zip(first, second, strict=True)
        ]
        ratios = [[b[k] / a[k] for k in a if k in b] for a, b in pairs]
        found[task] = interval(ratios) if all(ratios) else None
    return found
