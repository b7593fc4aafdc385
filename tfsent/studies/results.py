"""What the results of a study hold, for the pictures and the sentences made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Results = Mapping[str, Any]
"""What `tfsent.studies.study.study` returns."""


def best_of_lines(results: Results) -> dict[str, Mapping[str, Any]]:
    """Return of each line the run that is best on validation texts."""
    best: dict[str, Mapping[str, Any]] = {}
    for run in results["runs"]:
        before = best.get(run["line"])
        if before is None or validated(run) > validated(before):
            best[run["line"]] = run
    return best


def validated(run: Mapping[str, Any]) -> float:
    """Return what a run reached on validation texts."""
    for name in ("val_accuracy", "val_f1"):
        if name in run:
            return float(run[name])
    return float("-inf")


def score_name(results: Results) -> str:
    """Return what validation measures: val_accuracy or, of several labels, val_f1."""
    return next(
        name
        for name in ("val_accuracy", "val_f1")
        if all(name in run for run in results["runs"])
    )
