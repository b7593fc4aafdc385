"""How close to its floor does a training step come on this machine's GPU?

    python benchmarks/gpu.py

Both frameworks: this project's Keras layers on JAX, whose compiler is the one that
TensorFlow uses too, and the PyTorch twin. First both are held against plain float64 on
the CPU. Then each is timed at every cell. The floor of a step is the larger of its
floating-point operations over the rate of the GPU's own large products, and of the
bytes of its weights, read again at every time step on both ways, over the rate of a
large copy; both rates are measured here first. Where there is no GPU it says so, leaves
with 0 and has measured nothing.

Axes: B lanes, T time steps, H hidden units.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.result import begin, finish, span
from benchmarks.timing import spread
from benchmarks.train_step import parse_cells
from compare.cells import GridCell, write_given
from compare.equal_work import gap_between
from compare.exact_mlstm import exact_answers
from compare.rounds import OK, Pool, measure_cell
from compare.runners.facts import Found, find_runners
from compare.runners.inputs import read_batches, read_weights
from compare.runners.process import RunnerError
from compare.settings import Timing
from tfsent.cli import parse_config, run, tell
from tfsent.config import Precision

RUNNERS = ("keras-jax", "torch")

GOAL = 760_000
"""Bytes/s at 4096 units in 16 bits: half of the arithmetic floor of one data-centre
GPU of 2024. NVIDIA's eight V100 trained about 600,000 together."""

NO_GPU = "No GPU here: nothing was measured."

_ANSWER_S = 600.0
_CHECKED = GridCell(hidden_size=128, batch_size=8, window=24)
_RATES = {"cuda": (8192, 2**30), "cpu": (1024, 2**26)}
"""Side of the square product, and bytes of the copy, by kind of device."""


@dataclass(frozen=True, kw_only=True)
class GpuConfig:
    """What is measured, and how long that may take."""

    cells: str = "128x4096,256x4096,512x4096,1024x4096"
    """Batch size x hidden size, a comma list."""
    window: int = 256
    """Bytes T predicted per lane and step."""
    precision: Precision = "mixed_bfloat16"
    """Type of the arithmetic."""
    repeats: int = 5
    """Turns of each framework."""
    fill_s: float = 1.0
    """Seconds of steps in a turn, at least one step; a product gets a fifth."""
    limit_s: float = 480.0
    """Seconds after which no further cell is begun."""
    any_device: bool = False
    """Measure what there is, a CPU if need be: to see that it runs."""
    out: str | None = None
    """File for the result as one JSON object, besides what is printed."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        parse_cells(self.cells)
        for name in ("window", "repeats", "fill_s", "limit_s"):
            value = getattr(self, name)
            if value <= 0:
                raise ValueError(f"{name} is {value}; above 0 will do.")

    def grid(self) -> list[GridCell]:
        """Return the cells."""
        return [
            GridCell(
                batch_size=batch_size,
                hidden_size=hidden_size,
                window=self.window,
                precision=self.precision,
            )
            for batch_size, hidden_size in parse_cells(self.cells)
        ]


class Rates(NamedTuple):
    """What the device can do, measured.

    Attributes:
        flop_per_s: At a large product in the precision of the step.
        bytes_per_s: Of a large copy, what is read and what is written together.
    """

    flop_per_s: float
    bytes_per_s: float


def main(argv: Sequence[str] | None = None) -> None:
    """Check and measure, print a table or JSON; leave with 1 if anything failed."""
    config = parse_config(argv, GpuConfig, description=__doc__)
    result = begin("benchmarks.gpu", argv, config)
    present, result["absent"] = _found(config.any_device)
    if not present:
        finish(result | {"measured": False}, config, NO_GPU)
        return
    rates = measured_rates(config.precision)
    result |= {"measured": True, "rates": rates._asdict()}
    result["checks"] = dict(_checks(config.precision, present))
    result["cells"] = list(_measured(config, present, rates))
    finish(result, config, report(result))
    bad = [c for c in result["checks"].values() if "error" in c]
    if bad or any("error" in each for each in _entries(result["cells"])):
        raise SystemExit(1)


def _found(any_device: bool) -> tuple[dict[str, Found], dict[str, str]]:
    """Return the runners that find a GPU, and why the others are left out."""
    present, absent = {}, {}
    for name, found in find_runners().items():
        if name not in RUNNERS:
            continue
        reason = found.facts.absent()
        if reason is None:
            reason = _without_gpu(name, found, any_device)
        if reason is None:
            present[name] = found
        else:
            absent[name] = reason
    return present, absent


def _without_gpu(name: str, found: Found, any_device: bool) -> str | None:
    with contextlib.closing(Pool({name: found}, _ANSWER_S)) as pool:
        try:
            device = pool[name].facts["device"]
        except RunnerError as error:
            return str(error)
    return "finds no GPU" if device == "cpu" and not any_device else None


def measured_rates(precision: Precision) -> Rates:
    """Return the best of five turns at a large product and at a large copy."""
    import torch

    kind = "cuda" if torch.cuda.is_available() else "cpu"
    side, size = _RATES[kind]
    dtype = {
        "float32": torch.float32,
        "mixed_bfloat16": torch.bfloat16,
        "mixed_float16": torch.float16,
    }[precision]
    rates = Rates(
        2 * side**3 / _product_s(side, dtype, kind), 2 * size / _copy_s(size, kind)
    )
    if kind == "cuda":
        torch.cuda.empty_cache()  # for the runners
    return rates


def _product_s(side: int, dtype: Any, kind: str) -> float:
    import torch

    made = torch.Generator(kind).manual_seed(0)
    a, b = (
        torch.randn((side, side), generator=made, device=kind).to(dtype)
        for _ in range(2)
    )
    product = torch.empty_like(a)
    return _best_s(lambda: torch.mm(a, b, out=product), kind)


def _copy_s(size: int, kind: str) -> float:
    import torch

    source = torch.ones(size // 4, device=kind)
    target = torch.empty_like(source)
    return _best_s(lambda: target.copy_(source), kind)


def _best_s(call: Callable[[], object], kind: str) -> float:
    import torch

    wait = torch.cuda.synchronize if kind == "cuda" else lambda: None
    call()
    wait()
    seconds = []
    for _ in range(5):
        start_s = time.perf_counter()
        for _ in range(10):
            call()
        wait()
        seconds.append((time.perf_counter() - start_s) / 10)
    return min(seconds)


def floor_s(cell: GridCell, rates: Rates) -> tuple[float, str]:
    """Return the seconds that a step cannot do without, and what they go to.

    Example:
        >>> cell = GridCell(batch_size=128, hidden_size=4096, window=256,
        ...                 precision="mixed_bfloat16")
        >>> seconds, what = floor_s(cell, Rates(790e12, 4.3e12))
        >>> round(cell.work_bytes / seconds, -4), what
        (1550000.0, 'arithmetic')
    """
    size = 4 if cell.precision == "float32" else 2
    weights = 5 * cell.hidden_size**2 * size
    arithmetic_s = cell.flops / rates.flop_per_s
    memory_s = 2 * cell.window * weights / rates.bytes_per_s
    return max((arithmetic_s, "arithmetic"), (memory_s, "memory"))


def _checks(
    precision: Precision, runners: Mapping[str, Found]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield runner and type, and how far its logits and gradients are from float64."""
    with tempfile.TemporaryDirectory() as folder:
        kinds: tuple[Precision, ...] = ("float32", precision)
        for kind in dict.fromkeys(kinds):
            cell = replace(_CHECKED, precision=kind)
            given = write_given(cell, Path(folder))
            bytes_BT1 = read_batches(given.inputs).bytes_NBT1[0]
            exact = exact_answers(read_weights(given.weights), bytes_BT1)
            for name, found in runners.items():
                tell(f"{name}, {kind}: against float64 ...")
                file = Path(folder, f"{name}-{kind}.npz")
                with contextlib.closing(Pool({name: found}, _ANSWER_S)) as pool:
                    try:
                        pool[name].ask(
                            "set_up",
                            answers=str(file),
                            thorough=True,
                            **given._asdict(),
                        )
                    except RunnerError as error:
                        yield f"{name}, {kind}", {"error": str(error)}
                        continue
                with np.load(file) as stored:
                    own = {key: stored[key] for key in exact}
                gap = gap_between(exact, own, cell.precision)
                entry = gap.as_json() | ({} if gap.passed else {"error": gap.reason})
                yield f"{name}, {kind}", entry


def _measured(
    config: GpuConfig, runners: Mapping[str, Found], rates: Rates
) -> Iterator[dict[str, Any]]:
    start_s = time.perf_counter()
    timing = Timing(
        passes=1, rounds=config.repeats, fill_s=config.fill_s, limit_s=_ANSWER_S
    )
    for cell in config.grid():
        seconds, what = floor_s(cell, rates)
        sizes = {
            "cell": f"B{cell.batch_size} H{cell.hidden_size}",
            "window": cell.window,
            "floor_bytes_per_s": cell.work_bytes / seconds,
            "floor": what,
        }
        if time.perf_counter() - start_s > config.limit_s:
            yield sizes | {"runners": {}, "left_out": "no time was left"}
            continue
        entries = {}
        for name, found in runners.items():
            tell(f"{sizes['cell']}, {name} ...")
            # Each alone, with all of the GPU's memory: of 1024 lanes the two together
            # keep more than there is.
            with contextlib.closing(Pool({name: found}, timing.limit_s)) as pool:
                entry = measure_cell(cell, [name], pool, timing, 0)["runners"][name]
            entries[name] = _figures(cell, entry, seconds)
        yield sizes | {"runners": entries}


def _figures(cell: GridCell, entry: Mapping[str, Any], floor: float) -> dict[str, Any]:
    if entry["status"] != OK:
        return {"error": entry["reason"]}
    seconds = [turn["seconds"] for turn in entry["turns"]]
    return {
        "bytes_per_s": spread(cell.work_bytes / s for s in seconds)._asdict(),
        "of_floor": spread(floor / s for s in seconds)._asdict(),
        "first_s": entry.get("first_s"),
        "peak_device_bytes": entry.get("peak_device_bytes"),
    }


def _entries(cells: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for cell in cells:
        yield from cell["runners"].values()


def report(result: Mapping[str, Any]) -> str:
    """Return the result as Markdown."""
    rates = result["rates"]
    lines = [
        f"    {result['command']}",
        "",
        f"Large products at {rates['flop_per_s'] / 1e12:.1f} TFLOP/s, copies at "
        f"{rates['bytes_per_s'] / 1e12:.2f} TB/s. Goal: {GOAL:,} bytes/s at H4096.",
        "",
        *(f"- {name}: absent, {reason}" for name, reason in result["absent"].items()),
        *(f"- {_told(name, gap)}" for name, gap in result["checks"].items()),
        "",
        "| cell | T | runner | bytes/s | of its floor | floor, bytes/s | first step |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell in result["cells"]:
        start = f"| {cell['cell']} | {cell['window']} |"
        floor = f"{cell['floor_bytes_per_s']:,.0f} ({cell['floor']})"
        if "left_out" in cell:
            lines.append(f"{start} {cell['left_out']} | | | {floor} | |")
        for name, entry in cell["runners"].items():
            if "error" in entry:
                lines.append(f"{start} {name} | {entry['error']} | | {floor} | |")
                continue
            lines.append(
                f"{start} {name} | {span(entry['bytes_per_s'], ',.0f')} | "
                f"{span(entry['of_floor'])} | {floor} | {entry['first_s']:.1f} s |"
            )
    return "\n".join(lines)


def _told(name: str, check: Mapping[str, Any]) -> str:
    if "error" in check:
        return f"{name}: {check['error']}"
    return f"{name}: {check['value']:.1e} from float64 ({check['what']})"


if __name__ == "__main__":
    run(main)
