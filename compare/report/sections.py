"""The report as sections of text and tables; Markdown and the page both show them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from statistics import median

from compare.report.learning_sections import (
    parity_section,
    parity_sentence,
    quality_points,
    quality_section,
)
from compare.report.numbers import plain
from compare.report.ratios import ONE, OTHER, ratios
from compare.report.results import Results
from compare.report.speed_sections import (
    TASKS,
    remark,
    runners_section,
    speed_sections,
    versions_text,
)
from compare.report.study_sections import interpretation, study_sections
from compare.report.tables import Cell, Output, Section, Table, figure

TITLE = "TensorFlow/Keras and PyTorch compared"

_HOW_TO_READ = (
    "A figure with brackets is the median of n single figures. In the brackets stands "
    "its 95 % interval, by bootstrap over processes: so far the median moves when the "
    "processes are started again. Where two intervals do not touch, the difference is "
    "more than noise.",
    "What is timed was first proved equal: gap is the largest difference of a runner's "
    "result from the expected one, beside what is allowed. A runner beyond that is "
    "invalid, and its time is not shown. Parity goes through every layer, step and "
    "gradient of Keras and the twin.",
    "Start-up and compiling stand apart: start-up is the time from the start of a "
    "process to its first answer, first call the first one with compiling. Neither is "
    "in bytes/s.",
    "Times the reference says how many times as fast a runner is as the reference in "
    "the same round; 2 is twice as fast. Runners take turns in a round, so that a load "
    "from outside meets all of them.",
    "Of GEMM is the share of the speed that the runner's own framework reaches in a "
    "float32 matrix product in the same round.",
    "BPC is bits a character, where a character is one byte; lower is better. An MB is "
    "a million bytes.",
)


def sections_of(results: Results) -> list[Section]:
    """Return the whole report in the order in which it is read."""
    return list(_sections(results))


def _sections(results: Results) -> Iterator[Section]:
    study = results["study"]
    # A study alone needs no word on what it is not.
    if study is None or _has_more(results):
        yield Section("In short", points=list(_summary(results)))
    if study is not None:
        yield interpretation(study)
    yield _measured(results)
    if study is not None:
        yield from study_sections(study)
    if study is None or _has_more(results):
        yield Section(
            "How to read the rest" if study else "How to read this", points=_HOW_TO_READ
        )
        yield runners_section(results)
    yield from speed_sections(results)
    if results["parity"] is not None:
        yield parity_section(results["parity"])
    if results["quality"] is not None:
        yield quality_section(results["quality"])
    if results["notes"]:
        yield Section("Notes", points=results["notes"])


def _has_more(results: Results) -> bool:
    """Return whether anything but a study was measured."""
    parts = (results["speed"], results["parity"], results["quality"])
    return any(part for part in parts)


def _summary(results: Results) -> Iterator[str]:
    parity = results["parity"]
    yield parity_sentence(parity) if parity else "Parity was not measured."
    yield from _speed_summary(results)
    timings = [t for entry in results["speed"] for t in entry["runners"].values()]
    left = sum(remark(timing) != "" for timing in timings)
    skipped = sum(entry["skipped"] is not None for entry in results["speed"])
    if left or skipped:
        yield (
            f"{left} of {len(timings)} timings are invalid, failed or absent; "
            f"{skipped} of {len(results['speed'])} cells were skipped."
        )
    if results["quality"] is None:
        yield "Quality was not measured."
    yield from quality_points(results)


def _speed_summary(results: Results) -> Iterator[str]:
    """Yield a line a task: cells of different tasks make no common median."""
    found = ratios(results)
    if not found:
        yield f"No cell was timed with both {ONE} and {OTHER}."
    for task, title in TASKS.items():
        there = [ratio for ratio in found if ratio.entry["cell"]["task"] == task]
        if not there:
            continue
        if len(there) == 1:
            cell = figure(there[0].interval) if there[0].interval else None
            said = f"{cell.text} ({cell.more})" if cell else plain(there[0].value, 3)
            yield f"{title}: in one cell, {ONE} is {said} times as fast as {OTHER}."
            continue
        values = [ratio.value for ratio in there]
        low, middle, high = (plain(f(values), 3) for f in (min, median, max))
        faster = [ratio.faster() for ratio in there]
        yield (
            f"{title}: {ONE} is {low} to {high} times as fast as {OTHER}, median "
            f"{middle}. Of {len(there)} cells it is faster in {faster.count(ONE)} and "
            f"slower in {faster.count(OTHER)}; {faster.count('')} show no difference."
        )


def _measured(results: Results) -> Section:
    provenance = results["provenance"]
    load = ", ".join(map(plain, provenance["load_average"]))
    facts = {
        "date": provenance["date"],
        "command": provenance["command"],
        "preset": results["preset"],
        "processor": provenance["cpu"],
        "cores to use": str(provenance["threads"]),
        "memory": f"{plain(provenance['memory_bytes'] / 1e9)} GB",
        "system": provenance["system"],
        "load at the start": load,
        "versions": versions_text(provenance["versions"]),
    }
    rows = [[Cell(name), Cell(value)] for name, value in facts.items()]
    settings = json.dumps(results["settings"], indent=2)
    return Section(
        "Where and how it was measured",
        tables=[Table("", ("what", "value"), rows)],
        outputs=[Output("All settings", settings)],
    )
