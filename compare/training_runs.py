"""Training runs of both frameworks from one start, each made by its own script."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tfsent import checkpoint
from tfsent.config import RunConfig
from tfsent.data.shards import prepare

SCRIPTS = Path(__file__).parents[1] / "scripts"
TRAIN = {"keras": "train.py", "twin": "train_twin.py"}
"""Framework to the script that trains on it."""


def start_run(settings: RunConfig, folder: Path) -> Path:
    """Save a Keras run before its first update; return its checkpoint."""
    from tfsent.keras_session import KerasFramework

    texts = {split: each.fingerprint for split, each in prepare(settings.data).items()}
    steps = settings.training.steps
    assert steps is not None
    state, _ = KerasFramework().build(settings, steps)
    store = checkpoint.StateStore(folder, settings.checkpoint.keep)
    checkpoint.save_run(store, state, settings, texts, best=False)
    return folder / "checkpoints/00000000"


def train_run(framework: str, config: Path, folder: Path) -> dict[str, Any]:
    """Train a run to its end, from wherever it is; return its result.

    Raises:
        ValueError: If the script fails; it has said why.
    """
    return call_script(TRAIN[framework], "--config", config, "--out", folder, "--json")


def convert_run(source: Path, target: Path, to: str) -> None:
    """Move a run to another framework, training state included.

    Raises:
        ValueError: If the script fails; it has said why.
    """
    call_script("convert.py", source, target, "--to", to, "--json")


def call_script(script: str, *words: str | Path) -> dict[str, Any]:
    """Run a script of the project; return the JSON object of its last line.

    Raises:
        ValueError: If it fails; it has said why on standard error.
    """
    done = subprocess.run(
        [sys.executable, SCRIPTS / script, *words], stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise ValueError(f"scripts/{script} left with code {done.returncode}.")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def points_of(folder: Path, kind: str) -> dict[int, dict[str, Any]]:
    """Return the lines of a run's log by step; the last line of a step counts.

    Args:
        folder: The run.
        kind: "train" or "val".
    """
    found: dict[int, dict[str, Any]] = {}
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        point = json.loads(line)
        if point["type"] == kind:
            found[point["step"]] = point
    return found
