"""Repetitions of a training step -> ratios with their spread, goals, a table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.flops import byte_flops
from benchmarks.result import span
from benchmarks.timing import Spread, spread
from tfsent.config import ModelConfig

# (B, H) -> share of the float32 GEMM rate.
FLOORS: Mapping[str, Mapping[tuple[int, int], float]] = {
    "float32": {
        (32, 512): 0.50,
        (32, 1024): 0.58,
        (128, 1024): 0.75,
        (128, 2048): 0.80,
        (128, 4096): 0.85,
    }
}
"""Share of the 2048-cubed product rate below which no version may fall."""
TARGETS: Mapping[str, Mapping[tuple[int, int], float]] = {
    "float32": {
        (32, 512): 0.75,
        (32, 1024): 0.80,
        (128, 1024): 0.90,
        (128, 2048): 0.95,
        (128, 4096): 0.95,
    },
    "mixed_bfloat16": {
        (32, 512): 0.9,
        (32, 1024): 1.0,
        (128, 1024): 1.4,
        (128, 2048): 1.6,
        (128, 4096): 1.6,
    },
}
"""The share that is aimed at."""
MAX_INPUT_SHARE = 0.02
"""Share of a step that making its batch may take."""


def step_flops(batch_size: int, hidden_size: int, window: int) -> int:
    """Return the floating-point operations of one training step.

    Forward, and twice that backward; what counts is told in `benchmarks.flops`.

    Example:
        >>> step_flops(32, 512, 64)
        17716740096
    """
    return 3 * batch_size * window * byte_flops(ModelConfig(hidden_size=hidden_size))


def figures(
    measured: Mapping[str, Any],
    *,
    batch_size: int,
    hidden_size: int,
    window: int,
    precision: str,
) -> dict[str, Any]:
    """Return what a cell's repetitions amount to, as JSON values.

    A ratio of a repetition is taken to the products timed before and after that same
    repetition; only then come median, smallest and largest.

    Args:
        measured: From `benchmarks.train_cell.measure`.
        batch_size: B.
        hidden_size: H.
        window: T.
        precision: Type of the arithmetic; selects the goals.
    """
    flops = step_flops(batch_size, hidden_size, window)
    repetitions = measured["repetitions"]["step"]
    seconds = [r["seconds"] for r in repetitions]
    of_square = _ratios(flops, repetitions, ["square_2048"])
    of_own = _ratios(flops, repetitions, ["recurrent", "weight_gradient"])
    step_s = statistics.median(seconds)
    median = statistics.median(of_square)
    result = {
        "batch_size": batch_size,
        "hidden_size": hidden_size,
        "window": window,
        "precision": precision,
        "step_flops": flops,
        "step_s": _named(spread(seconds)),
        "bytes_per_s": _named(spread(batch_size * window / s for s in seconds)),
        "gflop_per_s": _named(spread(flops / s / 1e9 for s in seconds)),
        "gemm_gflop_per_s": {
            name: _named(spread(_around(r, name) / 1e9 for r in repetitions))
            for name in repetitions[0]["before"]
        },
        "ratio_to_gemm": _named(spread(of_square)),
        "ratio_to_own_gemm": _named(spread(of_own)),
        "floor": _goal(FLOORS, precision, batch_size, hidden_size, median),
        "target": _goal(TARGETS, precision, batch_size, hidden_size, median),
        "compile_s": measured["step_first_s"] - step_s,
        "input_share": measured["batch_s"] / step_s,
        "input_share_met": measured["batch_s"] / step_s < MAX_INPUT_SHARE,
    }
    if "keras" in measured["repetitions"]:
        result |= _keras_figures(flops, measured, of_square)
    return result | dict(measured)


def _keras_figures(
    flops: int, measured: Mapping[str, Any], of_square: Sequence[float]
) -> dict[str, Any]:
    repetitions = measured["repetitions"]["keras"]
    seconds = [r["seconds"] for r in repetitions]
    keras_of_square = _ratios(flops, repetitions, ["square_2048"])
    return {
        "keras_step_s": _named(spread(seconds)),
        "keras_ratio_to_gemm": _named(spread(keras_of_square)),
        # Both shares, not both times: the machine may have changed in between.
        "ratio_to_keras": _named(
            spread(a / b for a, b in zip(of_square, keras_of_square, strict=True))
        ),
        "keras_compile_s": measured["keras_first_s"] - statistics.median(seconds),
    }


def _ratios(
    flops: int, repetitions: Sequence[Mapping[str, Any]], products: Sequence[str]
) -> list[float]:
    """Return achieved FLOP/s over the best of some products, for each repetition."""
    return [
        flops / r["seconds"] / max(_around(r, name) for name in products)
        for r in repetitions
    ]


def _around(repetition: Mapping[str, Any], product: str) -> float:
    """Return the rate of a product around a repetition, FLOP/s."""
    return (repetition["before"][product] + repetition["after"][product]) / 2


def _named(values: Spread) -> dict[str, float]:
    return values._asdict()


def _goal(
    goals: Mapping[str, Mapping[tuple[int, int], float]],
    precision: str,
    batch_size: int,
    hidden_size: int,
    median: float,
) -> dict[str, Any] | None:
    """Return a goal and whether the median meets it; None where none is set."""
    value = goals.get(precision, {}).get((batch_size, hidden_size))
    return None if value is None else {"value": value, "met": median >= value}


_COLUMNS = (
    "cell",
    "T",
    "bytes/s",
    "GFLOP/s",
    "of GEMM 2048",
    "floor",
    "target",
    "of own GEMM",
    "Keras of GEMM 2048",
    "times Keras",
    "compile s",
    "Keras compile s",
    "peak GB",
    "input %",
)


def table(cells: Sequence[Mapping[str, Any]]) -> str:
    """Return the figures of all cells as a Markdown table.

    A cell that failed has its error in place of figures.
    """
    rows = [_COLUMNS, ("---",) * len(_COLUMNS), *map(_row, cells)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _row(cell: Mapping[str, Any]) -> tuple[str, ...]:
    name = f"B{cell['batch_size']} H{cell['hidden_size']}"
    if "error" in cell:
        empty = ("",) * (len(_COLUMNS) - 3)
        return (name, str(cell["window"]), f"failed: {cell['error']}", *empty)
    keras = "ratio_to_keras" in cell
    return (
        name,
        str(cell["window"]),
        f"{cell['bytes_per_s']['median']:,.0f}",
        f"{cell['gflop_per_s']['median']:,.1f}",
        span(cell["ratio_to_gemm"]),
        _verdict(cell["floor"]),
        _verdict(cell["target"]),
        span(cell["ratio_to_own_gemm"]),
        span(cell["keras_ratio_to_gemm"]) if keras else "",
        span(cell["ratio_to_keras"]) if keras else "",
        f"{cell['compile_s']:.1f}",
        f"{cell['keras_compile_s']:.1f}" if keras else "",
        f"{cell['step_peak_resident_bytes'] / 1e9:.2f}",
        f"{100 * cell['input_share']:.2f} {_met(cell['input_share_met'])}",
    )


def _verdict(goal: Mapping[str, Any] | None) -> str:
    return "" if goal is None else f"{goal['value']:.2f} {_met(goal['met'])}"


def _met(met: bool) -> str:
    return "met" if met else "missed"
