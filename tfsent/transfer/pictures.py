"""The pictures of an experiment, as PNG.

Drawn on Matplotlib's objects, without its global state: nothing here depends on a
screen or on what else a process draws. Colours are told apart by those who do not
see red and green apart (Okabe and Ito 2008).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PINK = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
SKY, YELLOW, GREY, BLACK = "#56B4E9", "#E69F00", "#8A8A8A", "#222222"

CLASS_COLOURS = (ORANGE, BLUE, GREEN, PINK, SKY, YELLOW)

_DPI = 150
_BINS = (12, 60)
_MOST_CLASSES = 6
_ENOUGH_TO_NAME = 12


def weights_picture(
    importance: np.ndarray, top: Sequence[int], names: Sequence[str], feature: str
) -> bytes:
    """Return the weights of all neurons, the top ones marked and named.

    Args:
        importance: float64[F, K]; of several outputs the sum of sizes is shown.
        top: Columns, the largest first.
        names: Of these.
        feature: What it is a picture of.
    """
    one = importance.shape[1] == 1
    values = importance[:, 0] if one else np.abs(importance).sum(axis=1)
    figure, axes = _figure(8.0, 4.0)
    columns = np.arange(len(values))
    used = values != 0
    axes.vlines(columns[used], 0, values[used], color=GREY, linewidth=0.8)
    axes.plot(columns[used], values[used], "o", color=GREY, markersize=2.2)
    axes.axhline(0, color=BLACK, linewidth=0.6)
    axes.plot(columns[list(top)], values[list(top)], "o", color=ORANGE, markersize=6)
    for column, name in zip(top[:5], names, strict=False):
        right = column < 0.75 * len(values)
        axes.annotate(
            name,
            (column, values[column]),
            xytext=(8 if right else -8, 0),
            textcoords="offset points",
            ha="left" if right else "right",
            va="center",
            color=ORANGE,
        )
    axes.set_xlim(-0.01 * len(values) - 0.5, 1.01 * len(values) - 0.5)
    axes.margins(y=0.12)
    axes.set_xlabel(f"column of the feature {feature}")
    axes.set_ylabel(
        "weight for one deviation" if one else "sum of |weights| for one deviation"
    )
    axes.set_title(f"{int(used.sum())} of {len(values)} neurons have a weight")
    return png_bytes(figure)


def histogram_picture(
    values: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    threshold: float,
    neuron: str,
    texts: str,
    speaks_for: str,
) -> bytes:
    """Return how the values of the neuron spread over the texts of each class.

    Args:
        values: float[N].
        labels: int64[N], index of the class of each.
        classes: Names.
        threshold: Where the neuron alone decides.
        neuron: Its name.
        texts: Which texts these are.
        speaks_for: Class or label that the threshold is about.
    """
    figure, axes = _figure(7.0, 4.2)
    low, high = (float(edge) for edge in np.quantile(values, [0.001, 0.999]))
    low, high = min(low, threshold), max(high, threshold)
    if not high > low:
        low, high = low - 0.5, high + 0.5
    count = int(np.clip(np.sqrt(len(values)), *_BINS))
    bins = np.linspace(low, high, count + 1).tolist()
    inside = np.clip(values, low, high)
    for index, name in list(enumerate(classes))[:_MOST_CLASSES]:
        of_class = inside[labels == index]
        axes.hist(
            of_class,
            bins=bins,
            label=f"{name} ({len(of_class):,})",
            facecolor=(CLASS_COLOURS[index], 0.5 if len(classes) == 2 else 0.0),
            histtype="stepfilled",
            edgecolor=CLASS_COLOURS[index],
            linewidth=1.2 if len(classes) == 2 else 1.6,
        )
    axes.axvline(threshold, color=BLACK, linestyle="--", linewidth=1.2)
    axes.annotate(
        f"threshold for {speaks_for}: {threshold:.3g}",
        (threshold, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(4, -4),
        textcoords="offset points",
        va="top",
        fontsize=9,
    )
    axes.set_xlabel(f"value of {neuron}")
    axes.set_ylabel("texts")
    axes.set_title(f"{neuron} on {texts}")
    axes.legend(loc="upper left", frameon=False)
    axes.set_ylim(0, 1.25 * axes.get_ylim()[1])  # Room for the legend.
    return png_bytes(figure)


def efficiency_picture(
    curve: Sequence[Any], majority: float | None, measure: str, texts: str
) -> bytes:
    """Return a score against labelled texts.

    Args:
        curve: Entries with labels, draws and score (mean, low, high), as in the
            figures.
        majority: Score without any label but the majority's, if it is to be shown.
        measure: What the score is.
        texts: Which texts it was measured on.
    """
    figure, axes = _figure(7.0, 4.2)
    labels = [point["labels"] for point in curve]
    low, mean, high = (
        [100 * point["score"][name] for point in curve]
        for name in ("low", "mean", "high")
    )
    axes.fill_between(labels, low, high, color=BLUE, alpha=0.2, linewidth=0)
    axes.plot(labels, mean, "o-", color=BLUE, markersize=4)
    if majority is not None:
        axes.axhline(100 * majority, color=GREY, linestyle="--", linewidth=1)
        axes.annotate(
            "always the most frequent class",
            (1.0, 100 * majority),
            xycoords=("axes fraction", "data"),
            xytext=(-4, -4),
            textcoords="offset points",
            ha="right",
            va="top",
            color=GREY,
            fontsize=9,
        )
    axes.annotate(
        f"{mean[-1]:.1f}%",
        (labels[-1], mean[-1]),
        xytext=(0, 7),
        textcoords="offset points",
        ha="center",
        color=BLUE,
    )
    axes.set_xscale("log")
    axes.set_xticks(labels, [f"{count:,}" for count in labels], fontsize=9)
    axes.minorticks_off()
    axes.margins(y=0.15)
    axes.set_xlabel("labelled texts")
    axes.set_ylabel(f"{measure} on {texts}, %")
    draws = curve[0]["draws"]
    axes.set_title(f"Mean of {draws} draws, and what 95% of them lie between")
    return png_bytes(figure)


def confusion_picture(confusion: Any, classes: Sequence[str], texts: str) -> bytes:
    """Return how often each class was taken for each, in numbers and shares of rows.

    Args:
        confusion: [K, K], rows are the true classes.
        classes: Names.
        texts: Which texts it was measured on.
    """
    counts = np.asarray(confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = 1.8 + max(2.2, 0.62 * len(classes))
    figure, axes = _figure(size + 0.9, size)
    _cells(axes, shares, classes, classes)
    if len(classes) <= _ENOUGH_TO_NAME:
        for row, column in np.ndindex(counts.shape):
            axes.text(
                column,
                row,
                f"{counts[row, column]:,}\n{100 * shares[row, column]:.0f}%",
                ha="center",
                va="center",
                color="white" if shares[row, column] > 0.55 else BLACK,
                fontsize=10 if len(classes) <= 4 else 7,
            )
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(f"{counts.sum():,} {texts}")
    return png_bytes(figure)


def labels_picture(labels: Any, texts: str) -> bytes:
    """Return F1, Jaccard and Matthews' correlation of each of several labels.

    Args:
        labels: Name to metrics, as in the figures.
        texts: Which texts it was measured on.
    """
    figure, axes = _figure(7.0, 1.6 + 0.42 * len(labels))
    places = np.arange(len(labels))[::-1]
    marks = (("f1", "F1", BLUE), ("jaccard", "Jaccard", ORANGE), ("mcc", "MCC", GREEN))
    for shift, (name, title, colour) in zip((0.26, 0, -0.26), marks, strict=True):
        values = [entry[name] for entry in labels.values()]
        axes.barh(places + shift, values, height=0.24, color=colour, label=title)
    axes.set_yticks(places, list(labels))
    axes.axvline(0, color=BLACK, linewidth=0.6)
    axes.legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    axes.set_xlabel(f"on {texts}")
    return png_bytes(figure)


def _cells(
    axes: Axes, shares: np.ndarray, rows: Sequence[str], columns: Sequence[str]
) -> None:
    blues = LinearSegmentedColormap.from_list("blues", ["#F4F8FB", BLUE])
    axes.imshow(shares, cmap=blues, vmin=0.0, vmax=1.0)
    turned = 45 if max(map(len, columns)) > 3 and len(columns) > 3 else 0
    axes.set_xticks(
        range(len(columns)),
        columns,
        rotation=turned,
        ha="right" if turned else "center",
    )
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.title.set_fontsize(11)
    return figure, axes


def png_bytes(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG file."""
    file = io.BytesIO()
    # Without the version of Matplotlib: equal figures are then equal files.
    figure.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
    return file.getvalue()
