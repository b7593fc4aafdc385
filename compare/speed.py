"""How fast is the twin's training step beside the Keras one, on this machine?

    python -m compare.speed --out speed.json

Each framework runs in a process of its own. Both load the same weights and first
train on the same batches: their losses must agree, or the work is not equal. Then
they take turns; each turn is divided by the framework's own float32 rate at a
2048-cubed product, measured just before and after it. A figure is a median
[smallest-largest] over the repetitions.

Axes: B lanes, T bytes in a window.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.result import begin, finish, span
from benchmarks.timing import calls_filling, spread
from benchmarks.train_step import parse_cells
from benchmarks.train_step_figures import step_flops
from compare.runners.process import RunnerError, RunnerProcess
from tfsent.checkpoint import TFSENT, expected_shapes, save_weights
from tfsent.cli import parse_config, run, tell
from tfsent.config import (
    DataConfig,
    DistributionConfig,
    ModelConfig,
    Precision,
    RunConfig,
    TrainingConfig,
)
from tfsent.data.batches import LaneBatches
from tfsent.data.shards import prepare

RUNNERS = {"keras": "keras_tensorflow", "twin": "torch_twin"}
"""Name in the table to the module of `compare.runners`."""

_CELLS = "32x512,32x1024,128x1024,128x2048,128x4096"

TARGETS = {
    "float32": {"32x512": 0.80, "32x1024": 0.85, "128x1024": 0.95, "128x2048": 1.0,
                "128x4096": 1.0},
    "mixed_bfloat16": {"32x512": 1.2, "32x1024": 1.4, "128x1024": 1.7,
                       "128x2048": 2.0, "128x4096": 2.0},
}  # fmt: skip
"""The share of the float32 product's rate that the twin aims at."""

MAX_LOSS_GAP = {"float32": 2e-5, "mixed_bfloat16": 1e-2, "mixed_float16": 1e-2}
"""Largest difference of the first losses, bits per character, that is equal work.
Measured over three steps of 512 to 4096 units: at most 2.4e-6. The half precisions
round in places of their own, which the first steps from small weights do not show."""

_NUM_BATCHES = 3


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


def main(argv: Sequence[str] | None = None) -> None:
    """Measure the grid, print table or JSON; leave with 1 if a cell failed."""
    config = parse_config(argv, SpeedConfig, description=__doc__)
    result = begin("compare.speed", argv, config) | {"precision": config.precision}
    result["cells"] = list(_measured(config))
    finish(result, config, table(result["cells"]))
    if any("error" in cell for cell in result["cells"]):
        raise SystemExit(1)


def _measured(config: SpeedConfig) -> Iterator[dict[str, Any]]:
    for batch_size, hidden_size in parse_cells(config.cells):
        window = config.window or (64 if hidden_size < 4096 else 16)
        tell(f"B{batch_size} H{hidden_size} T{window} ...")
        sizes = {"cell": f"{batch_size}x{hidden_size}", "window": window}
        try:
            yield sizes | measure(config, batch_size, hidden_size, window)
        except RunnerError as error:
            tell(f"failed: {error}")
            yield sizes | {"error": str(error)}


def measure(
    config: SpeedConfig, batch_size: int, hidden_size: int, window: int
) -> dict[str, Any]:
    """Return the figures of one cell, as JSON values.

    Raises:
        RunnerError: If a runner fails or their losses differ.
    """
    settings = RunConfig(
        model=ModelConfig(hidden_size=hidden_size),
        training=TrainingConfig(batch_size=batch_size, window=window),
        distribution=DistributionConfig(devices=1),
        precision=config.precision,
    )
    runners = {name: RunnerProcess(module) for name, module in RUNNERS.items()}
    try:
        with tempfile.TemporaryDirectory() as folder:
            given = _given(settings, Path(folder))
            facts = {
                name: runner.ask("set_up", **given) for name, runner in runners.items()
            }
        gap = _loss_gap(facts, config.precision)
        turns = _turns(config, runners, facts)
    finally:
        for runner in runners.values():
            runner.close()
    flops = step_flops(batch_size, hidden_size, window)
    goal = TARGETS.get(config.precision, {}).get(f"{batch_size}x{hidden_size}")
    return {
        "loss_gap_bpc": gap,
        "target": goal,
        "facts": facts,
        "turns": turns,
        **{name: _figures(turns[name], batch_size * window, flops) for name in turns},
        # Seconds against seconds of the same round.
        "twin_times_keras": spread(
            keras["seconds"] / twin["seconds"]
            for keras, twin in zip(turns["keras"], turns["twin"], strict=True)
        )._asdict(),
    }


def _given(settings: RunConfig, folder: Path) -> dict[str, Any]:
    """Write what both sides start from and return where it lies."""
    rng = np.random.default_rng(0)
    bound = 1 / np.sqrt(settings.model.hidden_size)
    weights = {
        name: rng.uniform(-bound, bound, shape).astype(np.float32)
        for name, shape in expected_shapes(settings.model).items()
    }
    for gain, matrix, axis in TFSENT.norms(weights):
        weights[gain] = np.linalg.norm(weights[matrix], axis=axis)
    config = dataclasses.asdict(settings)
    save_weights(folder / "start", weights, config)
    lanes = LaneBatches(
        prepare(DataConfig())["train"],
        batch_size=settings.training.batch_size,
        window=settings.training.window,
        state_reset="shard",
        seed=0,
    )
    batches = [lanes.batch(step) for step in range(_NUM_BATCHES)]
    np.savez(
        folder / "batches.npz",
        bytes=np.stack([batch.bytes_BT1 for batch in batches]),
        reset=np.stack([batch.reset_BT for batch in batches]),
    )
    return {
        "config": config,
        "weights": str(folder / "start"),
        "batches": str(folder / "batches.npz"),
    }


def _loss_gap(facts: Mapping[str, Mapping[str, Any]], precision: Precision) -> float:
    losses = {name: each["bpc"] for name, each in facts.items()}
    gap = float(np.max(np.ptp(list(losses.values()), axis=0)))
    if not gap <= MAX_LOSS_GAP[precision]:  # false for NaN too
        raise RunnerError(
            f"the losses of the first steps differ by {gap:.1e}: {losses}."
        )
    return gap


def _turns(
    config: SpeedConfig,
    runners: Mapping[str, RunnerProcess],
    facts: Mapping[str, Mapping[str, Any]],
) -> dict[str, list[dict[str, float]]]:
    calls = {
        name: calls_filling(config.fill_s, each["step_s"])
        for name, each in facts.items()
    }
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in runners}
    names = list(runners)
    for k in range(config.repeats):
        # Each round starts with another one, so that none always follows the same.
        first = k % len(names)
        for name in names[first:] + names[:first]:
            ask = runners[name].ask
            before = ask("gauge", fill_s=config.fill_s / 5)
            seconds = ask("turn", calls=calls[name])
            after = ask("gauge", fill_s=config.fill_s / 5)
            rate = (before + after) / 2
            turns[name].append({"seconds": seconds, "gemm_flop_per_s": rate})
    return turns


def _figures(
    turns: Sequence[Mapping[str, float]], step_bytes: int, flops: int
) -> dict[str, Any]:
    return {
        "bytes_per_s": spread(step_bytes / t["seconds"] for t in turns)._asdict(),
        "gemm_gflop_per_s": spread(t["gemm_flop_per_s"] / 1e9 for t in turns)._asdict(),
        "ratio_to_gemm": spread(
            flops / t["seconds"] / t["gemm_flop_per_s"] for t in turns
        )._asdict(),
    }


_COLUMNS = (
    *("cell", "T", "Keras bytes/s", "twin bytes/s", "twin / Keras"),
    *("Keras of its GEMM", "twin of its GEMM", "twin's target", "loss gap"),
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
        f"{cell['loss_gap_bpc']:.1e}",
    )


def _verdict(reached: float, goal: float) -> str:
    return "met" if reached >= goal else "missed"


if __name__ == "__main__":
    run(main)
