"""Where does the time of a training step go?

    python -m benchmarks.profile_step --batch-size 32 --hidden-size 512

Prints what TensorFlow's own profiler saw on the CPU while some steps ran: operations
outside of XLA (`_MklMatMul`: products by oneDNN), what XLA made of the rest
(`..._fusion`, `matmul`, `copy`), and `ExecuteAsyncOnStream`, the whole of the XLA
programs. Events of several threads add up, and some hold others: the shares are no
partition of the step.
"""

from __future__ import annotations

import collections
import functools
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.result import begin, finish
from benchmarks.timing import seconds_per_call
from tfsent.cli import parse_config, quiet, run
from tfsent.config import Precision

_STEPS = 5
_WRAPPERS = (
    *("EagerExecute", "EagerKernelExecute", "TFE_Py_ExecuteCancelable"),
    *("Process", "Run", "Start", "Execute", "FunctionRun"),
)
"""Events that hold the whole step, or say that one was handed on."""


@dataclass(frozen=True, kw_only=True)
class ProfileConfig:
    """What is looked at."""

    batch_size: int = 32
    """Lanes B read in parallel."""
    hidden_size: int = 512
    """Width H of the mLSTM state, in units."""
    window: int = 64
    """Bytes T predicted per lane and step."""
    precision: Precision = "float32"
    """Type of the arithmetic."""
    lines: int = 20
    """How many operations are told, those that take longest."""
    out: str | None = None
    """File for the result as one JSON object, besides what is printed."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("batch_size", "hidden_size", "window", "lines"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} is {value}; at least 1 will do.")


def main(argv: Sequence[str] | None = None) -> None:
    """Profile the step that the command line asks for and print what took long."""
    config = parse_config(argv, ProfileConfig, description=__doc__)
    quiet()
    result = begin("benchmarks.profile_step", argv, config)
    result |= profile(config)
    finish(result, config, table(result, config.lines))


def profile(config: ProfileConfig) -> dict[str, Any]:
    """Return the milliseconds of a step, and those of each operation and its calls."""
    import tensorflow as tf

    from benchmarks.lanes import built_in_lanes
    from benchmarks.own_step import OwnStep

    lanes = built_in_lanes(config.batch_size, config.window)
    step = OwnStep(
        [lanes.batch(k) for k in range(4)],
        hidden_size=config.hidden_size,
        weight_norm=True,
        precision=config.precision,
    )
    timed = functools.partial(seconds_per_call, step, _STEPS, sync=step.sync)
    timed()  # compiles
    step_s = timed()
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        timed()
        tf.profiler.experimental.stop()
        spent, calls = _events(Path(folder))
    return {
        "step_ms": step_s * 1e3,
        "operations": {
            name: {"ms": ms, "calls": calls[name]}
            for name, ms in sorted(spent.items(), key=lambda each: -each[1])
        },
    }


def _events(folder: Path) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Return the milliseconds and the calls of each operation, for one step."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    spent: dict[str, float] = collections.defaultdict(float)
    calls: dict[str, float] = collections.defaultdict(float)
    for file in folder.rglob("*.xplane.pb"):
        space = xplane_pb2.XSpace()
        space.ParseFromString(file.read_bytes())
        for plane in space.planes:
            if "CPU" not in plane.name:
                continue
            for line in plane.lines:
                for event in line.events:
                    name = plane.event_metadata[event.metadata_id].name
                    # "gradients/MatMul:_MklMatMul": the kind is what matters.
                    name = name.rpartition(":")[2].strip()
                    spent[name] += event.duration_ps / 1e9 / _STEPS
                    calls[name] += 1 / _STEPS
    kept = {
        name: ms
        for name, ms in spent.items()
        if name not in _WRAPPERS and not name.startswith(("_on_all", "__inference"))
    }
    return kept, calls


def table(result: Mapping[str, Any], lines: int) -> str:
    """Return the operations that take longest as a Markdown table."""
    step_ms = result["step_ms"]
    rows = [
        f"| {name} | {each['calls']:.0f} | {each['ms']:.2f} | "
        f"{each['ms'] / step_ms:.2f} |"
        for name, each in list(result["operations"].items())[:lines]
    ]
    return "\n".join(
        [
            f"    {result['command']}",
            "",
            f"A step takes {step_ms:.1f} ms.",
            "",
            "| operation | calls | ms | of the step |",
            "|---|---|---|---|",
            *rows,
        ]
    )


if __name__ == "__main__":
    run(main)
