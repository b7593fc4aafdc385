"""How fast is the training step, beside float32 products and the plain Keras way?

    python -m benchmarks.train_step --json > train_step.json

Each cell of the grid runs in a process of its own, one after another. A figure is a
median [smallest-largest] of the repetitions; a ratio is taken within a repetition.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.result import begin, finish
from benchmarks.train_step_figures import figures, table
from tfsent.cli import parse_config, run, tell
from tfsent.config import Precision

DEFAULT_CELLS = "32x512,32x1024,128x1024,128x2048,128x4096"
QUICK_CELLS = "4x64,8x128"
QUICK_FLAGS = ("--fill-s", "0.05")
_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class TrainStepConfig:
    """The grid and how it is measured."""

    cells: str | None = None
    """Batch size x hidden size, a comma list. Default: the five that have targets."""
    window: int | None = None
    """Bytes T predicted per lane and step. Default: 64; 16 from hidden size 4096 up."""
    repeats: int | None = None
    """Timed repetitions of each way. Default: 7."""
    precision: Precision = "float32"
    """Type of the arithmetic; the products compared with stay float32."""
    weight_norm: bool = True
    """Weight normalisation, which the plain Keras way repeats at every time step."""
    skip_keras: bool = False
    """Leave the plain Keras way out."""
    quick: bool = False
    """Only see that it runs: cells 4x64,8x128, window 8, 3 short repetitions."""
    out: str | None = None
    """File for the result as one JSON object, besides what is printed."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        parse_cells(self.cells or DEFAULT_CELLS)
        for name in ("window", "repeats"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}; at least 1 will do.")

    def grid(self) -> list[tuple[int, int, int]]:
        """Return (B, H, T) of every cell."""
        cells = self.cells or (QUICK_CELLS if self.quick else DEFAULT_CELLS)
        return [
            (batch_size, hidden_size, self.window or self._window(hidden_size))
            for batch_size, hidden_size in parse_cells(cells)
        ]

    def _window(self, hidden_size: int) -> int:
        if self.quick:
            return 8
        # A step of B128 H4096 is 65 GFLOP a byte of the window, and the plain Keras
        # way keeps the 0.3 GB of normalised weights of every time step for its
        # gradient. 16 bytes keep the default grid under 25 minutes on 2 cores.
        return 64 if hidden_size < 4096 else 16


def parse_cells(text: str) -> list[tuple[int, int]]:
    """Return (B, H) of every cell of a comma list.

    Raises:
        ValueError: If one is not two numbers above 0 with an x between.

    Example:
        >>> parse_cells("32x512,128x4096")
        [(32, 512), (128, 4096)]
    """
    cells = []
    for cell in text.split(","):
        match = re.fullmatch(r"\s*([1-9]\d*)x([1-9]\d*)\s*", cell)
        if match is None:
            raise ValueError(f"cells has {cell!r}; such as 32x512,128x1024 will do.")
        cells.append((int(match[1]), int(match[2])))
    return cells


def main(argv: Sequence[str] | None = None) -> None:
    """Measure the grid, print table or JSON; leave with 1 if a cell failed."""
    config = parse_config(argv, TrainStepConfig, description=__doc__)
    result = begin("benchmarks.train_step", argv, config)
    result |= {"precision": config.precision, "weight_norm": config.weight_norm}
    result["cells"] = list(measured(config))
    finish(result, config, report(result))
    if any("error" in cell for cell in result["cells"]):
        raise SystemExit(1)


def measured(config: TrainStepConfig) -> Iterator[dict[str, Any]]:
    """Yield the figures of each cell, or its sizes and an `error` if it failed."""
    for batch_size, hidden_size, window in config.grid():
        tell(f"B{batch_size} H{hidden_size} T{window} ...")
        sizes = {
            "batch_size": batch_size,
            "hidden_size": hidden_size,
            "window": window,
            "precision": config.precision,
        }
        flags = [f"--repeats={config.repeats or (3 if config.quick else 7)}"]
        flags += [f"--{name.replace('_', '-')}={v}" for name, v in sizes.items()]
        flags += ["--weight-norm" if config.weight_norm else "--no-weight-norm"]
        flags += ["--skip-keras"] if config.skip_keras else []
        flags += QUICK_FLAGS if config.quick else []
        try:
            yield figures(run_cell(flags), **sizes)
        except CellError as error:
            tell(f"failed: {error}")
            yield sizes | {"error": str(error)}


class CellError(ValueError):
    """A cell could not be measured; the text is the last line of its process."""


def run_cell(flags: Sequence[str]) -> dict[str, Any]:
    """Return what `benchmarks.train_cell` measures, run in a process of its own.

    Raises:
        CellError: If that process fails or is killed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.train_cell", *flags],
        cwd=_ROOT,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode == 0:
        return json.loads(done.stdout)
    if os.environ.get("TFSENT_TRACEBACK"):
        tell(done.stderr)
    if done.returncode < 0:
        raise CellError(
            f"killed by signal {-done.returncode}, out of memory if it is 9."
        )
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    raise CellError(
        lines[-1].removeprefix("error: ")
        if lines
        else f"left with code {done.returncode}."
    )


def report(result: dict[str, Any]) -> str:
    """Return the result as Markdown."""
    versions = ", ".join(f"{k} {v}" for k, v in result["versions"].items())
    load = ", ".join(f"{value:.2f}" for value in result["load_average"])
    norm = "with" if result["weight_norm"] else "without"
    return "\n".join(
        [
            f"    {result['command']}",
            "",
            f"{result['date']}. {result['cpu']}, {result['threads']} threads, load "
            f"average at the start {load}. {versions}. {result['precision']}, {norm} "
            "weight normalisation.",
            "",
            table(result["cells"]),
        ]
    )


if __name__ == "__main__":
    run(main)
