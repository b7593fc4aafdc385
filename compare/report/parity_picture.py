"""The worst difference at each step as a picture: rows by name, colours by size."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from compare.report.svg import svg_of
from compare.report.tables import printable

_MOST_COLUMNS = 128
"""More steps than that share columns, each with the worst of them."""
_MOST_LEVELS = 24
"""matplotlib draws a scale of 50 colours as an image, which the page forbids."""
_ZERO, _NO_NUMBER = "#b0b0b0", "#d55e00"


def parity_picture(steps: dict[str, list[float | None]], caption: str) -> str:
    """Return an SVG element; empty if there is nothing to show.

    Args:
        steps: Worst difference at each step by name; None is no number.
        caption: What a reader hears who does not see it.
    """
    from matplotlib import colormaps
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.figure import Figure

    rows = {name: values for name, values in steps.items() if values}
    if not rows:
        return ""
    high = 0.26 * len(rows) + 0.75
    figure = Figure(figsize=(7.0, high))
    axes = figure.add_axes((0.27, 0.45 / high, 0.6, 1 - 0.6 / high))
    edges, worst = worst_of(list(rows.values()))
    sides = (edges, np.arange(len(rows) + 1) - 0.5)

    def paint(shown: np.ndarray, values: np.ndarray, **look: Any) -> Any:
        return axes.pcolormesh(*sides, np.ma.masked_where(~shown, values), **look)

    paint(worst == 0, worst, cmap=ListedColormap([_ZERO]))
    paint(np.isposinf(worst), np.zeros_like(worst), cmap=ListedColormap([_NO_NUMBER]))
    shown = (worst > 0) & np.isfinite(worst)
    if shown.any():
        powers = np.log10(worst, where=shown, out=np.zeros_like(worst))
        levels = levels_of(powers[shown])
        colors = colormaps["viridis"].resampled(len(levels) - 1)
        look = {"cmap": colors, "norm": BoundaryNorm(levels, len(levels) - 1)}
        scale = figure.add_axes((0.89, 0.45 / high, 0.02, 1 - 0.6 / high))
        bar = figure.colorbar(paint(shown, powers, **look), cax=scale)
        bar.set_ticks(
            ticks := _whole(levels), labels=[f"1e{tick:+03d}" for tick in ticks]
        )
        bar.ax.tick_params(which="minor", length=0)
    axes.set_yticks(range(len(rows)), [_short(name) for name in rows])
    axes.set(ylim=(len(rows) - 0.5, -0.5), xlabel="step")
    axes.tick_params(axis="y", length=0)
    return svg_of(figure, "parity", caption)


def worst_of(rows: list[list[float | None]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the worst difference of each column of steps.

    Returns:
        float64[columns + 1], where columns begin and end, in steps from 1; and
        float64[rows, columns]: infinity is no number, NaN is no step.
    """
    longest = max(map(len, rows))
    width = math.ceil(longest / _MOST_COLUMNS)
    columns = math.ceil(longest / width)
    padded = np.full((len(rows), columns * width), np.nan)
    for row, values in zip(padded, rows, strict=True):
        row[: len(values)] = [math.inf if v is None else abs(v) for v in values]
    # fmax passes over NaN, a step that is not there.
    worst = np.fmax.reduce(padded.reshape(len(rows), columns, width), axis=2)
    return np.arange(columns + 1) * width + 0.5, worst


def levels_of(powers: np.ndarray) -> np.ndarray:
    """Return the powers of ten between which a colour stays the same."""
    low, high = math.floor(powers.min()), math.ceil(powers.max())
    high = max(high, low + 1)
    step = 0.5
    while (high - low) / step > _MOST_LEVELS:
        step *= 2
    return np.arange(low, high + step, step)


def _whole(levels: np.ndarray) -> list[int]:
    whole = [int(level) for level in levels if level == int(level)]
    return whole[:: math.ceil(len(whole) / 6)]


def _short(name: str) -> str:
    name = printable(name)
    return name if len(name) <= 28 else f"{name[:25]}..."
