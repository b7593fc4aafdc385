"""What a feature is made of: its name, its parts, and what each column means.

    feature = part + part + ...     such as cell-mean+hidden-max
    part    = [all-] cell|hidden [-last|-mean|-max|-min]

`cell` and `hidden` are the two states of a layer after every byte; a pooling makes one
row of all of them. Without `all-` the last layer is taken, with it every layer,
the first one first.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tfsent.config import ModelConfig

STATES = ("hidden", "cell")
"""States of a layer, in the order in which a model keeps them."""

POOLINGS = ("last", "mean", "max", "min")
"""What is made of the states of all bytes of a text."""

WITHOUT_CELL = ("gru", "tanh", "relu")
"""Cells that keep a hidden state only."""


_PART = re.compile(
    f"(?P<every>all-)?(?P<state>{'|'.join(STATES)})(-(?P<pooling>{'|'.join(POOLINGS)}))?"
)


class Part(NamedTuple):
    """One state of one layer, pooled over a text: as many columns as units."""

    layer: int
    """Number of the layer, the first is 0."""
    state: str
    """One of `STATES`."""
    pooling: str
    """One of `POOLINGS`."""


class Column(NamedTuple):
    """What one column of a feature is."""

    part: Part
    unit: int


def default_feature(config: ModelConfig) -> str:
    """Return the published feature, the last cell state, or what comes closest."""
    return "hidden" if config.cell in WITHOUT_CELL else "cell"


def parse_feature(feature: str, config: ModelConfig) -> tuple[Part, ...]:
    """Return the parts of a feature of a model, in the order of their columns.

    Raises:
        ValueError: If it is no feature, or none of this model.

    Example:
        >>> parse_feature("cell-mean+hidden", ModelConfig())
        (Part(layer=0, state='cell', pooling='mean'), \
Part(layer=0, state='hidden', pooling='last'))
    """
    parts: list[Part] = []
    for name in feature.split("+"):
        parts += _parts(name.strip(), feature, config)
    if len(set(parts)) < len(parts):
        raise ValueError(f"feature {feature!r} names a part twice; once will do.")
    return tuple(parts)


def column(parts: tuple[Part, ...], index: int, hidden_size: int) -> Column:
    """Return what column `index` of a feature is."""
    return Column(parts[index // hidden_size], index % hidden_size)


def _parts(name: str, feature: str, config: ModelConfig) -> list[Part]:
    match = _PART.fullmatch(name)
    if match is None:
        raise ValueError(
            f"feature is {feature!r}; {' or '.join(STATES)}, perhaps with "
            f"{', '.join('-' + p for p in POOLINGS)} behind it and all- before it, or "
            "several joined by +, will do."
        )
    state, pooling = match["state"], match["pooling"] or "last"
    if state == "cell" and config.cell in WITHOUT_CELL:
        raise ValueError(
            f"feature is {feature!r}, but {config.cell} keeps no cell state; "
            f"{feature.replace('cell', 'hidden')} will do."
        )
    layers = range(config.layers) if match["every"] else [config.layers - 1]
    return [Part(layer, state, pooling) for layer in layers]
