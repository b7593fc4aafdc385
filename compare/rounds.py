"""Cells timed in interleaved rounds, each runner in its own process, resumable.

A pass starts a process for every runner, takes all cells in turn and ends the
processes; passes are repeated, since two processes of one runner differ by more than
two rounds of one process. What a pass measured of a cell is written at once: a
comparison that is stopped goes on where it was.

The first pass starts and sets up one runner after the other and times that too; it
proves logits and all gradients. Later ones set up several at once and see that the
losses are still the same. Turns never overlap.
"""

from __future__ import annotations

import contextlib
import functools
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.provenance import available_cores
from benchmarks.timing import calls_filling
from compare.cells import GridCell, write_given
from compare.equal_work import gap_between
from compare.runners.facts import Found
from compare.runners.process import RunnerError, RunnerProcess
from compare.settings import Timing
from tfsent.checkpoint import atomic
from tfsent.session import Tell

OK, INVALID, FAILED, ABSENT = "ok", "invalid", "failed", "absent"
"""What may become of a runner in a cell: measured; other work; an error; not here."""

_MOST_AT_ONCE = 4
"""Set-ups that run side by side, one a core; each may need several GB."""


class Pool:
    """The processes of a pass, started when they are first needed.

    Args:
        runners: All that may be asked for.
        limit_s: Seconds that an answer may take.
        started: Takes every process once it has answered.
    """

    def __init__(
        self,
        runners: Mapping[str, Found],
        limit_s: float,
        started: Callable[[RunnerProcess], None] | None = None,
    ):
        self._runners, self._limit_s, self._started = runners, limit_s, started
        self._alive: dict[str, RunnerProcess] = {}

    def __getitem__(self, name: str) -> RunnerProcess:
        """Return a running process.

        Raises:
            RunnerError: If it does not start.
        """
        if name not in self._alive:
            process = RunnerProcess(self._runners[name], self._limit_s)
            self._alive[name] = process
            if self._started is not None:
                self._started(process)
        return self._alive[name]

    def drop(self, name: str) -> None:
        """End a process, which the next cell starts anew."""
        if name in self._alive:
            self._alive.pop(name).close()

    def close(self) -> None:
        """End all processes, each of which takes some seconds to do so."""
        for process in self._alive.values():
            process.hang_up()
        for name in list(self._alive):
            self.drop(name)


def measure_passes(
    cells: Sequence[GridCell],
    runners: Mapping[str, Found],
    timing: Timing,
    folder: Path,
    tell: Tell = lambda line: None,
) -> None:
    """Measure what is not yet there of all cells and passes.

    Args:
        cells: In the order in which they are taken.
        runners: Those of the comparison that are present, by name.
        timing: How often and how long.
        folder: Takes a file for each cell and pass, and `runners.json`.
        tell: Takes a line on how far it is.

    Raises:
        OSError: If the disk refuses; names the file.
    """
    atomic.make_folder(folder)
    for k in range(timing.passes):
        missing = [cell for cell in cells if not _file(folder, cell, k).exists()]
        if not missing:
            continue
        started = functools.partial(_add_start, folder) if k == 0 else None
        with contextlib.closing(Pool(runners, timing.limit_s, started)) as pool:
            for cell in missing:
                names = [n for n in runners if takes(runners[n], cell)]
                if not names:
                    continue
                tell(f"pass {k + 1} of {timing.passes}: {cell.key}")
                found = measure_cell(cell, names, pool, timing, k)
                _write(_file(folder, cell, k), found)


def takes(found: Found, cell: GridCell) -> bool:
    """Return whether a runner can do what a cell asks for."""
    facts = found.facts
    return (
        cell.model in facts.models
        and cell.task in facts.tasks
        and cell.precision in facts.precisions
        # Each runner's work is done on one device.
        and cell.devices == 1
    )


def measure_cell(
    cell: GridCell, names: Sequence[str], pool: Pool, timing: Timing, pass_number: int
) -> dict[str, Any]:
    """Return what one pass finds of a cell, as JSON values.

    Args:
        cell: What is timed.
        names: Its runners; the first that can be set up is what the others' answers
            are held against.
        pool: Their processes.
        timing: How long.
        pass_number: Pass 0 proves and times the set-ups, one after the other. The
            first round starts with another runner in every pass.
    """
    at_once = min(available_cores(), _MOST_AT_ONCE) if pass_number else 1
    with tempfile.TemporaryDirectory() as folder:
        given = write_given(cell, Path(folder))._asdict()
        given["thorough"] = pass_number == 0
        found = _set_up(names, pool, given, Path(folder), at_once)
        _prove(cell, found, Path(folder))
    ready = [name for name in names if found[name]["status"] == OK]
    for name in ready:
        entry = found[name]
        if at_once > 1:  # What was timed beside another set-up says little.
            entry.pop("first_s", None)
            with _caught(entry, pool, name):
                entry["call_s"] = pool[name].ask("turn", calls=1)
        entry["calls"] = calls_filling(timing.fill_s, entry["call_s"])
    for k in range(timing.rounds):
        first = (pass_number + k) % len(ready) if ready else 0
        for name in ready[first:] + ready[:first]:
            if found[name]["status"] == OK:
                _turn(found[name], pool, name, timing)
    for name in names:
        if found[name]["status"] in (OK, INVALID):
            with _caught(found[name], pool, name):
                found[name] |= pool[name].ask("tear_down")
    return {"cell": cell.described(), "runners": found}


def _set_up(
    names: Sequence[str],
    pool: Pool,
    given: Mapping[str, Any],
    folder: Path,
    at_once: int,
) -> dict[str, dict[str, Any]]:
    """Set every runner up; its answers come into the folder."""
    found: dict[str, dict[str, Any]] = {
        name: {"status": OK, "reason": None, "stderr": "", "turns": []}
        for name in names
    }

    def set_up(name: str) -> None:
        entry, answers = found[name], str(_answers(folder, name))
        with _caught(entry, pool, name):
            entry |= pool[name].ask("set_up", answers=answers, **given)

    with ThreadPoolExecutor(at_once) as threads:
        list(threads.map(set_up, names))
    return found


def _prove(cell: GridCell, found: Mapping[str, dict[str, Any]], folder: Path) -> None:
    """Hold the answers of every runner against those of the first that has some."""
    reference: dict[str, np.ndarray] | None = None
    for name, entry in found.items():
        if entry["status"] != OK:
            continue
        with np.load(_answers(folder, name)) as stored:
            own = dict(stored)
        _answers(folder, name).unlink()  # Gradients of 4096 units are 340 MB.
        reference = own if reference is None else reference
        gap = gap_between(reference, own, cell.precision)
        entry["gap"] = gap.as_json()
        if not gap.passed:
            entry["status"] = INVALID
            entry["reason"] = gap.reason


def _answers(folder: Path, name: str) -> Path:
    return folder / f"{name}.npz"


def _turn(entry: dict[str, Any], pool: Pool, name: str, timing: Timing) -> None:
    with _caught(entry, pool, name):
        ask = pool[name].ask
        before = ask("gauge", fill_s=timing.fill_s / 5)
        seconds = ask("turn", calls=entry["calls"])
        after = ask("gauge", fill_s=timing.fill_s / 5)
        rate = (before + after) / 2
        entry["turns"].append({"seconds": seconds, "gemm_flop_per_s": rate})


@contextlib.contextmanager
def _caught(entry: dict[str, Any], pool: Pool, name: str) -> Iterator[None]:
    """Mark a runner as failed where its process does; the others go on."""
    try:
        yield
    except RunnerError as error:
        entry |= {"status": FAILED, "reason": str(error), "stderr": error.stderr}
        if error.gone:
            pool.drop(name)


def _file(folder: Path, cell: GridCell, k: int) -> Path:
    return folder / f"{cell.key}.{k}.json"


def read_passes(
    cell: GridCell, passes: int, folder: Path
) -> list[dict[str, dict[str, Any]]]:
    """Return what the passes found of a cell's runners, those that are there."""
    files = [_file(folder, cell, k) for k in range(passes)]
    return [
        json.loads(path.read_text(encoding="ascii"))["runners"]
        for path in files
        if path.exists()
    ]


def read_starts(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what runners said of themselves, and `start_s`, seconds of every start."""
    path = folder / "runners.json"
    if not path.exists():
        return {}
    found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="ascii"))
    return found


def _add_start(folder: Path, process: RunnerProcess) -> None:
    found = read_starts(folder)
    before = found.get(process.name, {}).get("start_s", [])
    found[process.name] = {**process.facts, "start_s": [*before, process.start_s]}
    _write(folder / "runners.json", found)


def _write(path: Path, value: Mapping[str, Any]) -> None:
    atomic.replace_file(path, [(json.dumps(value) + "\n").encode("ascii")])
