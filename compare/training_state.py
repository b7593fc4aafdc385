"""Training state of a Keras run <-> of a run of the twin: one table, both ways.

    Keras                          twin
    optimizer/iteration            optimizer/step          updates applied
    optimizer/momentum/WEIGHT      optimizer/exp_avg/PARAMETER
    optimizer/velocity/WEIGHT      optimizer/exp_avg_sq/PARAMETER
    loss_scale/dynamic_scale       loss_scale/value        under mixed_float16 alone
    loss_scale/step_counter        loss_scale/good_steps
    carried/LAYER/K                carried/LAYER/K         state of all lanes

A moment lies like the weight it belongs to: the same names, axes and order of gates
as `compare.formats.twin_table` gives the weight. Nothing is computed: every number
comes back bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from compare.formats.table import Table, to_ours, to_theirs
from tfsent.checkpoint import CheckpointError
from tfsent.checkpoint.strict_json import brief
from tfsent.config import ModelConfig

STEP = ("optimizer/iteration", "optimizer/step")
SCALE = (
    ("loss_scale/dynamic_scale", "loss_scale/value"),
    ("loss_scale/step_counter", "loss_scale/good_steps"),
)
_MOMENTS = (("momentum", "exp_avg"), ("velocity", "exp_avg_sq"))
SLOTS: dict[str, tuple[tuple[str, str], ...]] = {
    "adam": _MOMENTS,
    "adamw": _MOMENTS,
    "sgd": (),
}
"""Optimizer to what it keeps of every weight, in Keras and in the twin."""

_CARRIED = "carried/"


def check_optimizer(name: str) -> None:
    """Refuse an optimizer whose state has no counterpart on the other side.

    Raises:
        ValueError: Names it.
    """
    if name.lower() not in SLOTS:
        raise ValueError(
            f"optimizer {name!r} has no exact counterpart in the other framework; "
            f"the training state of {', '.join(SLOTS)} can cross."
        )


def to_twin(
    arrays: Mapping[str, np.ndarray], table: Table, model: ModelConfig, optimizer: str
) -> dict[str, np.ndarray]:
    """Return the training state of a Keras run as the twin keeps it.

    Args:
        arrays: Keras names; moments in our axes and gate order.
        table: The twin's, as for the weights.
        model: Shape of the model.
        optimizer: Its name in the settings.

    Raises:
        ValueError: If the optimizer has no counterpart, or an array no place.
    """
    check_optimizer(optimizer)
    left = dict(arrays)
    moved = _scalars(left, 0, 1)
    for ours, theirs in SLOTS[optimizer.lower()]:
        moments = _taken(left, f"optimizer/{ours}/")
        for name, array in to_theirs(table, moments, model).items():
            moved[f"optimizer/{theirs}/{name}"] = array
    return _with_carried(moved, left)


def to_keras(
    arrays: Mapping[str, np.ndarray],
    table: Table,
    model: ModelConfig,
    optimizer: str,
    path: Path,
) -> dict[str, np.ndarray]:
    """Return the training state of a run of the twin as Keras keeps it.

    Args:
        arrays: The twin's names, axes and gate order.
        table: The twin's, as for the weights.
        model: Shape of the model.
        optimizer: Its name in the settings.
        path: Where it was read, for messages.

    Raises:
        CheckpointError: If a moment is missing, left over or of a wrong shape.
        ValueError: If the optimizer has no counterpart, or an array no place.
    """
    check_optimizer(optimizer)
    left = dict(arrays)
    moved = _scalars(left, 1, 0)
    for ours, theirs in SLOTS[optimizer.lower()]:
        moments = _taken(left, f"optimizer/{theirs}/")
        mapped = to_ours(table, moments, model, path)
        if mapped.dtype != "float32":
            reason = f"optimizer/{theirs} is {mapped.dtype}, not float32."
            raise CheckpointError(path, reason)
        for name, array in mapped.weights.items():
            moved[f"optimizer/{ours}/{name}"] = array
    return _with_carried(moved, left)


def _scalars(
    left: dict[str, np.ndarray], here: int, there: int
) -> dict[str, np.ndarray]:
    """Take the counters and the loss scale out of `left`, under their other names."""
    if STEP[here] not in left:
        raise ValueError(f"the training state misses {STEP[here]!r}.")
    given = [pair for pair in SCALE if pair[here] in left]
    if given and len(given) < len(SCALE):
        raise ValueError(
            f"the training state has {given[0][here]!r} and no other of it."
        )
    return {pair[there]: left.pop(pair[here]) for pair in (STEP, *given)}


def _taken(left: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    names = [name for name in left if name.startswith(prefix)]
    return {name.removeprefix(prefix): left.pop(name) for name in names}


def _with_carried(
    moved: dict[str, np.ndarray], left: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    surplus = sorted(name for name in left if not name.startswith(_CARRIED))
    if surplus:
        raise ValueError(f"training state without a counterpart: {brief(surplus)}.")
    return moved | left
