"""Which weights are trained, one after the other, and how fast.

Reference:
    Felbo et al. 2017, arXiv:1708.00524: chain-thaw. Howard and Ruder 2018,
    arXiv:1801.06146: the slanted triangular schedule, with a cut at a tenth and a
    ratio of 32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from tfsent.config_supervised import LearnerConfig

_CUT, _RATIO = 0.1, 32


class Stage(NamedTuple):
    """A part of the training with weights and an optimizer of its own."""

    name: str
    trained: tuple[str, ...]
    """Names of the weights that change."""
    learning_rate: float
    """Peak."""


def stages(config: LearnerConfig, names: Sequence[str]) -> list[Stage]:
    """Return the stages of a training.

    Args:
        config: Its `thaw` decides; "new" trains like "full", from start weights that
            the caller makes.
        names: Of all weights, in order: the layers near the text first, output last.
            Where some begin with `heads/`, these are the output, and the others a
            language model's: its layers are thawed from the heads down, and its own
            output with all the rest.
    """
    groups = dict.fromkeys(map(group, names))
    last = "heads" if "heads" in groups else "output"
    layers = [one for one in groups if one not in ("heads", "output")]
    if last == "heads":
        layers.reverse()

    def stage(name: str, rate: float) -> Stage:
        return Stage(name, tuple(n for n in names if group(n) == name), rate)

    everything = Stage("all", tuple(names), config.learning_rate)
    if config.thaw in ("full", "new"):
        return [everything]
    first = stage(last, config.learning_rate)
    if config.thaw == "last":
        return [first]
    rate = config.chain_learning_rate
    each = [stage(layer, rate) for layer in layers]
    return [first, *each, everything._replace(learning_rate=rate)]


def group(name: str) -> str:
    """Return the layer that a weight belongs to.

    Example:
        >>> group("layers/1/backward/wx"), group("output/bias")
        ('layers/1', 'output')
    """
    parts = name.split("/")
    return "/".join(parts[:2]) if parts[0] in ("layers", "hidden") else parts[0]


def learning_rate(schedule: str, peak: float, update: int, updates: int) -> float:
    """Return the learning rate of the update after `update` of `updates`.

    Example:
        >>> [learning_rate("linear", 1.0, k, 4) for k in range(4)]
        [1.0, 0.75, 0.5, 0.25]
    """
    progress = update / max(1, updates)
    if schedule == "constant":
        return peak
    if schedule == "linear":
        return peak * (1.0 - progress)
    if schedule == "cosine":
        return peak * 0.5 * (1.0 + math.cos(math.pi * progress))
    cut = max(1, int(updates * _CUT))
    share = update / cut
    if update >= cut:
        share = 1.0 - (update - cut) / max(1, updates - cut)
    return peak * (1.0 + share * (_RATIO - 1)) / _RATIO
