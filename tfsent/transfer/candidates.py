"""Features to choose among, all of them read in one pass over the texts."""

from __future__ import annotations

from typing import NamedTuple

from tfsent.config import ModelConfig
from tfsent.transfer.feature import WITHOUT_CELL, Part, parse_feature

AUTO = "auto"
"""Stands for the candidates below."""

_WITH_CELL = ("cell", "cell-mean", "hidden-mean", "cell-mean+hidden-mean")
_HIDDEN_ALONE = ("hidden", "hidden-mean", "hidden+hidden-mean")


class Candidate(NamedTuple):
    """A feature and where its columns stand in the one that is read."""

    feature: str
    parts: tuple[Part, ...]
    columns: tuple[int, ...]


class Candidates(NamedTuple):
    """Features, and one that holds them all."""

    feature: str
    """What to ask the model for."""
    each: tuple[Candidate, ...]


def candidates(asked: str, config: ModelConfig) -> Candidates:
    """Return the features that are asked for, and one that holds them all.

    Args:
        asked: A feature, several with commas between them, or `AUTO`.
        config: Of the model.

    Raises:
        ValueError: If one is no feature, or none of this model.

    Example:
        >>> found = candidates("hidden,cell+hidden", ModelConfig(hidden_size=2))
        >>> found.feature, found.each[1].columns
        ('hidden+cell', (2, 3, 0, 1))
    """
    names = _names(asked, config)
    parts = {name: parse_feature(name, config) for name in names}
    pieces = {
        piece: parse_feature(piece, config)
        for name in names
        for piece in map(str.strip, name.split("+"))
    }
    # The pieces with most parts first: `all-cell` holds `cell`, never the reverse.
    joined: list[str] = []
    held: list[Part] = []
    for piece in sorted(pieces, key=lambda piece: -len(pieces[piece])):
        if not set(pieces[piece]) <= set(held):
            joined.append(piece)
            held += pieces[piece]
    size = config.hidden_size
    each = []
    for name in names:
        starts = [held.index(part) * size for part in parts[name]]
        columns = tuple(start + unit for start in starts for unit in range(size))
        each.append(Candidate(name, parts[name], columns))
    return Candidates("+".join(joined), tuple(each))


def _names(asked: str, config: ModelConfig) -> tuple[str, ...]:
    if asked.strip() == AUTO:
        return _HIDDEN_ALONE if config.cell in WITHOUT_CELL else _WITH_CELL
    return tuple(dict.fromkeys(name.strip() for name in asked.split(",")))
