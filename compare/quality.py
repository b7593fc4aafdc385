"""Do both frameworks learn the same? Trainings from one start, and what they are worth.

For every seed one start, converted, and the same batches: bits per character against
bytes and against seconds, then the accuracy of a classifier on the features of each.
A difference is told with a paired test, and whether it is more than noise in a plain
sentence. Every training and every transfer is kept: a comparison that is stopped goes
on where it was.

Axes: N texts.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from compare.intervals import interval
from compare.paired import compare_pairs, compare_texts
from compare.settings import QualityConfig
from compare.training_runs import (
    TRAIN,
    call_script,
    convert_run,
    points_of,
    start_run,
    train_run,
)
from tfsent.session import Tell
from tfsent.settings_json import to_dict


def measure_quality(
    config: QualityConfig, folder: Path, tell: Tell = lambda line: None
) -> dict[str, Any]:
    """Return the quality of both frameworks, as JSON values of a report.

    Args:
        config: What is trained and measured.
        folder: Takes the runs; what lies there is not trained again.
        tell: Takes a line on how far it is.

    Raises:
        ValueError: If a script fails; it has said why.
    """
    folder.mkdir(parents=True, exist_ok=True)
    runs = [
        run
        for seed in config.seed_list()
        for run in _runs_of_seed(config, seed, folder, tell)
    ]
    return {
        "source": config.source,
        "model": dataclasses.asdict(config.model),
        "steps": config.steps,
        "seeds": config.seed_list(),
        "runs": [{k: v for k, v in run.items() if k != "right"} for run in runs],
        "time_to_bpc": time_to_bpc(runs),
        "comparisons": comparisons(runs),
    }


def _runs_of_seed(
    config: QualityConfig, seed: int, folder: Path, tell: Tell
) -> list[dict[str, Any]]:
    settings = config.run(seed)
    file = folder / f"config-{seed}.json"
    file.write_text(json.dumps(to_dict(settings)), encoding="utf-8")
    places = {name: folder / f"{name}-{seed}" for name in TRAIN}
    if not places["twin"].exists():
        start = places["keras"] / "checkpoints/00000000"
        if not start.exists():
            start = start_run(settings, places["keras"])
        convert_run(start, places["twin"], "twin")
    runs = []
    for name, place in places.items():
        tell(f"quality, seed {seed}: training on {name}")
        result = train_run(name, file, place)
        seconds = points_of(place, "train")
        points = [
            {
                "step": step,
                "bytes": seconds[step]["bytes_seen"],
                "seconds": seconds[step]["wall_s"],
                "val_bpc": point["bpc"],
            }
            for step, point in sorted(points_of(place, "val").items())
            if step in seconds
        ]
        run: dict[str, Any] = {
            "framework": name,
            "seed": seed,
            "test_bpc": result["test_bpc"],
            "val_bpc": result["val_bpc"],
            "bytes_per_s": result["bytes_per_s"],
            "train_s": result["seconds"],
            "points": points,
            "transfer": {},
            "right": {},
        }
        for task, (train, test) in config.transfer_list().items():
            tell(f"quality, seed {seed}: {name} on {task}")
            flags: list[str | Path] = ["--model", place, "--data.train", train]
            flags += ["--data.test", test] if test else []
            flags += ["--feature", config.feature]
            if config.transfer_texts is not None:
                flags += ["--data.max-texts", str(config.transfer_texts)]
            found, right = _transfer(flags, folder / f"{name}-{seed}-{task}")
            run["transfer"][task], run["right"][task] = found, right
        runs.append(run)
    return runs


def _transfer(
    flags: Sequence[str | Path], out: Path
) -> tuple[dict[str, Any], np.ndarray]:
    """Return the figures of a transfer, and which test texts are right, bool[N]."""
    if not (out / "metrics.json").exists():
        call_script("transfer.py", *flags, "--out", out, "--no-checks", "--json")
    found = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    with open(out / "predictions.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    right = np.array([row["label"] == row["prediction"] for row in rows])
    return {
        "accuracy": found["test"]["accuracy"],
        "interval": found["test"]["interval"],
        "texts": found["test"]["texts"],
        "feature": found["feature"],
        "neuron_accuracy": found["neuron"]["test_accuracy"],
    }, right


def time_to_bpc(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the seconds of training until a validation BPC was reached.

    Levels are round numbers that every run reached: the lowest, and some above it.
    Between validations the way is taken as straight.
    """
    worst_last = max(run["points"][-1]["val_bpc"] for run in runs)
    best_first = min(run["points"][0]["val_bpc"] for run in runs)
    lowest = math.ceil(worst_last * 20) / 20
    levels = [lowest + 0.05 * k for k in (0, 2, 6) if lowest + 0.05 * k < best_first]
    table = []
    for level in levels or [lowest]:
        row: dict[str, Any] = {"bpc": round(level, 2)}
        for name in TRAIN:
            own = [run["points"] for run in runs if run["framework"] == name]
            seconds = [[seconds_to(points, level)] for points in own]
            row[name] = interval(seconds)
        table.append(row)
    return table


def seconds_to(points: Sequence[Mapping[str, float]], level: float) -> float:
    """Return when a run first was at a validation BPC or below, infinity if never."""
    before: Mapping[str, float] | None = None
    for point in points:
        if point["val_bpc"] <= level:
            if before is None:
                return float(point["seconds"])
            way = (before["val_bpc"] - level) / (before["val_bpc"] - point["val_bpc"])
            gone = point["seconds"] - before["seconds"]
            return float(before["seconds"] + way * gone)
        before = point
    return math.inf


def comparisons(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the differences between the frameworks, each with a paired test."""
    keras, twin = (
        sorted((r for r in runs if r["framework"] == name), key=lambda r: r["seed"])
        for name in ("keras", "twin")
    )
    found = []
    if all(run["test_bpc"] is not None for run in runs):
        values = [[run["test_bpc"] for run in side] for side in (keras, twin)]
        found.append(compare_pairs("test BPC", "bits per character", *values))
    for task in keras[0]["right"]:
        for one, other in zip(keras, twin, strict=True):
            found.append(
                compare_texts(
                    f"accuracy on {task}, seed {one['seed']}",
                    one["right"][task],
                    other["right"][task],
                )
            )
        accuracies = [
            [run["transfer"][task]["accuracy"] for run in side]
            for side in (keras, twin)
        ]
        if len(keras) > 1:
            found.append(
                compare_pairs(
                    f"accuracy on {task}, over seeds", "share of texts", *accuracies
                )
            )
    return found
