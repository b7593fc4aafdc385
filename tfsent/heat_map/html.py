"""A heat map as HTML: no script, nothing loaded, every text escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import numpy as np

from tfsent.heat_map.colors import background, foreground, hex_code
from tfsent.heat_map.painting import Painting, levels, starts_of

EXACT_GLYPHS = 20_000
"""Up to so many characters each has a value to point at and one of 101 colours.
Beyond, neighbours of one of 21 colours share one mark with their mean value: 5 MB of
text would else make a page that no browser opens."""

_FINE, _COARSE = 50, 10
_BLOCK_GLYPHS = 4_000

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" \
content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light">
<title>{title}</title>
<style>body {{ margin: 2rem auto; max-width: 52rem; padding: 0 1rem; \
background: #fff; }}</style>
</head>
<body>
{body}
</body>
</html>
"""

# A name of its own before every rule, and the scale in the class of the container:
# several maps may stand in one notebook.
_STYLE = """\
.tfsent-map { background: #fff; color: #222; font: 1rem/1.75 Georgia, "DejaVu Serif", \
serif; }
.tfsent-map .text { margin: 0 0 1rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.tfsent-map .text div { content-visibility: auto; contain-intrinsic-size: auto 60rem; }
.tfsent-map .text i { font-style: normal; padding: .2em 0; }
.tfsent-map .scale, .tfsent-map .said { font: .8rem/1.5 system-ui, "DejaVu Sans", \
sans-serif; color: #444; margin: .4rem 0; }
.tfsent-map .bar { display: flex; max-width: 24rem; height: .8rem; \
border: 1px solid #bbb; }
.tfsent-map .bar b { flex: 1; }
.tfsent-map .ends { display: flex; justify-content: space-between; max-width: 24rem; }
"""


def page(painting: Painting) -> str:
    """Return a whole document."""
    return _PAGE.format(title=escape(painting.captions[0]), body=fragment(painting))


def fragment(painting: Painting) -> str:
    """Return what a document of others, such as a notebook, can hold."""
    exact = len(painting.glyphs) <= EXACT_GLYPHS
    steps = _FINE if exact else _COARSE
    level_of = levels(painting, steps)
    scale = f"{painting.colors}-{steps}"
    parts = [f'<div class="tfsent-map {scale}">\n<style>\n{_STYLE}']
    parts += _rules(painting.colors, steps, np.unique(level_of).tolist())
    parts.append("</style>\n")
    parts += _bar(painting, steps)
    parts.append('<div class="text" dir="auto">')
    parts += _marks(painting, level_of, exact)
    parts.append("</div>\n")
    parts += [f'<p class="said">{escape(line)}</p>\n' for line in painting.captions]
    if not exact:
        parts.append(
            f'<p class="said">Beyond {EXACT_GLYPHS:,} characters, neighbours of one '
            "colour share one mark, which tells their mean value.</p>\n"
        )
    parts.append("</div>")
    return "".join(parts)


def _rules(colors: str, steps: int, used: list[int]) -> Iterator[str]:
    for level in used:
        color = background(colors, level, steps)
        paint = f"background: {hex_code(color)}; color: {hex_code(foreground(color))}"
        name = _name(level, steps)
        yield f".tfsent-map.{colors}-{steps} .{name} {{ {paint} }}\n"


def _name(level: int, steps: int) -> str:
    if level > steps:
        return "nan"
    return f"n{-level}" if level < 0 else f"p{level}"


def _bar(painting: Painting, steps: int) -> Iterator[str]:
    yield '<div class="scale" role="img" aria-label="colour scale">'
    yield '<div class="bar">'
    for level in range(-_COARSE, _COARSE + 1):
        color = hex_code(background(painting.colors, level, _COARSE))
        yield f'<b style="background: {color}"></b>'
    low, high = map(escape, painting.ends)
    yield '</div><div class="ends">'
    yield f"<span>-{painting.limit:.3g} {low}</span><span>0</span>"
    yield f"<span>{high} +{painting.limit:.3g}</span></div></div>\n"


def _marks(painting: Painting, level_of: np.ndarray, exact: bool) -> Iterator[str]:
    """Yield an element for every glyph, or for every run of one colour."""
    if exact:
        yield from _elements(painting, level_of, np.arange(len(level_of)), _FINE)
        return
    for start in range(0, len(level_of), _BLOCK_GLYPHS):
        # A block of its own lets a browser lay out only what is in sight.
        stop = min(start + _BLOCK_GLYPHS, len(level_of))
        block = painting._replace(
            glyphs=painting.glyphs[start:stop], values=painting.values[start:stop]
        )
        levels_here = level_of[start:stop]
        yield "<div>"
        yield from _elements(block, levels_here, starts_of(levels_here), _COARSE)
        yield "</div>"


def _elements(
    painting: Painting, level_of: np.ndarray, starts: np.ndarray, steps: int
) -> Iterator[str]:
    """Yield an element for the glyphs from each start to the next."""
    if not len(starts):
        return
    stops = np.append(starts[1:], len(level_of))
    # All at once: a text of 5 MB has some million runs.
    means = np.add.reduceat(painting.values, starts, dtype=np.float64)
    rows = zip(
        starts.tolist(),
        stops.tolist(),
        level_of[starts].tolist(),
        (means / (stops - starts)).tolist(),
        strict=True,
    )
    names = {level: _name(level, steps) for level in np.unique(level_of).tolist()}
    for start, stop, level, value in rows:
        text = escape("".join(painting.glyphs[start:stop]))
        yield f'<i class="{names[level]}" title="{value:+.4f}">{text}</i>'
