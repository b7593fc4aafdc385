"""The study of networks as pictures: accuracy against time, time against size."""

from __future__ import annotations

from statistics import median
from typing import Any

from compare.report.numbers import plain
from compare.report.svg import FAINT, svg_of
from compare.report.tables import printable

CAPTIONS = {
    "study-accuracy": "Accuracy on the test texts against seconds of an epoch, on a "
    "logarithmic scale: one point a network and system. Colours are systems, shapes "
    "are cells; a larger point has more layers.",
    "study-growth": "Seconds of an epoch against the number of layers, a panel for "
    "each cell and width. Colours are systems; bars are 95 % intervals.",
}

_WIDE = 7.0
_COLORS = ("#0072b2", "#d55e00", "#56b4e9", "#e69f00")
"""This project on Keras and PyTorch, and beside each the framework's own layers."""
_SHAPES = ("o", "s", "^", "D", "v", "P")


def study_pictures(study: dict[str, Any]) -> dict[str, str]:
    """Return SVG elements by name; none where nothing was measured.

    Call it inside `svg.drawing()`.
    """
    if not any(system["epoch_s"] for *_, system in _points(study)):
        return {}
    return {
        "study-accuracy": _accuracy(study),
        "study-growth": _growth(study),
    }


def _points(study: dict[str, Any]) -> list[tuple[dict[str, Any], str, dict[str, Any]]]:
    return [
        (network, name, system)
        for network in study["networks"]
        for name, system in network["systems"].items()
    ]


def _looks(study: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the colour of each system and the shape of each cell."""
    cells = dict.fromkeys(network["cell"] for network in study["networks"])
    colors = {n: _COLORS[k % len(_COLORS)] for k, n in enumerate(study["systems"])}
    shapes = {cell: _SHAPES[k % len(_SHAPES)] for k, cell in enumerate(cells)}
    return colors, shapes


def _accuracy(study: dict[str, Any]) -> str:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    colors, shapes = _looks(study)
    figure = Figure(figsize=(_WIDE, 3.6))
    axes = figure.add_axes((0.09, 0.13, 0.66, 0.84))
    for network, name, system in _points(study):
        if system["epoch_s"] is None:
            continue
        axes.plot(
            system["epoch_s"]["median"],
            100 * median(run["accuracy"] for run in system["runs"]),
            marker=shapes[network["cell"]],
            color=colors[name],
            markersize=3 + 1.5 * network["depth"],
            alpha=0.75,
        )
    axes.set_xscale("log")
    axes.set(xlabel="seconds of an epoch", ylabel="accuracy, %")
    axes.grid(color=FAINT, linewidth=0.6)
    _plain_ticks(axes.xaxis, True)
    look: dict[str, Any] = {"linestyle": "none", "marker": "o", "color": "#808080"}
    keys = [Line2D([], [], **look | {"color": colors[name]}) for name in colors]
    keys += [Line2D([], [], **look | {"marker": shapes[cell]}) for cell in shapes]
    names = [printable(name) for name in (*colors, *shapes)]
    axes.legend(keys, names, loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return svg_of(figure, "study-accuracy", CAPTIONS["study-accuracy"])


def _growth(study: dict[str, Any]) -> str:
    from matplotlib.figure import Figure

    colors, shapes = _looks(study)
    widths = sorted({network["width"] for network in study["networks"]})
    high = 1.75 * len(widths) + 0.75
    figure = Figure(figsize=(_WIDE, high))
    grid = figure.subplots(len(widths), len(shapes), squeeze=False, sharex=True)
    figure.subplots_adjust(
        left=0.08,
        right=0.99,
        top=1 - 0.55 / high,
        bottom=0.5 / high,
        wspace=0.32,
        hspace=0.4,
    )
    for row, width in zip(grid, widths, strict=True):
        for axes, cell in zip(row, shapes, strict=True):
            for name, color in colors.items():
                _line(axes, study, (cell, width), name, color)
            axes.set_title(printable(f"{cell}, {width} units"))
            axes.set_ylim(bottom=0)
            axes.grid(color=FAINT, linewidth=0.6)
            _plain_ticks(axes.yaxis, False)
            axes.set_xticks(sorted({n["depth"] for n in study["networks"]}))
    for axes in grid[-1]:
        axes.set_xlabel("layers")
    keys, names = grid[0][0].get_legend_handles_labels()
    figure.legend(keys, names, loc="upper center", ncols=len(names) or 1)
    return svg_of(figure, "study-growth", CAPTIONS["study-growth"])


def _line(
    axes: Any, study: dict[str, Any], place: tuple[str, int], name: str, color: str
) -> None:
    """Draw the epochs of one system over the depths of one cell and width."""
    found = sorted(
        (network["depth"], system["epoch_s"])
        for network, system_name, system in _points(study)
        if (network["cell"], network["width"]) == place
        and system_name == name
        and system["epoch_s"] is not None
    )
    middles = [each["median"] for _, each in found]
    ends = [
        [max(each["median"] - each["low"], 0) for _, each in found],
        [max(each["high"] - each["median"], 0) for _, each in found],
    ]
    axes.errorbar(
        [depth for depth, _ in found],
        middles,
        yerr=ends if found else None,
        color=color,
        marker="o",
        markersize=3,
        linewidth=1.4,
        capsize=2,
        label=printable(name),
    )


def _plain_ticks(axis: Any, logarithmic: bool) -> None:
    from matplotlib.ticker import (
        FuncFormatter,
        LogLocator,
        MaxNLocator,
        NullFormatter,
    )

    axis.set_major_locator(
        LogLocator(subs=(1, 2, 5)) if logarithmic else MaxNLocator(4)
    )
    axis.set_major_formatter(FuncFormatter(lambda value, _: plain(float(value))))
    axis.set_minor_formatter(NullFormatter())
