"""Two results side by side: was the second measurement the same as the first?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from compare.report.changes import changes
from compare.report.markdown import to_markdown
from compare.report.numbers import overlap, plain
from compare.report.results import Results
from compare.report.speed_sections import TASKS, remark, short_key
from compare.report.study_difference import study_overlaps, study_sections
from compare.report.tables import Cell, Section, Table, figure

Timing = dict[str, Any]
Name = tuple[str, str]
"""Key of a cell, and a runner."""
Side = tuple[dict[str, Any], Timing, bool]
"""The entry of a cell, what a runner reached in it, whether it is the reference."""

_TITLES = (
    "cell",
    "runner",
    "bytes/s, A",
    "bytes/s, B",
    "B : A",
    "times the reference, A",
    "times the reference, B",
    "overlap",
)


class Overlaps(NamedTuple):
    """How well two measurements agree.

    A cell is here a cell and a runner other than the reference, in both results
    with an interval of how many times as fast as the same reference it is; of a study
    a network and a pair of systems.

    Attributes:
        overlapping: Number of cells whose two intervals have a point in common.
        cells: Number of cells.
        apart: Those that have none.
    """

    overlapping: int
    cells: int
    apart: tuple[Name, ...]

    def sentence(self) -> str:
        """Return the counts in words."""
        share = (
            f" ({plain(self.overlapping / self.cells * 100)} %)" if self.cells else ""
        )
        return f"{self.overlapping} of {self.cells} cells overlap{share}."


def overlaps(one: Results, other: Results) -> Overlaps:
    """Count the cells whose intervals of how many times as fast overlap."""
    met = {name: _overlap(*pair) for name, pair in _pairs(one, other).items()}
    told = {name: yes for name, yes in met.items() if yes is not None}
    told |= study_overlaps(one, other)
    apart = tuple(name for name, yes in told.items() if not yes)
    return Overlaps(sum(told.values()), len(told), apart)


def difference(one: Results, other: Results) -> str:
    """Return as Markdown what changed from one sound results object to another."""
    return "# Two comparisons, A and B\n\n" + to_markdown(list(_sections(one, other)))


def _sections(one: Results, other: Results) -> Iterator[Section]:
    yield Section(
        "",
        text=[
            overlaps(one, other).sentence(),
            "A cell counts with each runner but the reference, where both results have "
            "an interval of how many times as fast as the same reference it is; of a "
            "study a network counts with each pair of systems.",
        ],
    )
    changed = [
        [Cell(name), Cell(before), Cell(after)]
        for name, before, after in changes(one, other)
    ]
    same = "Machine, versions and settings are the same."
    yield Section(
        "What else changed",
        text=[] if changed else [same],
        tables=[Table("", ("what", "A", "B"), changed)] if changed else [],
    )
    for task in TASKS:
        rows = [
            _row(name, *pair)
            for name, pair in _pairs(one, other).items()
            if pair[0][0]["cell"]["task"] == task
        ]
        if rows:
            yield Section(f"Task {task}", tables=[Table("", _TITLES, rows)])
    yield from study_sections(one, other)
    alone = [*_alone("A", one, other), *_alone("B", other, one)]
    if alone:
        yield Section("Only in one of them", points=alone)


def _sides(results: Results) -> dict[Name, Side]:
    return {
        (entry["cell"]["key"], name): (entry, timing, name == entry["reference"])
        for entry in results["speed"]
        for name, timing in entry["runners"].items()
    }


def _pairs(one: Results, other: Results) -> dict[Name, tuple[Side, Side]]:
    """Return what both results have, in the order of the first."""
    second = _sides(other)
    return {
        name: (side, second[name])
        for name, side in _sides(one).items()
        if name in second
    }


def _overlap(one: Side, other: Side) -> bool | None:
    """Return whether the intervals overlap; None if they do not compare."""
    (entry, timing, reference), (second, again, _) = one, other
    if reference or entry["reference"] != second["reference"]:
        return None
    if timing["status"] != "ok" or again["status"] != "ok":
        return None
    if timing["times_reference"] is None or again["times_reference"] is None:
        return None
    return overlap(timing["times_reference"], again["times_reference"])


def _row(name: Name, one: Side, other: Side) -> list[Cell]:
    rates = [_rate(timing) for _, timing, _ in (one, other)]
    before, after = (rate.value for rate in rates)
    ratio = after / before if before and after is not None else None
    return [
        Cell(short_key(one[0]["cell"])),
        Cell(name[1]),
        *rates,
        Cell("" if ratio is None else plain(ratio, 3), ratio),
        *(_times(side) for side in (one, other)),
        _verdict(one, other),
    ]


def _verdict(one: Side, other: Side) -> Cell:
    if one[0]["reference"] != other[0]["reference"]:
        return Cell("other reference", marked=True)
    met = _overlap(one, other)
    return Cell({True: "yes", False: "no", None: ""}[met], marked=met is False)


def _rate(timing: Timing) -> Cell:
    if timing["status"] != "ok":
        return Cell(remark(timing), marked=True)
    return figure(timing["bytes_per_s"])


def _times(side: Side) -> Cell:
    _, timing, reference = side
    if reference:
        return Cell("the reference")
    return figure(timing["times_reference"] if timing["status"] == "ok" else None)


def _alone(label: str, here: Results, there: Results) -> Iterator[str]:
    known = _sides(there)
    for key, name in _sides(here):
        if (key, name) not in known:
            yield f"{label}: {name} in {key}"
    keys = {entry["cell"]["key"] for entry in there["speed"]}
    for entry in here["speed"]:
        if not entry["runners"] and entry["cell"]["key"] not in keys:
            yield f"{label}: {entry['cell']['key']}, skipped: {entry['skipped']}"
