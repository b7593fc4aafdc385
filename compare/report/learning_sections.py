"""Whether both compute the same and learn the same, as tables."""

from __future__ import annotations

import math
from typing import Any

from compare.report.numbers import ends, plain, tiny
from compare.report.results import Results
from compare.report.tables import Cell, Section, Table, figure, without_empty

FRAMEWORKS = {"keras": "Keras", "twin": "twin"}


def parity_section(parity: dict[str, Any]) -> Section:
    """Return how far apart the two frameworks compute."""
    checks = [
        [
            Cell(check["name"]),
            Cell(tiny(check["value"]), check["value"]),
            Cell(f"{check['tolerance']:g}", check["tolerance"]),
            Cell(check["unit"]),
            Cell(check["where"]),
            Cell("holds" if check["passed"] else "FAILS", marked=not check["passed"]),
        ]
        for check in parity["checks"]
    ]
    gradients = [
        [Cell(name), Cell(tiny(value), value)]
        for name, value in parity["gradients"].items()
    ]
    steps = [
        [Cell(name), *_worst(values)]
        for name, values in parity["steps"].items()
        if values
    ]
    titles = ("check", "largest difference", "tolerance", "unit", "where", "result")
    tables = [
        without_empty(Table("", titles, checks)),
        Table(
            "Over the steps", ("what", "largest difference", "at step", "steps"), steps
        ),
        Table(
            "Gradients", ("weight", "largest difference over largest value"), gradients
        ),
    ]
    return Section(
        "Parity",
        text=[parity_sentence(parity)],
        tables=[table for table in tables if table.rows],
        pictures=["parity"],
    )


def parity_sentence(parity: dict[str, Any]) -> str:
    """Return in one sentence whether both compute the same."""
    checks = parity["checks"]
    failed = [check for check in checks if not check["passed"]]
    if failed:
        first = failed[0]
        return (
            f"NOT EQUAL: {len(failed)} of {len(checks)} checks fail. First: "
            f"{first['name']}, {tiny(first['value'])}, allowed {first['tolerance']:g}."
        )
    return f"Keras and the twin compute the same: all {len(checks)} checks hold."


def quality_section(quality: dict[str, Any]) -> Section:
    """Return what both learned, and whether a difference is more than noise."""
    seeds = ", ".join(map(str, quality["seeds"]))
    return Section(
        "Quality",
        text=[
            f"Source: {quality['source']}. {quality['steps']:,} updates a run; "
            f"seeds {seeds}; model: {settings_text(quality['model'])}."
        ],
        points=[compared["sentence"] for compared in quality["comparisons"]],
        tables=[
            table
            for table in (
                _comparisons(quality),
                _runs(quality),
                _transfers(quality),
                _times(quality),
            )
            if table.rows
        ],
        pictures=["bpc", "accuracy"],
    )


def settings_text(settings: dict[str, Any]) -> str:
    """Return settings in one line."""
    return ", ".join(f"{name} {value}" for name, value in settings.items()) or "none"


def transfers(quality: dict[str, Any]) -> list[tuple[str, dict[str, Any], Any]]:
    """Return (set, run, what it reached on it) of all runs, set by set."""
    runs = quality["runs"]
    sets = dict.fromkeys(name for run in runs for name in run["transfer"])
    return [
        (name, run, run["transfer"][name])
        for name in sets
        for run in runs
        if name in run["transfer"]
    ]


def _worst(values: list[float | None]) -> list[Cell]:
    """Return the largest difference, its step from 1, and the number of steps."""
    sizes = [math.inf if value is None else abs(value) for value in values]
    step = sizes.index(max(sizes))
    return [
        Cell(tiny(values[step]), values[step]),
        Cell(str(step + 1), step + 1),
        Cell(str(len(values)), len(values)),
    ]


def _number(value: float | None, scale: float = 1, unit: str = "") -> Cell:
    return Cell("" if value is None else f"{plain(value * scale)}{unit}", value)


def _comparisons(quality: dict[str, Any]) -> Table:
    titles = ("what", "Keras", "twin", "difference", "unit", "p", "test")
    rows = []
    for one in quality["comparisons"]:
        rows.append(
            [
                Cell(one["what"]),
                _number(one["keras"]),
                _number(one["twin"]),
                _number(one["difference"])._replace(
                    more=ends(one["interval"]) if one["interval"] else ""
                ),
                Cell(one["unit"]),
                _number(one["p"]),
                Cell(one["test"]),
            ]
        )
    return without_empty(Table("Keras against the twin", titles, rows))


def _runs(quality: dict[str, Any]) -> Table:
    titles = (
        "framework",
        "seed",
        "test BPC",
        "validation BPC",
        "bytes/s",
        "training, s",
    )
    keys = ("test_bpc", "val_bpc", "bytes_per_s", "train_s")
    rows = [
        [
            Cell(FRAMEWORKS[run["framework"]]),
            Cell(str(run["seed"]), run["seed"]),
            *(_number(run[key]) for key in keys),
        ]
        for run in quality["runs"]
    ]
    return Table("Runs", titles, rows)


def _transfers(quality: dict[str, Any]) -> Table:
    titles = (
        "texts",
        "framework",
        "seed",
        "accuracy",
        "number of texts",
        "feature",
        "one neuron",
    )
    rows = []
    for name, run, reached in transfers(quality):
        accuracy = _number(reached["accuracy"], 100, " %")
        rows.append(
            [
                Cell(name),
                Cell(FRAMEWORKS[run["framework"]]),
                Cell(str(run["seed"]), run["seed"]),
                accuracy._replace(more=ends(reached["interval"], 100)),
                Cell(f"{reached['texts']:,}", reached["texts"]),
                Cell(reached["feature"]),
                _number(reached["neuron_accuracy"], 100, " %"),
            ]
        )
    return without_empty(Table("Sentiment from the features", titles, rows))


def _times(quality: dict[str, Any]) -> Table:
    rows = [
        [
            _number(one["bpc"]),
            *(
                figure(one[name]) if one[name] else Cell("not reached")
                for name in FRAMEWORKS
            ),
        ]
        for one in quality["time_to_bpc"]
    ]
    titles = ("validation BPC", "Keras, s", "twin, s")
    return Table("Training until a score is reached", titles, rows)


def quality_points(results: Results) -> list[str]:
    """Return the sentences on what both learned; none if it was not measured."""
    quality = results["quality"]
    return [one["sentence"] for one in quality["comparisons"]] if quality else []
