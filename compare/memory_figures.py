"""Peaks of memory as planned and as measured, for Keras and the twin.

    python -m compare.memory_figures --out memory.json

Each setting is trained for three updates in a process of its own, whose largest
resident memory is read at the end.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfsent.cli import from_dict, parse_config, run, to_dict
from tfsent.config import ModelConfig, OptimizerConfig, RunConfig, TrainingConfig
from tfsent.peak_memory import forget_peak, peak_resident_bytes

_UPDATES = 3


def settings() -> dict[str, RunConfig]:
    """Return the settings that are measured, by name."""

    def of(
        precision: Any = "float32", optimizer: str = "adam", **options: Any
    ) -> RunConfig:
        shape = {k: options.pop(k) for k in list(options) if hasattr(ModelConfig, k)}
        training = {"batch_size": 32, "window": 256} | options
        return RunConfig(
            model=ModelConfig(**{"hidden_size": 512} | shape),
            training=TrainingConfig(steps=_UPDATES, **training),
            optimizer=OptimizerConfig(name=optimizer),
            precision=precision,
        )

    return {
        "mlstm 512": of(),
        "mlstm 1024": of(hidden_size=1024, window=128),
        "mlstm 512, window 1024": of(window=1024),
        "mlstm 512, window 1024, segments of 32": of(window=1024, recompute_segment=32),
        "mlstm 512, batch 128": of(batch_size=128, window=128),
        "mlstm 512, batch 128 in 4 portions": of(
            batch_size=128, window=128, accumulation_steps=4
        ),
        "mlstm 256, 3 layers": of(hidden_size=256, layers=3, batch_size=64),
        "mlstm 256, 3 layers, computed anew": of(
            hidden_size=256, layers=3, batch_size=64, recompute_layers=True
        ),
        "lstm 512": of(cell="lstm"),
        "gru 512, 2 layers": of(cell="gru", layers=2),
        "tanh 1024": of(cell="tanh", hidden_size=1024),
        "mlstm 1024, sgd": of(
            hidden_size=1024, window=32, batch_size=16, optimizer="sgd"
        ),
        "mlstm 512, bfloat16": of(precision="mixed_bfloat16"),
    }


@dataclass(frozen=True, kw_only=True)
class MemoryConfig:
    """What `python -m compare.memory_figures` measures."""

    frameworks: tuple[str, ...] = ("keras", "torch")
    """Frameworks, of keras and torch."""
    only: tuple[str, ...] = ()
    """Words, all of which the name of a setting must hold. Default: all settings."""
    out: str | None = None
    """File for the figures, JSON."""
    measure: str | None = None
    """Settings as JSON, to be measured in this process; told on standard output."""


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, and print a table."""
    config = parse_config(argv, MemoryConfig, description=__doc__)
    if config.measure is not None:
        one = from_dict(RunConfig, json.loads(config.measure))
        print(json.dumps(measure(config.frameworks[0], one)))
        return
    rows: list[dict[str, Any]] = []
    for framework in config.frameworks:
        for name, one in settings().items():
            if not all(word in name for word in config.only):
                continue
            found = _apart(framework, one)
            rows.append({"framework": framework, "setting": name} | found)
            print(
                f"{framework:6} {name:40} planned {found['planned'] / 1e6:6,.0f} MB  "
                f"measured {found['measured'] / 1e6:6,.0f} MB  "
                f"{found['planned'] / found['measured'] - 1:+.1%}",
                flush=True,
            )
    if config.out:
        Path(config.out).write_text(json.dumps(rows, indent=1) + "\n")


def _apart(framework: str, config: RunConfig) -> dict[str, float]:
    argv = ["--frameworks", framework, "--measure", json.dumps(to_dict(config))]
    done = subprocess.run(
        [sys.executable, "-m", "compare.memory_figures", *argv],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def measure(framework: str, config: RunConfig) -> dict[str, float]:
    """Return the planned and the measured peak of a run in this process, in bytes."""
    from tfsent.data.batches import Batch

    planner, builder = {
        "keras": ("tfsent.keras_session", "tfsent.training.build"),
        "torch": ("compare.twin_session", "compare.twin.build"),
    }[framework]
    plan_run = importlib.import_module(planner).plan_run
    build_run = importlib.import_module(builder).build_run

    forget_peak()
    planned = plan_run(config).plan.peak
    state, step = build_run(config, _UPDATES)
    rng = np.random.default_rng(0)
    shape = config.training.batch_size, config.training.window
    for _ in range(_UPDATES):
        bytes_BT1 = rng.integers(97, 123, (shape[0], shape[1] + 1)).astype(np.uint8)
        result = state.update(step, Batch(bytes_BT1, rng.random(shape) < 0.01))
        float(result.bpc)
        state.step += 1
    return {"planned": planned, "measured": peak_resident_bytes()}


if __name__ == "__main__":
    run(main)
