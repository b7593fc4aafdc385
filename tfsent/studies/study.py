"""The trainings of a study, one after the other, and all that was measured.

Each is a run of its own in OUT/runs, resumed or taken as it is: a study that was
stopped goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tfsent.checkpoint import RunLock
from tfsent.config_studies import StudyConfig
from tfsent.config_supervised import FinetuneConfig
from tfsent.studies.plan import Run, plan
from tfsent.studies.word_map import word_map
from tfsent.supervised.folds import RunOne
from tfsent.supervised.output import METRICS, recorded
from tfsent.transfer.labelled import Splits, read_splits, some_to_train_on
from tfsent.transfer.scores import spread

Tell = Callable[[str], None]
TransferOne = Callable[[FinetuneConfig, str], dict[str, Any]]
"""Settings and folder to test_accuracy, interval and seconds."""

FORMAT = "tfsent-study"
FORMAT_VERSION = 1

_KEPT = (
    "val_accuracy",
    "val_f1",
    "test_accuracy",
    "interval",
    "test_majority_accuracy",
    "test_f1",
    "parameters",
    "updates",
    "epochs",
    "seconds",
    "wall_seconds",
    "peak_memory_bytes",
    "feature",
)


def study(
    config: StudyConfig,
    run_one: RunOne,
    transfer_one: Callable[[Splits], TransferOne],
    tell: Tell,
) -> dict[str, Any]:
    """Make all trainings of a study and return what was measured, as JSON holds it.

    Args:
        config: All settings.
        run_one: Trains a network or a linear model and tests it.
        transfer_one: All labelled texts to what fits a regression on features of them.
        tell: Takes a line on how far it is.

    Raises:
        ValueError: If a setting or the texts make it impossible.
        OSError: If the disk refuses; names the file.
        SystemExit: After a signal, the run being saved.
    """
    out = Path(config.out or f"reports/{config.study}").expanduser()
    splits = read_splits(replace(config.data, train_texts=None))
    num_texts = len(splits.train.texts)
    if config.data.train_texts is not None:
        num_texts = min(num_texts, config.data.train_texts)
    runs = plan(config, num_texts)
    with RunLock(out):
        # Here, not in each run: features of all texts are computed once.
        transfers = any(run.what == "transfer" for run in runs)
        fit = transfer_one(splits) if transfers else None
        points = []
        for number, run in enumerate(runs, 1):
            tell(f"{number} of {len(runs)}: {run.name}")
            points.append(_point(run, out, run_one, fit))
        results: dict[str, Any] = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "study": config.study,
            "settings": recorded(config),
            "texts": _counts(splits),
            "runs": points,
            "lines": _lines(points),
        }
        if config.study == "words":
            trained_on = splits
            if (most := config.data.train_texts) is not None:
                trained_on = some_to_train_on(splits, most, config.data.draw)
            results["words"] = word_map(config, trained_on, out / "runs" / runs[0].name)
    return results


def _point(
    run: Run, out: Path, run_one: RunOne, fit: TransferOne | None
) -> dict[str, Any]:
    folder = str(out / "runs" / run.name)
    history: Sequence[Mapping[str, Any]] = []
    if run.what == "transfer":
        assert fit is not None
        result = fit(run.config, folder)
    else:
        result = run_one(replace(run.config, out=folder))
        figures = json.loads((Path(folder) / METRICS).read_bytes())
        history = figures.get("history", [])
    batch_size = run.config.learner.batch_size
    return {
        "name": run.name,
        "line": run.line,
        "x": run.x,
        "draw": run.config.data.draw,
        **{name: result[name] for name in _KEPT if name in result},
        "history": [
            {
                name: one[name]
                for name in ("update", "val_loss", "val_accuracy", "val_f1", "seconds")
                if name in one
            }
            | {"examples": one["update"] * batch_size}
            for one in history
        ],
    }


def _counts(splits: Splits) -> dict[str, int]:
    return {
        name: len(texts.texts)
        for name, texts in splits._asdict().items()
        if name != "notes" and texts is not None
    }


def _lines(points: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return mean and spread over the draws at each place of each line."""
    found = []
    places = dict.fromkeys((point["line"], point["x"]) for point in points)
    for line, x in places:
        draws = [p for p in points if (p["line"], p["x"]) == (line, x)]
        accuracies = [p.get("test_accuracy") for p in draws]
        if None in accuracies:
            continue
        mean, low, high = spread([float(a) for a in accuracies if a is not None])
        entry: dict[str, Any] = {"line": line, "x": x, "draws": len(draws)}
        entry |= {"mean": mean, "low": low, "high": high}
        if len(draws) == 1 and draws[0].get("interval"):
            entry["low"], entry["high"] = draws[0]["interval"]
        entry["seconds"] = float(np.mean([p["seconds"] for p in draws]))
        found.append(entry)
    return found
