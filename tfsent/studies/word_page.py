"""A page on which every word of a study stands under the pointer; it stands alone."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from matplotlib import colormaps
from matplotlib.colors import to_hex

_WIDTH, _HEIGHT, _EDGE = 960, 640, 20

_STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 1.5rem; color: #222;
  background: #fff; }
svg { max-width: 100%; height: auto; border: 1px solid #ddd; }
circle { stroke: #888; stroke-width: 0.5; }
circle:hover, circle:focus { stroke: #000; stroke-width: 2; outline: none; }
.scale { display: inline-block; width: 12rem; height: 0.8rem; vertical-align: middle;
  border: 1px solid #ddd; }
"""


def word_page(results: Mapping[str, Any]) -> str:
    """Return the page: a dot for each word, its colour the mean label of its texts.

    Words are escaped, and no script runs: the browser itself shows a dot's title.
    """
    words = results["words"]
    shown, mean = words["shown"], words["mean_label"]
    reach = max(1e-9, *(abs(word["sentiment"] - mean) for word in shown))
    dots = "\n".join(
        _dot(word, place, mean, reach)
        for word, place in zip(shown, _places(shown), strict=True)
    )
    stops = ", ".join(to_hex(colormaps["PuOr"](k / 8)) for k in range(9))
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Word vectors and sentiment</title><style>{_STYLE}</style></head><body>
<h1>Word vectors and sentiment</h1>
<p>t-SNE of {len(shown):,} word vectors. Colour: mean label of the training texts that
a word stands in, from {mean - reach:.2f} <span class="scale"
style="background: linear-gradient(to right, {stops})"></span> to {mean + reach:.2f}.
Point at a dot, or reach it with Tab, to read its word.</p>
<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img"
aria-label="A dot for each word; near dots have like vectors">
{dots}
</svg></body></html>
"""


def _places(shown: list[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """Return where the dots stand, in pixels from the upper left corner."""
    ends = {}
    for axis in ("x", "y"):
        values = [word[axis] for word in shown]
        ends[axis] = (min(values), max(max(values) - min(values), 1e-9))
    return [
        (
            _EDGE + (word["x"] - ends["x"][0]) / ends["x"][1] * (_WIDTH - 2 * _EDGE),
            _HEIGHT
            - _EDGE
            - (word["y"] - ends["y"][0]) / ends["y"][1] * (_HEIGHT - 2 * _EDGE),
        )
        for word in shown
    ]


def _dot(
    word: Mapping[str, Any], place: tuple[float, float], mean: float, reach: float
) -> str:
    share = 0.5 + 0.5 * (word["sentiment"] - mean) / reach
    colour = to_hex(colormaps["PuOr"](share))
    title = html.escape(
        f"{word['word']}: {word['sentiment']:.2f} in {word['texts']:,} texts"
    )
    return (
        f'<circle cx="{place[0]:.1f}" cy="{place[1]:.1f}" r="5" fill="{colour}" '
        f'tabindex="0"><title>{title}</title></circle>'
    )
