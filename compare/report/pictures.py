"""Pictures of the results: speed, learning, sentiment and parity, as SVG.

Colours by Okabe and Ito (Color Universal Design, 2008), which colour-blind readers tell
apart, without yellow and black: one of the two is lost on a light or on a dark page.
"""

from __future__ import annotations

from typing import Any

from compare.report.learning_sections import FRAMEWORKS, transfers
from compare.report.numbers import plain
from compare.report.parity_picture import parity_picture
from compare.report.results import Results
from compare.report.speed_sections import TASKS, in_order, short_key
from compare.report.study_pictures import CAPTIONS as STUDY_CAPTIONS
from compare.report.study_pictures import study_pictures
from compare.report.svg import FAINT, INK, drawing, svg_of
from compare.report.tables import printable

CAPTIONS = {
    **dict.fromkeys(
        TASKS,
        "Bytes of text a second of each cell, with 95 % intervals; behind it, how many "
        "times as fast as the reference. Each cell has a scale of its own.",
    ),
    "bpc": "Validation BPC of every run against seconds and bytes of training.",
    "accuracy": "Accuracy on test texts: filled from all features, with its 95 % "
    "interval; hollow from one neuron alone.",
    "parity": "Worst difference between Keras and the twin at each step, as a power of "
    "ten. Grey is exactly 0; red is no number.",
    **STUDY_CAPTIONS,
}

_WIDE = 7.0  # Inches: 504 points, which a page of 700 pixels shows in 12-pixel letters.
_COLORS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7")
# Broad below narrow and broken: both are seen where they coincide.
_LINES: dict[str, dict[str, Any]] = {
    "keras": {"linewidth": 2.6, "markersize": 4},
    "twin": {"linewidth": 1.1, "markersize": 2, "linestyle": "--"},
}
_LOOKS: dict[str, dict[str, Any]] = {
    "keras": {"color": "#0072b2", "marker": "o"},
    "twin": {"color": "#d55e00", "marker": "s"},
}


def pictures(results: Results) -> dict[str, str]:
    """Return SVG elements by name; without those that have nothing to show.

    Names are those of the tasks, "bpc", "accuracy", "parity", "study-accuracy" and
    "study-growth".
    """
    parity, quality = results["parity"], results["quality"]
    with drawing():
        found = {task: _speed(results, task) for task in TASKS}
        if quality is not None:
            found["bpc"] = _bpc(quality["runs"])
            found["accuracy"] = _accuracy(quality)
        if parity is not None:
            found["parity"] = parity_picture(parity["steps"], CAPTIONS["parity"])
        if results["study"] is not None:
            found |= study_pictures(results["study"])
    return {name: svg for name, svg in found.items() if svg}


def _speed(results: Results, task: str) -> str:
    """Draw a panel for each cell that has a time, one below the other."""
    panels = [
        (short_key(entry["cell"]), in_order(results, entry))
        for entry in results["speed"]
        if entry["cell"]["task"] == task
        and any(timing["status"] == "ok" for timing in entry["runners"].values())
    ]
    if not panels:
        return ""
    row, above, below, left = 0.21, 0.3, 0.42, 1.55
    heights = [row * len(timings) for _, timings in panels]
    high = sum(heights) + (above + below) * len(panels)
    figure, top = _figure(high), high
    colors = {name: _COLORS[n % 6] for n, name in enumerate(results["runners"])}
    for (title, timings), height in zip(panels, heights, strict=True):
        top -= above + height
        place = (left / _WIDE, top / high, 1 - (left + 0.1) / _WIDE, height / high)
        top -= below
        axes = figure.add_axes(place)
        _bars(axes, timings, colors)
        axes.set_title(printable(title), fontweight="bold", loc="left", x=-0.24)
    return svg_of(figure, task, CAPTIONS[task])


def _bars(axes: Any, timings: list[tuple[str, Any]], colors: dict[str, str]) -> None:
    ok = [t["bytes_per_s"] for _, t in timings if t["status"] == "ok"]
    most = max(max(rate["high"], rate["median"]) for rate in ok) or 1.0
    for row, (name, timing) in enumerate(timings):
        rate, at = timing["bytes_per_s"], {"va": "center_baseline", "fontsize": 8}
        if timing["status"] != "ok":
            axes.text(0.01 * most, row, timing["status"], style="italic", **at)
            continue
        middle = rate["median"]
        ends = [[max(middle - rate["low"], 0)], [max(rate["high"] - middle, 0)]]
        axes.barh(row, middle, height=0.68, color=colors[name])
        axes.errorbar(middle, row, xerr=ends, color=INK, capsize=2, linewidth=1)
        said = plain(middle, 3)
        if times := timing["times_reference"]:
            said += f" ({plain(times['median'], 3)} x)"
        axes.text(max(rate["high"], middle) + 0.02 * most, row, said, **at)
    axes.set_yticks(range(len(timings)), [_short(name) for name, _ in timings])
    axes.set(xlim=(0, most * 1.35), ylim=(len(timings) - 0.5, -0.5))
    axes.tick_params(axis="y", length=0)
    _ticks(axes.xaxis, 5)


def _bpc(runs: list[dict[str, Any]]) -> str:
    runs = sorted((r for r in runs if r["points"]), key=lambda r: r["framework"])
    if not runs:
        return ""
    figure = _figure(3.1)
    both = figure.subplots(1, 2, sharey=True)
    figure.subplots_adjust(left=0.08, right=0.98, top=0.9, bottom=0.16, wspace=0.08)
    for axes, key, label, scale in (
        (both[0], "seconds", "seconds of training", 1),
        (both[1], "bytes", "MB trained on", 1e-6),
    ):
        drawn = set()
        for run in runs:
            kind = run["framework"]
            axes.plot(
                [point[key] * scale for point in run["points"]],
                [point["val_bpc"] for point in run["points"]],
                **_LOOKS[kind],
                **_LINES[kind],
                label=None if kind in drawn else FRAMEWORKS[kind],
            )
            drawn.add(kind)
        axes.set_xlabel(label)
        axes.grid(color=FAINT, linewidth=0.6)
        _ticks(axes.xaxis, 5)
    both[0].set_title("Validation BPC")
    both[1].legend(loc="upper right")
    return svg_of(figure, "bpc", CAPTIONS["bpc"])


def _accuracy(quality: dict[str, Any]) -> str:
    rows = transfers(quality)
    if not rows:
        return ""
    high = 0.24 * len(rows) + 0.75
    figure = _figure(high)
    axes = figure.add_axes((0.24, 0.5 / high, 0.73, 1 - 0.6 / high))
    for row, (_, run, reached) in enumerate(rows):
        look = _LOOKS[run["framework"]] | {"linestyle": "none", "markersize": 5}
        middle, (low, top) = reached["accuracy"], reached["interval"]
        ends = [[max(middle - low, 0) * 100], [max(top - middle, 0) * 100]]
        axes.errorbar(middle * 100, row, xerr=ends, capsize=2, **look)
        if reached["neuron_accuracy"] is not None:
            axes.plot(reached["neuron_accuracy"] * 100, row, **look, mfc="none")
    names = [
        f"{name}, {FRAMEWORKS[run['framework']]} {run['seed']}" for name, run, _ in rows
    ]
    axes.set_yticks(range(len(rows)), names)
    axes.set(ylim=(len(rows) - 0.5, -0.5), xlabel="accuracy, %")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    _ticks(axes.xaxis, 7)
    return svg_of(figure, "accuracy", CAPTIONS["accuracy"])


def _figure(high: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(_WIDE, high))


def _ticks(axis: Any, most: int) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(most))
    axis.set_major_formatter(FuncFormatter(lambda value, _: plain(float(value))))


def _short(name: str) -> str:
    name = printable(name)
    return name if len(name) <= 20 else f"{name[:17]}..."
