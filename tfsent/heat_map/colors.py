"""Diverging colour scales that colour-blind readers can tell apart.

Colours from ColorBrewer (colorbrewer2.org) by Cynthia A. Brewer, Geography,
Pennsylvania State University; Apache License 2.0. Each scale is its published
eleven colours, joined by straight lines in RGB as matplotlib does.
"""

from __future__ import annotations

from functools import cache

import numpy as np

Color = tuple[int, int, int]

_ANCHORS = {
    "PuOr": "7f3b08 b35806 e08214 fdb863 fee0b6 f7f7f7 "
    "d8daeb b2abd2 8073ac 542788 2d004b",
    "RdBu": "67001f b2182b d6604d f4a582 fddbc7 f7f7f7 "
    "d1e5f0 92c5de 4393c3 2166ac 053061",
    "BrBG": "543005 8c510a bf812d dfc27d f6e8c3 f5f5f5 "
    "c7eae5 80cdc1 35978f 01665e 003c30",
    "PRGn": "40004b 762a83 9970ab c2a5cf e7d4e8 f7f7f7 "
    "d9f0d3 a6dba0 5aae61 1b7837 00441b",
    "PiYG": "8e0152 c51b7d de77ae f1b6da fde0ef f7f7f7 "
    "e6f5d0 b8e186 7fbc41 4d9221 276419",
}  # fmt: skip

SCHEMES = tuple(_ANCHORS)
"""Names of the scales; the first colour of each is negative, the last positive."""

NOT_A_NUMBER: Color = (192, 192, 192)
"""Colour of a value that is no number; none of the scales has this grey."""


def levels_of(values: np.ndarray, limit: float, steps: int) -> np.ndarray:
    """Return which colour each value has, as a number from -steps to steps.

    A value at or beyond the ends of the scale has the colour of that end.

    Args:
        values: float32[n]. NaN gets the level `steps + 1`.
        limit: Value of the last colour; minus it, of the first.
        steps: Colours on each side of the middle one.

    Returns:
        int64[n].

    Example:
        >>> levels_of(np.array([-9, -0.5, 0, 0.26, np.nan]), limit=1.0, steps=10)
        array([-10,  -5,   0,   3,  11])
    """
    scaled = np.asarray(values, np.float64) / limit
    finite = np.nan_to_num(scaled, nan=0.0, posinf=1.0, neginf=-1.0)
    levels = np.rint(np.clip(finite, -1, 1) * steps).astype(np.int64)
    return np.where(np.isnan(scaled), steps + 1, levels)


def check_scheme(colors: str) -> None:
    """Refuse a name that is none of `SCHEMES`."""
    if colors not in _ANCHORS:
        raise ValueError(f"colors is {colors!r}; one of {', '.join(SCHEMES)} will do.")


@cache
def background(colors: str, level: int, steps: int) -> Color:
    """Return the colour of a level of a scale."""
    if level > steps:
        return NOT_A_NUMBER
    anchors = [bytes.fromhex(code) for code in _ANCHORS[colors].split()]
    place = (level + steps) / (2 * steps) * (len(anchors) - 1)
    channels = zip(*anchors, strict=True)
    red, green, blue = (
        round(float(np.interp(place, range(len(anchors)), channel)))
        for channel in channels
    )
    return red, green, blue


def foreground(color: Color) -> Color:
    """Return black or white, whichever reads better on a colour."""
    # At this luminance both have the same contrast, 4.58: WCAG asks for 4.5.
    return (0, 0, 0) if luminance(color) > 0.1791 else (255, 255, 255)


def luminance(color: Color) -> float:
    """Return the relative luminance of a colour, from 0 (black) to 1 (white).

    Reference:
        WCAG 2.1, definition of relative luminance.
    """
    parts = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (channel / 255 for channel in color)
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def hex_code(color: Color) -> str:
    """Return a colour as HTML spells it."""
    return "#{:02x}{:02x}{:02x}".format(*color)
