"""A heat map in the 24-bit colours of a terminal, light or dark."""

from __future__ import annotations

from tfsent.heat_map.characters import wrap
from tfsent.heat_map.colors import Color, background, foreground
from tfsent.heat_map.painting import Painting, levels, runs_of

_STEPS = 50
_BAR = 21


def lines(painting: Painting, columns: int) -> str:
    """Return the painted text, its scale and what it says, each line ended.

    Both colours of every character are set and let go at the end of its line, so
    that neither the terminal's own nor its habits at a line's end matter.
    """
    level_of = levels(painting, _STEPS)
    found = []
    for line in wrap(painting.glyphs, max(1, columns)):
        parts = [
            _paint(
                "".join(
                    painting.glyphs[line.start + run.start : line.start + run.stop]
                ),
                background(painting.colors, run.level, _STEPS),
            )
            for run in runs_of(level_of[line.start : line.stop])
        ]
        found.append("".join(parts))
    found += [_bar(painting), *painting.captions]
    return "".join(f"{line}\n" for line in found)


def _paint(text: str, color: Color) -> str:
    ink = foreground(color)
    text = text.rstrip("\n")
    return "\x1b[38;2;{};{};{};48;2;{};{};{}m{}\x1b[0m".format(*ink, *color, text)


def _bar(painting: Painting) -> str:
    half = _BAR // 2
    cells = [
        _paint(" ", background(painting.colors, level, half))
        for level in range(-half, half + 1)
    ]
    low, high = painting.ends
    before = f"{low} -{painting.limit:.3g} ".lstrip()
    return f"{before}{''.join(cells)} +{painting.limit:.3g} {high}".rstrip()
