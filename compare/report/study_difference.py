"""Two studies side by side: does the second say what the first said?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compare.report.numbers import overlap, plain
from compare.report.results import Results
from compare.report.tables import Cell, Section, Table, figure

Place = tuple[str, str]
"""Key of a network, and a system or a pair of systems."""


def study_overlaps(one: Results, other: Results) -> dict[Place, bool]:
    """Return whether the intervals of each ratio of training times overlap.

    Only what both have: a network and a pair of systems.
    """
    first, second = _ratios(one), _ratios(other)
    return {
        place: overlap(ratio, second[place])
        for place, ratio in first.items()
        if place in second
    }


def study_sections(one: Results, other: Results) -> Iterator[Section]:
    """Yield the ratios, the seconds and the accuracies of both studies."""
    if not (one["study"] and other["study"]):
        return
    first, second = _ratios(one), _ratios(other)
    met = study_overlaps(one, other)
    rows = [
        [
            *(Cell(part) for part in place),
            figure(first[place]),
            figure(second[place]),
            Cell("yes" if yes else "no", marked=not yes),
        ]
        for place, yes in met.items()
    ]
    titles = ("network", "systems", "times as fast, A", "times as fast, B", "overlap")
    tables = [Table("Training, one system beside another", titles, rows)]
    yield Section("Study", tables=[*tables, _figures(one, other)])
    alone = [*_alone("A", one, other), *_alone("B", other, one)]
    if alone:
        yield Section("Networks in one study alone", points=alone)


def _ratios(results: Results) -> dict[Place, dict[str, Any]]:
    study = results["study"]
    return {
        (network["key"], f"{each['one']} : {each['other']}"): each["train"]
        for network in (study["networks"] if study else ())
        for each in network["speed"]
        if each["train"] is not None
    }


def _systems(results: Results) -> dict[Place, dict[str, Any]]:
    return {
        (network["key"], name): system
        for network in results["study"]["networks"]
        for name, system in network["systems"].items()
    }


def _figures(one: Results, other: Results) -> Table:
    second = _systems(other)
    rows = []
    for place, system in _systems(one).items():
        again = second.get(place)
        if again is None or "absent" == system["status"] == again["status"]:
            continue
        seconds = [_seconds(each) for each in (system, again)]
        before, after = (cell.value for cell in seconds)
        ratio = after / before if before and after is not None else None
        rows.append(
            [
                *(Cell(part) for part in place),
                *seconds,
                Cell("" if ratio is None else plain(ratio, 3), ratio),
                *(_accuracy(each) for each in (system, again)),
            ]
        )
    titles = (
        "network",
        "system",
        "epoch, s, A",
        "epoch, s, B",
        "B : A",
        "accuracy, A",
        "accuracy, B",
    )
    return Table("Every network and system", titles, rows)


def _seconds(system: dict[str, Any]) -> Cell:
    if system["status"] != "ok":
        return Cell(f"{system['status']}: {system['reason']}", marked=True)
    return figure(system["epoch_s"])


def _accuracy(system: dict[str, Any]) -> Cell:
    """Return the mean over the seeds."""
    found = [run["accuracy"] for run in system["runs"]]
    if not found:
        return Cell("")
    percent = 100 * sum(found) / len(found)
    return Cell(f"{percent:.2f} %", percent)


def _alone(label: str, here: Results, there: Results) -> Iterator[str]:
    known = _systems(there)
    for key, name in _systems(here):
        if (key, name) not in known:
            yield f"{label}: {name}, {key}"
