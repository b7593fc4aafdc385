"""A heat map as a PNG picture, drawn by matplotlib without a screen."""

from __future__ import annotations

import io
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfsent.heat_map.characters import in_one_place, width, wrap
from tfsent.heat_map.colors import Color, background, foreground
from tfsent.heat_map.painting import Painting, levels

MOST_GLYPHS = 10_000
"""Longest text that a picture shows: a hundred lines."""

_COLUMNS = 100
_STEPS = 50
_DPI = 150
_COLUMN_INCHES, _LINE_INCHES, _MARGIN_INCHES = 0.095, 0.24, 0.3
_FONT_POINTS = 11.0
_BASELINE = 0.72
"""Where letters stand, in lines from the upper edge of theirs."""
_GREY: Color = (68, 68, 68)
_FONTS = ["DejaVu Sans Mono", "DejaVu Sans"]  # Both come with matplotlib.


def picture(painting: Painting) -> bytes:
    """Return a PNG file: the text in lines, the scale and what is shown.

    A character that matplotlib's own fonts lack is drawn as a box.

    Raises:
        ValueError: If the text is longer than `MOST_GLYPHS`.
    """
    if len(painting.glyphs) > MOST_GLYPHS:
        raise ValueError(
            f"the text has {len(painting.glyphs):,} characters; a picture shows up to "
            f"{MOST_GLYPHS:,}, and .html any number."
        )
    # Slow to import, and needed for pictures alone.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = wrap(painting.glyphs, _COLUMNS)
    below = 3 + len(painting.captions)
    rows = max(len(lines), 1) + below
    wide = _COLUMNS * _COLUMN_INCHES + 2 * _MARGIN_INCHES
    high = rows * _LINE_INCHES + 2 * _MARGIN_INCHES
    figure = Figure(figsize=(wide, high), dpi=_DPI, facecolor="white")
    axes = figure.add_axes(
        (
            _MARGIN_INCHES / wide,
            _MARGIN_INCHES / high,
            1 - 2 * _MARGIN_INCHES / wide,
            1 - 2 * _MARGIN_INCHES / high,
        )
    )
    axes.set(xlim=(0, _COLUMNS), ylim=(rows, 0))
    axes.set_axis_off()
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        _draw_text(axes, painting, lines)
        _draw_scale(axes, painting, rows - below + 1)
        FigureCanvasAgg(figure).print_png(file)
    return file.getvalue()


def _draw_text(axes: Any, painting: Painting, lines: list[range]) -> None:
    level_of = levels(painting, _STEPS)
    cells = np.full((max(len(lines), 1), _COLUMNS, 3), 255, np.uint8)
    places: dict[tuple[str, Color], list[tuple[float, float]]] = defaultdict(list)
    for row, line in enumerate(lines):
        column = 0
        for index in line:
            glyph = painting.glyphs[index]
            color = background(painting.colors, int(level_of[index]), _STEPS)
            cells[row, column : column + width(glyph)] = color
            if glyph != " ":
                ink = foreground(color)
                drawn = in_one_place(glyph)
                places[drawn, ink].append((column, row + _BASELINE))
            column += width(glyph)
    extent = (0, _COLUMNS, len(cells), 0)
    axes.imshow(cells, extent=extent, aspect="auto", interpolation="nearest")
    _draw_glyphs(axes, places)


def _draw_glyphs(
    axes: Any, places: Mapping[tuple[str, Color], Sequence[tuple[float, float]]]
) -> None:
    """Draw every distinct glyph once, at all its places: 30 times as fast as texts."""
    from matplotlib.collections import PathCollection
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath
    from matplotlib.transforms import Affine2D

    font = FontProperties(family=_FONTS)
    pixels = Affine2D().scale(_DPI / 72)
    for (glyph, ink), offsets in places.items():
        path = TextPath((0, 0), glyph, size=_FONT_POINTS, prop=font, usetex=False)
        drawn = PathCollection(
            [path],
            facecolors=[_rgb(ink)],
            linewidths=0,
            offsets=offsets,
            offset_transform=axes.transData,
        )
        drawn.set_transform(pixels)
        axes.add_collection(drawn, autolim=False)


def _draw_scale(axes: Any, painting: Painting, row: int) -> None:
    colors = [
        background(painting.colors, level, _STEPS)
        for level in range(-_STEPS, _STEPS + 1)
    ]
    left, right = 0.0, 40.0
    axes.imshow(
        np.array([colors], np.uint8),
        extent=(left, right, row + 0.8, row + 0.1),
        aspect="auto",
        interpolation="nearest",
    )
    axes.set(xlim=(0, _COLUMNS), ylim=axes.get_ylim())
    low, high = painting.ends
    under = row + 1
    _write(axes, left, under, f"-{painting.limit:.3g} {low}", "left")
    _write(axes, (left + right) / 2, under, "0", "center")
    _write(axes, right, under, f"{high} +{painting.limit:.3g}", "right")
    for number, caption in enumerate(painting.captions):
        _write(axes, 0, under + 1 + number, caption, "left")


def _write(axes: Any, x: float, row: int, text: str, align: str) -> None:
    axes.text(
        x,
        row + _BASELINE,
        text,
        color=_rgb(_GREY),
        family=_FONTS,
        fontsize=_FONT_POINTS,
        horizontalalignment=align,
        verticalalignment="baseline",
        parse_math=False,  # A "$" is a dollar.
        usetex=False,
    )


def _rgb(color: Color) -> tuple[float, ...]:
    return tuple(channel / 255 for channel in color)
