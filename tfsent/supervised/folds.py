"""Cross-validation: each labelled text is tested once, by a model that never saw it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tfsent.checkpoint import atomic
from tfsent.checkpoint.strict_json import json_bytes
from tfsent.config_supervised import FinetuneConfig
from tfsent.supervised.output import CONFIG, METRICS, default_out, recorded
from tfsent.supervised.store import check_settings
from tfsent.transfer.scores import bootstrap_interval

RunOne = Callable[[FinetuneConfig], dict[str, Any]]
"""Trains and tests once, and returns what the last line of the command says."""

_SUMMED = ("seconds", "wall_seconds", "updates")
_LARGEST = ("peak_memory_bytes", "parameters")


def cross_validate(
    config: FinetuneConfig, run_one: RunOne, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Train `config.folds` times, each on all but one part, and return all figures.

    Each fold is a run of its own in OUT/fold-K, resumed as any other; its test texts
    are those of the part. Figures are means over all texts; of several labels, F1 and
    the like are means over the folds.

    Args:
        config: All settings.
        run_one: Trains and tests once.
        tell: Takes lines on how far it is.

    Raises:
        ValueError: If `OUT` holds a run of other settings, or as `run_one`.
        OSError: If the disk refuses; names the file.
    """
    settings = recorded(config)
    out = Path(config.out or default_out(config)).expanduser()
    if (out / CONFIG).exists() and not config.fresh:
        check_settings(out, json.loads((out / CONFIG).read_bytes()), settings)
    atomic.make_folder(out)
    atomic.replace_file(out / CONFIG, [json_bytes(settings)])
    results, tests = [], []
    for number in range(1, config.folds + 1):
        folder = out / f"fold-{number}"
        tell(f"fold {number} of {config.folds}: {folder}")
        data = replace(config.data, fold=(number, config.folds))
        results.append(run_one(replace(config, folds=0, data=data, out=str(folder))))
        tests.append(json.loads((folder / METRICS).read_bytes())["test"])
    result = _result(config, results, tests)
    atomic.replace_file(
        out / METRICS,
        [json_bytes({"folds": tests, "result": result | {"run": str(out)}})],
    )
    return result | {"run": str(out)}


def _result(
    config: FinetuneConfig,
    results: Sequence[Mapping[str, Any]],
    tests: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return what the last line of the command says of all folds."""
    found: dict[str, Any] = {
        "system": results[0]["system"],
        "framework": results[0]["framework"],
        "folds": len(tests),
        **_tested(tests, config.seed),
    }
    for name in _SUMMED:
        if name in results[0]:
            found[name] = round(sum(one[name] for one in results), 1)
    for name in _LARGEST:
        found[name] = max(one[name] for one in results)
    return found


def _tested(tests: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    """Return the figures over the test texts of all folds."""
    texts = np.array([test["texts"] for test in tests])
    found: dict[str, Any] = {"test_texts": int(texts.sum())}
    if "rmse" in tests[0]:
        squares = [test["rmse"] ** 2 for test in tests]
        return found | {
            "test_accuracy": None,
            "test_rmse": math.sqrt(float(np.average(squares, weights=texts))),
            "fold_rmses": [test["rmse"] for test in tests],
        }
    accuracies = [test["accuracy"] for test in tests]
    found["test_accuracy"] = float(np.average(accuracies, weights=texts))
    if "confusion" in tests[0]:
        # Which texts were right does not matter to the bootstrap, only how many.
        right = sum(int(np.trace(test["confusion"])) for test in tests)
        correct_N = np.arange(texts.sum()) < right
        found["interval"] = list(bootstrap_interval(correct_N, seed))
    for name in ("f1", "jaccard", "mcc", "majority_accuracy"):
        if name in tests[0]:
            values = [test[name] for test in tests]
            found[f"test_{name}"] = float(np.average(values, weights=texts))
    return found | {"fold_accuracies": accuracies}
