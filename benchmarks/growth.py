"""How do time and memory grow with the window, the lanes, the units, the text?

    python -m benchmarks.growth --picture growth.png

Each point is measured in a process of its own; a line is fitted through the
logarithms, and its slope stands beside the exponent that is expected. Memory is the
peak beyond that of the same process at next to no size. A slope below the expected one
means that some cost does not grow; one above it, that something is kept or done twice.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.children import started
from benchmarks.result import begin, finish
from tfsent.cli import parse_config, quiet, run, tell

_HERE = Path(__file__).parent
_PREPARE = _HERE.parent / "scripts" / "prepare.py"
_LINE = (
    b"a film with a story that goes nowhere and a cast that does what it can in it\n"
)
_STEP_FLAGS = ("--repeats", "3", "--fill-s", "0.3", "--skip-keras")


class Point(NamedTuple):
    """What one size took.

    Attributes:
        size: The number that grows.
        seconds: Of a step, or of the whole text.
        memory_bytes: Peak of resident memory.
    """

    size: int
    seconds: float
    memory_bytes: float


class Growth(NamedTuple):
    """One thing that grows.

    Attributes:
        what: What is done, and how large the rest of it is.
        axis: The number that grows.
        least: A size at which next to nothing is needed.
        sizes: Those that are measured.
        expected: Exponents of time and of memory.
        measure: Measures one size.
        starts: Whether the seconds hold a start, those of the least size, which do not
            count.
    """

    what: str
    axis: str
    least: int
    sizes: tuple[int, ...]
    expected: tuple[float, float]
    measure: Callable[[int], Point]
    starts: bool = False


@dataclass(frozen=True, kw_only=True)
class GrowthConfig:
    """What is measured."""

    only: tuple[str, ...] = ()
    """Axes, of window, lanes, units, texts, corpus. Default: all."""
    quick: bool = False
    """Only see that it runs: the two smallest sizes of each."""
    picture: str | None = None
    """PNG file for the lines."""
    texts: int | None = None
    """Featurize so many texts in this process, and print what that took."""
    out: str | None = None
    """File for the result as one JSON object, besides what is printed."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in self.only:
            if name not in GROWTHS:
                raise ValueError(f"only has {name!r}; {', '.join(GROWTHS)} will do.")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print a table or JSON, draw the picture."""
    config = parse_config(argv, GrowthConfig, description=__doc__)
    if config.texts is not None:
        quiet()
        print(json.dumps(_featurized(config.texts)))
        return
    result = begin("benchmarks.growth", argv, config)
    result["growths"] = {}
    for name in config.only or GROWTHS:
        growth = GROWTHS[name]
        sizes = growth.sizes[:2] if config.quick else growth.sizes
        tell(f"{growth.what}: {growth.axis} ...")
        base = growth.measure(growth.least)
        points = [growth.measure(size) for size in sizes]
        result["growths"][name] = figures(growth, base, points)
    if config.picture:
        Path(config.picture).write_bytes(picture(result["growths"]))
    finish(result, config, table(result))


def figures(growth: Growth, base: Point, points: Sequence[Point]) -> dict[str, Any]:
    """Return the points and the slopes as JSON values."""
    sizes = [point.size for point in points]
    start_s = base.seconds if growth.starts else 0.0
    seconds = [point.seconds - start_s for point in points]
    more = [point.memory_bytes - base.memory_bytes for point in points]
    return {
        "what": growth.what,
        "axis": growth.axis,
        "expected": {"time": growth.expected[0], "memory": growth.expected[1]},
        "sizes": sizes,
        "seconds": seconds,
        "memory_bytes": more,
        "base_bytes": base.memory_bytes,
        "slopes": {"time": slope(sizes, seconds), "memory": slope(sizes, more)},
    }


def slope(sizes: Sequence[float], values: Sequence[float]) -> float | None:
    """Return the exponent of a power law through points, None if a value is below 0.

    Example:
        >>> round(slope([1, 10, 100], [3.0, 300.0, 30000.0]), 6)
        2.0
    """
    if min(values) <= 0:
        return None
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def _step(name: str, rest: Mapping[str, int]) -> Callable[[int], Point]:
    def measure(size: int) -> Point:
        shape = {**rest, name: size}
        flags = [f"--{key.replace('_', '-')}={value}" for key, value in shape.items()]
        with started(_HERE / "train_cell.py", [*flags, *_STEP_FLAGS]) as child:
            found = child.result()
        seconds = [turn["seconds"] for turn in found["repetitions"]["step"]]
        memory = found["step_peak_resident_bytes"]
        return Point(size, float(np.median(seconds)), memory)

    return measure


def _texts(size: int) -> Point:
    with started(_HERE / "growth.py", ["--texts", str(size)]) as child:
        found = child.result()
    return Point(size, found["seconds"], found["peak_resident_bytes"])


def _corpus(megabytes: int) -> Point:
    with tempfile.TemporaryDirectory() as name:
        source, out = Path(name, "text.txt"), Path(name, "shards")
        with source.open("wb") as file:
            for _ in range(megabytes):
                file.write(_LINE * (2**20 // len(_LINE)))
        flags = ["--data.source", str(source), "--out", str(out), "--json"]
        start_s = time.perf_counter()
        with started(_PREPARE, [*flags, "--workers", "1"]) as child:
            found = child.result()
        seconds = time.perf_counter() - start_s
    return Point(megabytes, seconds, found["peak_resident_bytes"])


def _featurized(texts: int) -> dict[str, float]:
    """Return the seconds that the features of so many texts take, and the peak."""
    from benchmarks.generate import random_weights
    from tfsent.config import ModelConfig
    from tfsent.loading import LanguageModel
    from tfsent.model import ByteLanguageModel
    from tfsent.peak_memory import peak_resident_bytes

    config = ModelConfig(hidden_size=64)
    network = ByteLanguageModel(config, seed=None)
    network.build(None)
    network.set_named_weights(random_weights(config))
    model = LanguageModel(network)
    # Compiles for every number of lanes that a window may have.
    for few in (1, 8, 256):
        model.features([_LINE] * few, feature="cell-mean")
    start_s = time.perf_counter()
    rows = sum(len(rows) for rows in _in_parts(model, texts))
    assert rows == texts
    return {
        "seconds": time.perf_counter() - start_s,
        "peak_resident_bytes": peak_resident_bytes(),
    }


def _in_parts(model: Any, texts: int) -> Any:
    # The rows themselves are the user's: they are let go, as a writer lets them go.
    for first in range(0, texts, 1024):
        yield model.features([_LINE] * min(1024, texts - first), feature="cell-mean")


_SHAPE = {"batch_size": 16, "hidden_size": 256, "window": 64}
GROWTHS: Mapping[str, Growth] = {
    "window": Growth(
        "step, 16 lanes, 256 units", "window T", 8, (64, 128, 256, 512), (1, 1),
        _step("window", _SHAPE),
    ),
    "lanes": Growth(
        "step, 256 units, window 64", "lanes B", 1, (16, 32, 64, 128), (1, 1),
        _step("batch_size", _SHAPE),
    ),
    "units": Growth(
        "step, 16 lanes, window 64", "units H", 8, (256, 512, 1024, 2048), (2, 2),
        _step("hidden_size", _SHAPE),
    ),
    "texts": Growth(
        f"features, 64 units, {len(_LINE)} bytes a text", "texts N", 256,
        (4096, 8192, 16384, 32768), (1, 0), _texts,
    ),
    "corpus": Growth(
        "preparation, one worker", "corpus, MB", 1, (32, 64, 128, 256), (1, 0), _corpus,
        starts=True,
    ),
}  # fmt: skip
"""Axis to what is measured along it."""


def table(result: Mapping[str, Any]) -> str:
    """Return the slopes as a Markdown table."""
    rows = []
    for each in result["growths"].values():
        cells = [
            each["what"],
            f"{each['axis']}: {each['sizes'][0]}-{each['sizes'][-1]}",
        ]
        for name in ("time", "memory"):
            found = each["slopes"][name]
            cells.append("none" if found is None else f"{found:.2f}")
            cells.append(f"{each['expected'][name]:g}")
        cells.append(f"{each['memory_bytes'][-1] / 1e6:,.0f} MB")
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(
        [
            f"    {result['command']}",
            "",
            f"{result['date']}. {result['cpu']}, {result['threads']} threads.",
            "",
            "| what | along | slope of time | expected | of memory | expected | "
            "memory at the end, beyond the process |",
            "|---|---|---|---|---|---|---|",
            *rows,
        ]
    )


def picture(growths: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return the points on double logarithmic axes as PNG."""
    from matplotlib.figure import Figure

    from tfsent.transfer.pictures import BLUE, GREY, ORANGE, png_bytes

    figure = Figure(figsize=(3 * len(growths), 6), layout="constrained")
    panels = figure.subplots(2, len(growths), squeeze=False)
    kinds = (("time", "seconds", BLUE), ("memory", "memory_bytes", ORANGE))
    for column, each in enumerate(growths.values()):
        sizes = np.array(each["sizes"], float)
        for row, (name, key, colour) in enumerate(kinds):
            axes, values = panels[row, column], np.array(each[key], float)
            axes.set_xscale("log", base=2)
            axes.set_xlabel(each["axis"])
            axes.set_ylabel("seconds" if row == 0 else "MB beyond the process")
            if (values <= 0).any():
                axes.text(0.5, 0.5, "does not grow", transform=axes.transAxes)
                continue
            values = values if row == 0 else values / 1e6
            axes.set_yscale("log")
            axes.plot(sizes, values, "o-", color=colour)
            power = each["expected"][name]
            law = values[-1] * (sizes / sizes[-1]) ** power
            axes.plot(sizes, law, "--", color=GREY, label=f"expected: {power:g}")
            axes.set_title(f"slope {each['slopes'][name]:.2f}", fontsize=9)
            axes.legend(fontsize=7)
    return png_bytes(figure)


if __name__ == "__main__":
    run(main)
