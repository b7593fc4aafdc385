"""The pictures of a study, as PNG."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfsent.studies.results import Results, best_of_lines, score_name
from tfsent.transfer.pictures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    SKY,
    YELLOW,
    png_bytes,
)

_COLOURS = (BLUE, ORANGE, GREEN, PINK, YELLOW, SKY, GREY)
_MARKS = "osD^v*P"
_NAMED_WORDS = 60


def picture(results: Results) -> bytes:
    """Return the picture of a study from its results."""
    draw: Mapping[str, Callable[[Results], Figure]] = {
        "optimizers": _race,
        "tricks": _tricks,
        "crossover": _crossover,
        "depth": _depth,
        "words": _words,
    }
    figure = draw[results["study"]](results)
    return png_bytes(figure)


def _race(results: Results) -> Figure:
    figure, axes = _panels(2)
    score = score_name(results)
    for number, (line, run) in enumerate(best_of_lines(results).items()):
        label = f"{line}, rate {run['x']:.3g}"
        updates = [one["update"] for one in run["history"]]
        for panel, name in zip(axes, ("val_loss", score), strict=True):
            values = [one[name] for one in run["history"]]
            panel.plot(updates, values, color=_colour(number), label=label)
    for panel, name in zip(
        axes, ("validation loss, nats", _spoken(score)), strict=True
    ):
        panel.set_xlabel("updates")
        panel.set_ylabel(name)
    axes[1].legend(fontsize=8)
    return figure


def _tricks(results: Results) -> Figure:
    figure, axes = _panels(2)
    score = score_name(results)
    for number, run in enumerate(results["runs"]):
        values = [one[score] for one in run["history"]]
        for panel, name in zip(axes, ("examples", "seconds"), strict=True):
            x = [one[name] for one in run["history"]]
            panel.plot(x, values, color=_colour(number), label=run["line"])
    for panel, name in zip(
        axes, ("texts trained on, repeats counted", "seconds of training"), strict=True
    ):
        panel.set_xscale("log")
        panel.set_xlabel(name)
        panel.set_ylabel(_spoken(score))
    axes[1].legend(fontsize=8)
    return figure


def _crossover(results: Results) -> Figure:
    figure, (axes,) = _panels(1)
    _intervals(axes, results["lines"])
    axes.set_xscale("log")
    sizes = sorted({point["x"] for point in results["lines"]})
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel("labelled texts trained on")
    axes.set_ylabel("test accuracy")
    axes.legend()
    return figure


def _depth(results: Results) -> Figure:
    figure, axes = _panels(2)
    _intervals(axes[0], results["lines"])
    axes[0].set_ylabel("test accuracy")
    for number, line in enumerate(_names(results["runs"])):
        runs = [run for run in results["runs"] if run["line"] == line]
        axes[1].plot(
            [run["x"] for run in runs],
            [run["seconds"] / max(1, run["updates"]) for run in runs],
            color=_colour(number),
            marker=_MARKS[number % len(_MARKS)],
            label=line,
        )
    axes[1].set_ylabel("seconds an update")
    axes[1].set_ylim(bottom=0)
    for panel in axes:
        panel.set_xlabel("recurrent layers")
        panel.set_xticks(sorted({run["x"] for run in results["runs"]}))
        panel.legend()
    return figure


def _words(results: Results) -> Figure:
    figure, (axes,) = _panels(1, height=6.0)
    words = results["words"]["shown"]
    mean = results["words"]["mean_label"]
    values = np.array([word["sentiment"] for word in words])
    reach = max(1e-9, float(np.abs(values - mean).max()))
    dots = axes.scatter(
        [word["x"] for word in words],
        [word["y"] for word in words],
        c=values,
        cmap="PuOr",
        vmin=mean - reach,
        vmax=mean + reach,
        s=14,
        edgecolors=GREY,
        linewidths=0.3,
    )
    surest = np.argsort(-np.abs(values - mean))[:_NAMED_WORDS]
    for place in surest:
        word = words[place]
        axes.annotate(word["word"], (word["x"], word["y"]), fontsize=6)
    axes.set_xticks([])
    axes.set_yticks([])
    figure.colorbar(dots, ax=axes, label="mean label of the texts that it stands in")
    axes.set_title("word vectors, t-SNE")
    return figure


def _intervals(axes: Axes, points: Sequence[Mapping[str, Any]]) -> None:
    for number, line in enumerate(_names(points)):
        own = sorted((p for p in points if p["line"] == line), key=lambda p: p["x"])
        mean = np.array([p["mean"] for p in own])
        # A percentile interval need not hold the mean: no bar is shorter than nothing.
        around = [
            np.maximum(mean - [p["low"] for p in own], 0.0),
            np.maximum([p["high"] for p in own] - mean, 0.0),
        ]
        axes.errorbar(
            [p["x"] for p in own],
            mean,
            yerr=around,
            color=_colour(number),
            marker=_MARKS[number % len(_MARKS)],
            capsize=3,
            label=line,
        )


def _names(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(run["line"] for run in runs))


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def _spoken(score: str) -> str:
    return "validation " + score.removeprefix("val_")


def _panels(count: int, height: float = 4.2) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(5.5 * count + 1.5, height), layout="constrained")
    axes = [figure.add_subplot(1, count, 1 + k) for k in range(count)]
    for panel in axes:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.25)
    return figure, axes
