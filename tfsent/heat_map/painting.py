"""What is painted, in whatever form: glyphs with a value each, a scale, captions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tfsent.heat_map.colors import levels_of


class Painting(NamedTuple):
    """Glyphs with their values and the scale that gives them colours."""

    glyphs: list[str]
    """What is shown, see `characters.visible`."""
    values: np.ndarray
    """float32[glyphs]."""
    limit: float
    """Value at the positive end of the scale; minus it stands at the other."""
    colors: str
    """Name of the scale's colours."""
    ends: tuple[str, str]
    """What the ends of the scale mean; may be empty."""
    captions: tuple[str, ...]
    """Lines that say what is shown."""


class Run(NamedTuple):
    """Neighbouring glyphs of one colour."""

    start: int
    stop: int
    level: int


def runs_of(levels: np.ndarray) -> list[Run]:
    """Return the stretches of equal levels.

    Example:
        >>> runs_of(np.array([3, 3, -1]))
        [Run(start=0, stop=2, level=3), Run(start=2, stop=3, level=-1)]
    """
    starts = starts_of(levels)
    stops = np.append(starts[1:], len(levels))[: len(starts)]
    rows = zip(starts.tolist(), stops.tolist(), levels[starts].tolist(), strict=True)
    return [Run(*row) for row in rows]


def starts_of(levels: np.ndarray) -> np.ndarray:
    """Return where the stretches of equal levels start."""
    return np.flatnonzero(np.diff(levels, prepend=levels[:1] - 1))


def levels(painting: Painting, steps: int) -> np.ndarray:
    """Return the number of the colour of every glyph; see `levels_of`."""
    return levels_of(painting.values, painting.limit, steps)
