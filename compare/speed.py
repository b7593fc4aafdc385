"""How fast is the twin's training step beside the Keras one, on this machine?

    python -m compare.speed --out speed.json

Each framework runs in a process of its own. Both load the same weights: logits,
gradients and the losses of the first updates must agree, or the work is not equal.
Then they take turns; each turn is divided by the framework's own float32 rate at a
2048-cubed product, measured just before and after it. A figure is a median
[smallest-largest] over the turns. `scripts/compare.py` compares more runners.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.result import begin, finish, span
from benchmarks.timing import spread
from benchmarks.train_step import parse_cells
from compare.cells import GridCell
from compare.rounds import OK, Pool, measure_cell
from compare.runners.facts import find_runners
from compare.settings import Timing
from tfsent.cli import parse_config, run, tell
from tfsent.config import Precision

KERAS, TWIN = "keras-tensorflow", "torch"
"""The two runners."""

_CELLS = "32x512,32x1024,128x1024,128x2048,128x4096"

TARGETS = {
    "float32": {"32x512": 0.80, "32x1024": 0.85, "128x1024": 0.95, "128x2048": 1.0,
                "128x4096": 1.0},
    "mixed_bfloat16": {"32x512": 1.2, "32x1024": 1.4, "128x1024": 1.7,
                       "128x2048": 2.0, "128x4096": 2.0},
}  # fmt: skip
"""The share of the float32 product's rate that the twin aims at."""


@dataclass(frozen=True, kw_only=True)
class SpeedConfig:
    """The grid and how it is measured."""

    cells: str = _CELLS
    """Batch size x hidden size, a comma list."""
    window: int | None = None
    """Bytes T predicted per lane and step. Default: 64; 16 from hidden size 4096 up."""
    repeats: int = 7
    """Turns of each framework."""
    fill_s: float = 0.5
    """Seconds of steps in a turn, at least one step; a product gets a fifth."""
    precision: Precision = "float32"
    """Type of the arithmetic; the products compared with stay float32."""
    out: str | None = None
    """File for the result as one JSON object, besides what is printed."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        parse_cells(self.cells)
        for name in ("window", "repeats"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}; at least 1 will do.")

    def grid(self) -> list[GridCell]:
        """Return the cells."""
        return [
            GridCell(
                batch_size=batch_size,
                hidden_size=hidden_size,
                window=self.window or (64 if hidden_size < 4096 else 16),
                precision=self.precision,
            )
            for batch_size, hidden_size in parse_cells(self.cells)
        ]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure the grid, print table or JSON; leave with 1 if a cell failed."""
    config = parse_config(argv, SpeedConfig, description=__doc__)
    result = begin("compare.speed", argv, config) | {"precision": config.precision}
    result["cells"] = list(_measured(config))
    finish(result, config, table(result["cells"]))
    if any("error" in cell for cell in result["cells"]):
        raise SystemExit(1)


def _measured(config: SpeedConfig) -> Iterator[dict[str, Any]]:
    runners = find_runners()
    timing = Timing(passes=1, rounds=config.repeats, fill_s=config.fill_s)
    for cell in config.grid():
        tell(f"{cell.key} ...")
        # New processes for every cell: its peak memory is its own.
        pool = Pool({n: runners[n] for n in (KERAS, TWIN)}, timing.limit_s)
        with contextlib.closing(pool):
            found = measure_cell(cell, (KERAS, TWIN), pool, timing, 0)["runners"]
        sizes = {
            "cell": f"{cell.batch_size}x{cell.hidden_size}",
            "window": cell.window,
        }
        bad = [each["reason"] for each in found.values() if each["status"] != OK]
        if bad:
            tell(f"failed: {bad[0]}")
            yield sizes | {"error": bad[0]}
        else:
            yield sizes | figures(cell, found)


def figures(cell: GridCell, found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the figures of a cell, as JSON values.

    Args:
        cell: What was measured.
        found: What `measure_cell` found of the two runners.
    """
    keras, twin = (found[name]["turns"] for name in (KERAS, TWIN))
    goal = TARGETS.get(cell.precision, {}).get(f"{cell.batch_size}x{cell.hidden_size}")
    return {
        "gap": found[TWIN]["gap"],
        "target": goal,
        "runners": dict(found),
        "keras": _figures(keras, cell),
        "twin": _figures(twin, cell),
        # Seconds against seconds of the same round.
        "twin_times_keras": spread(
            k["seconds"] / t["seconds"] for k, t in zip(keras, twin, strict=True)
        )._asdict(),
    }


def _figures(turns: Sequence[Mapping[str, float]], cell: GridCell) -> dict[str, Any]:
    return {
        "bytes_per_s": spread(cell.work_bytes / t["seconds"] for t in turns)._asdict(),
        "gemm_gflop_per_s": spread(t["gemm_flop_per_s"] / 1e9 for t in turns)._asdict(),
        "ratio_to_gemm": spread(
            cell.flops / t["seconds"] / t["gemm_flop_per_s"] for t in turns
        )._asdict(),
    }


_COLUMNS = (
    *("cell", "T", "Keras bytes/s", "twin bytes/s", "twin / Keras"),
    *("Keras of its GEMM", "twin of its GEMM", "twin's target", "largest gap"),
)


def table(cells: Sequence[Mapping[str, Any]]) -> str:
    """Return the figures as a Markdown table; a cell that failed has its error."""
    rows = [_COLUMNS, ("---",) * len(_COLUMNS), *map(_row, cells)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _row(cell: Mapping[str, Any]) -> tuple[str, ...]:
    name, window = "B{} H{}".format(*cell["cell"].split("x")), str(cell["window"])
    if "error" in cell:
        return name, window, f"failed: {cell['error']}", *[""] * (len(_COLUMNS) - 3)
    goal, reached = cell["target"], cell["twin"]["ratio_to_gemm"]["median"]
    verdict = "" if goal is None else f"{goal:.2f} {_verdict(reached, goal)}"
    return (
        name,
        window,
        f"{cell['keras']['bytes_per_s']['median']:,.0f}",
        f"{cell['twin']['bytes_per_s']['median']:,.0f}",
        span(cell["twin_times_keras"]),
        span(cell["keras"]["ratio_to_gemm"]),
        span(cell["twin"]["ratio_to_gemm"]),
        verdict,
        f"{cell['gap']['value']:.1e} ({cell['gap']['what']})",
    )


def _verdict(reached: float, goal: float) -> str:
    return "met" if reached >= goal else "missed"


if __name__ == "__main__":
    run(main)
