"""What was timed, as tables: the runners, each task, and the two beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compare.report.numbers import megabytes, plain, tiny
from compare.report.ratios import ONE, OTHER, ratios
from compare.report.results import Results
from compare.report.tables import Cell, Output, Section, Table, figure, without_empty

TASKS = {
    "train": "Speed of training",
    "featurize": "Speed of texts to features",
    "generate": "Speed of generation",
}


def runners_section(results: Results) -> Section:
    """Return what could be timed, and why something could not."""
    rows = [
        [
            Cell(name),
            Cell(runner["what"]),
            Cell(f"absent: {runner['absent']}", marked=True)
            if runner["absent"] is not None
            else Cell("timed" if _asked(results, name) else "not asked"),
            Cell(runner["device"] or ""),
            _count(runner["threads"]),
            figure(runner["start_s"]),
            Cell(versions_text(runner["versions"] or {})),
        ]
        for name, runner in results["runners"].items()
    ]
    titles = ("runner", "what", "state", "device", "threads", "start-up, s", "versions")
    return Section("Runners", tables=[Table("", titles, rows)])


def speed_sections(results: Results) -> Iterator[Section]:
    """Yield a section for each task that has a cell, and one of the ratios."""
    for task, title in TASKS.items():
        entries = [e for e in results["speed"] if e["cell"]["task"] == task]
        if entries:
            yield Section(
                title,
                text=_told(entries),
                tables=[_timings(results, entries)],
                outputs=list(_outputs(entries)),
                pictures=[task],
            )
    if found := ratios(results):
        rows = [
            [
                Cell(ratio.entry["cell"]["key"]),
                *(
                    figure(ratio.entry["runners"][name]["bytes_per_s"])
                    for name in (ONE, OTHER)
                ),
                figure(ratio.interval)
                if ratio.interval
                else Cell(plain(ratio.value, 3), ratio.value),
                Cell(_verdict(ratio.faster(), ratio.interval is None)),
            ]
            for ratio in found
        ]
        titles = ("cell", f"{ONE}, bytes/s", f"{OTHER}, bytes/s", "ratio", "faster")
        yield Section(
            f"{ONE} : {OTHER}",
            text=[f"A ratio above 1 means that {ONE} is faster."],
            tables=[Table("", titles, rows)],
        )


def short_key(cell: dict[str, Any]) -> str:
    """Return the name of a cell below the heading of its task."""
    return str(cell["key"]).removeprefix(f"{cell['task']}-")


def remark(timing: dict[str, Any]) -> str:
    """Return why a timing is not ok; empty if it is."""
    return "" if timing["status"] == "ok" else f"{timing['status']}: {timing['reason']}"


def versions_text(versions: dict[str, str]) -> str:
    """Return packages with their versions in one line."""
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _asked(results: Results, name: str) -> bool:
    return any(name in entry["runners"] for entry in results["speed"])


def _count(value: int | None) -> Cell:
    return Cell("" if value is None else str(value), value)


def _told(entries: list[dict[str, Any]]) -> list[str]:
    """Return one paragraph on the reference and what gap compares, if any."""
    said = []
    names = dict.fromkeys(entry["reference"] for entry in entries if entry["reference"])
    if names:
        said.append(f"The reference is {' or '.join(names)}.")
    gaps = [t["gap"] for entry in entries for t in entry["runners"].values()]
    whats = dict.fromkeys(gap["what"] for gap in gaps if gap)
    if whats:
        said.append(f"Gap compares: {'; '.join(whats)}.")
    return [" ".join(said)] if said else []


def _timings(results: Results, entries: list[dict[str, Any]]) -> Table:
    titles = (
        "cell",
        "runner",
        "remark",
        "bytes/s",
        "times the reference",
        "of GEMM",
        "first call, s",
        "peak MB",
        "peak MB of the device",
        "gap (allowed)",
        "n",
    )
    rows = []
    for entry in entries:
        key = short_key(entry["cell"])
        if entry["skipped"] is not None:
            said = Cell(f"skipped: {entry['skipped']}", marked=True)
            empty = [Cell("")] * (len(titles) - 3)
            rows.append([Cell(key), Cell(""), said, *empty])
        for name, timing in in_order(results, entry):
            reference = name == entry["reference"]
            rows.append([Cell(key), Cell(name), *_row(timing, reference)])
    return without_empty(Table("", titles, rows))


def in_order(results: Results, entry: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the timings of a cell in the order in which runners are listed."""
    names = [name for name in results["runners"] if name in entry["runners"]]
    return [(name, entry["runners"][name]) for name in names]


def _row(timing: dict[str, Any], reference: bool) -> list[Cell]:
    ok = timing["status"] == "ok"
    # The time of an invalid runner is the time of another computation.
    measured = timing if ok else dict.fromkeys(timing)
    seconds, gap = measured["seconds"], timing["gap"]
    resident, device = timing["peak_resident_bytes"], timing["peak_device_bytes"]
    return [
        Cell(remark(timing), marked=not ok),
        figure(measured["bytes_per_s"]),
        Cell("1", 1.0, more="reference")
        if ok and reference
        else figure(measured["times_reference"]),
        figure(measured["of_gemm"], 100, " %"),
        figure(timing["first_s"]),
        Cell(megabytes(resident), resident),
        Cell(megabytes(device), device),
        Cell(tiny(gap["value"]), gap["value"], more=f"{gap['tolerance']:g}")
        if gap
        else Cell(""),
        Cell(str(seconds["n"]), seconds["n"]) if seconds else Cell(""),
    ]


def _outputs(entries: list[dict[str, Any]]) -> Iterator[Output]:
    for entry in entries:
        for name, timing in entry["runners"].items():
            if timing["stderr"].strip():
                yield Output(
                    f"Standard error of {name}, {short_key(entry['cell'])}",
                    timing["stderr"],
                )


def _verdict(faster: str, unknown: bool) -> str:
    if unknown:
        return "no interval"
    return faster or "no difference shown"
