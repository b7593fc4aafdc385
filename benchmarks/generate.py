"""How fast does a model write, beside a Python loop that calls the cell every byte?

    python -m benchmarks.generate --json > generate.json

The loop is how the earlier systems generate: one eager call a byte of embedding, cell
and output. "eager" normalises the weights at every call, as a model does that was
trained with weight normalisation; "eager, folded" finds them normalised, and has only
its products and gates to do. Before anything is timed the texts of temperature 0 must
be equal. A figure is a median [smallest-largest] over turns; a ratio is taken within a
round.

Axes: S samples, H hidden units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from benchmarks.result import begin, finish, span
from benchmarks.timing import interleave, seconds_per_call, spread
from benchmarks.train_step import parse_cells
from tfsent.checkpoint.layout import TFSENT
from tfsent.checkpoint.shapes import expected_shapes
from tfsent.cli import parse_config, quiet, run, tell
from tfsent.config import ModelConfig

PROMPT = b"\n "

Writer = Callable[[int], list[bytes]]


class Contestants(NamedTuple):
    """Writers of so many bytes, all of one model, at temperature 0."""

    own: Writer
    eager: Writer
    folded: Writer


Make = Callable[[ModelConfig, dict[str, np.ndarray], int], Contestants]


@dataclass(frozen=True, kw_only=True)
class GenerateSpeedConfig:
    """The grid and how it is measured."""

    cells: str = "1x64,16x64,1x512,16x512"
    """Samples x hidden size, a comma list."""
    length: int = 512
    """Bytes of each sample in a turn of the fast way."""
    eager_length: int = 64
    """Bytes of each sample in a turn of the loops."""
    repeats: int = 7
    """Turns of each way."""
    out: str | None = None
    """File for the result as one JSON object, besides what is printed."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        parse_cells(self.cells)
        for name in ("length", "eager_length", "repeats"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} is {value}; at least 1 will do.")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure Keras."""
    quiet()
    from benchmarks.plain_generation import contestants

    measure(argv, "benchmarks.generate", __doc__, contestants)


def measure(
    argv: Sequence[str] | None, module: str, description: str | None, make: Make
) -> None:
    """Measure the grid that a command line asks for; print a table or JSON.

    Args:
        argv: Arguments without the program's name. Default: those of this process.
        module: Name of the command.
        description: First lines of its help.
        make: Makes the contestants of a model and a number of samples.
    """
    config = parse_config(argv, GenerateSpeedConfig, description=description)
    result = begin(module, argv, config) | {"cells": []}
    for samples, hidden_size in parse_cells(config.cells):
        tell(f"S{samples} H{hidden_size} ...")
        shape = ModelConfig(hidden_size=hidden_size)
        writers = make(shape, random_weights(shape), samples)
        check_equal(writers, min(config.length, config.eager_length))
        result["cells"].append(
            {"samples": samples, "hidden_size": hidden_size}
            | figures(writers, samples, config)
        )
    finish(result, config, table(result["cells"]))


def random_weights(config: ModelConfig) -> dict[str, np.ndarray]:
    """Return start weights by name, the output loud enough to have no close calls."""
    rng = np.random.default_rng(0)
    bound = 1 / np.sqrt(config.hidden_size)
    weights = {
        name: rng.uniform(-bound, bound, shape).astype(np.float32)
        for name, shape in expected_shapes(config).items()
    }
    for gain, matrix, axis in TFSENT.norms(weights):
        weights[gain] = np.sqrt(np.square(weights[matrix]).sum(axis))
    weights["embedding/weight"] = rng.standard_normal(
        weights["embedding/weight"].shape, np.float32
    )
    weights["output/weight"] *= 8
    return weights


def check_equal(writers: Contestants, length: int) -> None:
    """Refuse to time writers of different texts.

    Raises:
        ValueError: If a sample differs.
    """
    own, *others = (writer(length) for writer in writers)
    for name, other in zip(writers._fields[1:], others, strict=True):
        if own != other:
            raise ValueError(f"own and {name} write different texts; nothing is timed.")


def figures(
    writers: Contestants, samples: int, config: GenerateSpeedConfig
) -> dict[str, Any]:
    """Return bytes a second of each way, and how much faster than each loop ours is."""
    lengths = {name: config.eager_length for name in writers._fields}
    lengths["own"] = config.length

    def turn(name: str) -> Callable[[], float]:
        writer, length = getattr(writers, name), lengths[name]
        writer(length)  # Compilation and first touches do not count.
        return lambda: seconds_per_call(lambda: writer(length)) / (samples * length)

    turns = interleave(
        {name: turn(name) for name in writers._fields}, config.repeats, lambda: None
    )
    byte_s = {name: [r.seconds for r in found] for name, found in turns.items()}
    found: dict[str, Any] = {
        name: {"bytes_per_s": spread(1 / s for s in seconds)._asdict()}
        for name, seconds in byte_s.items()
    }
    for name in writers._fields[1:]:
        pairs = zip(byte_s[name], byte_s["own"], strict=True)
        found[name]["own_times_this"] = spread(a / b for a, b in pairs)._asdict()
    return found


def table(cells: Sequence[dict[str, Any]]) -> str:
    """Return the figures as Markdown."""
    lines = [
        "| samples | H | own, bytes/s | eager, bytes/s | own / eager "
        "| eager folded, bytes/s | own / folded |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell in cells:
        words = [str(cell["samples"]), str(cell["hidden_size"])]
        words.append(span(cell["own"]["bytes_per_s"], ",.0f"))
        for name in ("eager", "folded"):
            words.append(span(cell[name]["bytes_per_s"], ",.0f"))
            words.append(span(cell[name]["own_times_this"], ".1f"))
        lines.append(f"| {' | '.join(words)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    run(main)
