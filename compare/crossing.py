"""Does training come to the same losses in both frameworks, and across them?

    python -m compare.crossing --data.source imdb --out runs/crossing

Four runs from one start on the same batches: Keras, the twin, and one in each
direction that is converted half-way, optimizer and carried state included, and goes
on in the other framework. Each run is a call of the training script, each move a
call of `scripts/convert.py`. What is compared is the loss of every single step.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compare.training_runs import convert_run, points_of, start_run, train_run
from tfsent.cli import parse_config, quiet, run, tell
from tfsent.config import (
    CheckpointConfig,
    DataConfig,
    DistributionConfig,
    LogConfig,
    ModelConfig,
    OptimizerConfig,
    Precision,
    RunConfig,
    TrainingConfig,
)
from tfsent.settings_json import to_dict


@dataclass(frozen=True, kw_only=True)
class CrossingConfig:
    """What is trained, and where the runs go."""

    data: DataConfig = field(default_factory=DataConfig)
    """Text to train on."""
    model: ModelConfig = field(default_factory=ModelConfig)
    """Shape of the model."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    """Optimizer and schedule."""
    batch_size: int = 32
    """Lanes B."""
    window: int = 128
    """Bytes T predicted per lane and step."""
    steps: int = 200
    """Updates of each run; the crossing runs change the framework half-way."""
    precision: Precision = "float32"
    """Type of the arithmetic."""
    tolerance: float = 1e-4
    """Largest difference of the loss of a step, in nats a byte, that passes."""
    seed: int = 0
    """Seed of start weights and batch order."""
    out: str
    """Folder for the four runs; must not exist."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if self.steps < 2 or self.steps % 2:
            raise ValueError(f"steps is {self.steps}; an even number will do.")

    def run(self) -> RunConfig:
        """Return the settings of each run."""
        return RunConfig(
            data=dataclasses.replace(self.data, split=(1, 0, 0)),
            model=self.model,
            optimizer=self.optimizer,
            training=TrainingConfig(
                steps=self.steps,
                batch_size=self.batch_size,
                window=self.window,
                eval_interval=0,
                eval_bytes=1024,
                test_bytes=0,
            ),
            distribution=DistributionConfig(devices=1),
            checkpoint=CheckpointConfig(interval=self.steps // 2, keep=4),
            log=LogConfig(interval=1, tensorboard=False, progress=False),
            precision=self.precision,
            seed=self.seed,
        )


def main(argv: Sequence[str] | None = None) -> None:
    """Make the four runs; leave with 1 if a loss differs by more than `tolerance`."""
    config = parse_config(argv, CrossingConfig, description=__doc__)
    quiet()
    out = Path(config.out)
    out.mkdir(parents=True)
    losses = _runs(config, out)
    result = compared(losses, config.tolerance)
    (out / "crossing.json").write_text(json.dumps(result | {"losses": losses}) + "\n")
    print(json.dumps(result) if config.json else _table(result))
    if not result["passed"]:
        raise SystemExit(1)


def _runs(config: CrossingConfig, out: Path) -> dict[str, list[float]]:
    """Return the loss of every step of the four runs, nats a byte."""
    settings = config.run()
    file = out / "config.json"
    file.write_text(json.dumps(to_dict(settings)))
    middle = f"checkpoints/{config.steps // 2:08d}"
    convert_run(start_run(settings, out / "keras"), out / "twin", "twin")
    for name in ("keras", "twin"):
        _train(name, file, out / name)
    for name, other in (("keras", "twin"), ("twin", "keras")):
        folder = out / f"{name}-{other}"
        convert_run(out / name / middle, folder, other)
        _train(other, file, folder)
    folders = ("keras", "twin", "keras-twin", "twin-keras")
    return {name: _losses(out / name, config.steps) for name in folders}


def _train(framework: str, config: Path, folder: Path) -> None:
    tell(f"{folder}: training on {framework}")
    train_run(framework, config, folder)


def _losses(folder: Path, steps: int) -> list[float]:
    """Return the loss of every step, the last line of a step counting."""
    found = points_of(folder, "train")
    return [
        found[step]["bpc"] * math.log(2) if step in found else math.nan
        for step in range(1, steps + 1)
    ]


def compared(losses: Mapping[str, Sequence[float]], tolerance: float) -> dict[str, Any]:
    """Return how far each run is from the others it must equal.

    Args:
        losses: Run to the loss of each step. A crossing run has those of the first
            half only if its log was moved with it; a missing one is NaN.
        tolerance: Largest difference that passes, nats a byte.

    Returns:
        `passed`, and under `pairs` for each pair of runs the largest difference,
        its step, and the number of steps compared.
    """
    pairs = {}
    for name, crossing in (("keras", "keras-twin"), ("twin", "twin-keras")):
        pairs[f"{crossing} / {name}"] = _pair(losses[crossing], losses[name], True)
    pairs["twin / keras"] = _pair(losses["twin"], losses["keras"], False)
    passed = all(
        pair["largest"] is not None and pair["largest"] <= tolerance
        for pair in pairs.values()
    )
    return {"passed": passed, "tolerance": tolerance, "pairs": pairs}


def _pair(
    one: Sequence[float], other: Sequence[float], second_half: bool
) -> dict[str, Any]:
    first = len(one) // 2 if second_half else 0
    gaps = [abs(a - b) for a, b in zip(one[first:], other[first:], strict=True)]
    largest = max(gaps, key=lambda gap: math.inf if math.isnan(gap) else gap)
    return {
        "largest": None if math.isnan(largest) else largest,
        "step": first + 1 + gaps.index(largest),
        "steps": len(gaps),
        "last": [one[-1], other[-1]],
    }


def _table(result: Mapping[str, Any]) -> str:
    lines = []
    for name, pair in result["pairs"].items():
        gap = pair["largest"]
        size = "is no number" if gap is None else f"{gap:.2e} nats"
        lines.append(
            f"{name:20} largest difference {size} at step {pair['step']}, "
            f"{pair['steps']} steps compared"
        )
    verdict = "passed" if result["passed"] else "FAILED"
    return "\n".join([*lines, f"{verdict} at {result['tolerance']:g}"])


if __name__ == "__main__":
    run(main)
