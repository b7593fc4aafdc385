"""What every PyTorch format does alike: which cell, which facts, which settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from compare.containers import Container
from compare.formats.blocks import ONE_BLOCK, OUR_GATES
from tfsent.checkpoint import CheckpointError
from tfsent.checkpoint.strict_json import brief
from tfsent.config import NUM_BYTES, ModelConfig

NESTING, NAMESPACES = "nesting", "namespaces"
"""Facts of an origin: how its container was nested."""


def cell_of(blocks: int, multiplicative: bool, gates: str | None, path: Path) -> str:
    """Return the cell whose weights have `blocks` blocks of gates.

    Args:
        blocks: Gate columns over hidden units.
        multiplicative: Whether there are the two matrices of an mLSTM.
        gates: What the user said; "tanh" or "relu" for a cell of one block.
        path: For messages.

    Raises:
        CheckpointError: If no cell is like that, or two are.
    """
    if multiplicative:
        if blocks != len(OUR_GATES["mlstm"]):
            raise CheckpointError(path, f"is an mLSTM of {blocks} blocks of gates.")
        return "mlstm"
    if blocks == 1:
        if gates not in ONE_BLOCK:
            raise CheckpointError(
                path,
                "has one block of gates: its cell may be tanh or relu, which look "
                "alike. Say --gates tanh or --gates relu.",
            )
        return gates
    for cell in ("lstm", "gru"):
        if blocks == len(OUR_GATES[cell]):
            return cell
    raise CheckpointError(path, f"has {blocks} blocks of gates; no cell here has.")


def file_gates(
    cell: str, gates: str | None, fitting: Collection[str], path: Path
) -> str:
    """Return the order of the blocks in the file; empty for cells of one.

    Raises:
        CheckpointError: If several fit and the user did not say.
    """
    if cell in ONE_BLOCK:
        return ""
    if gates is None:
        if len(fitting) > 1:
            raise CheckpointError(
                path,
                f"may have its gates in the order {' or '.join(fitting)}; shapes do "
                "not tell. Say which with --gates.",
            )
        return next(iter(fitting))
    if sorted(gates) != sorted(OUR_GATES[cell]):
        reason = f"gates {gates!r} are no order of {' '.join(OUR_GATES[cell])}."
        raise CheckpointError(path, reason)
    return gates


def symbols_of(embedding: np.ndarray, name: str, path: Path) -> int:
    """Return 256, or 257 with a padding symbol.

    Raises:
        CheckpointError: If the embedding has another number of rows.
    """
    rows = embedding.shape[0] if embedding.ndim == 2 else None
    if rows not in (NUM_BYTES, NUM_BYTES + 1):
        found = brief(embedding.shape)
        reason = f"{name!r} has shape {found}: no model of bytes, which has 256 rows."
        raise CheckpointError(path, reason)
    return rows


def model_of(path: Path, **settings: Any) -> ModelConfig:
    """Return the shape of a model.

    Raises:
        CheckpointError: If there can be no such model.
    """
    try:
        return ModelConfig(**settings)
    except ValueError as error:
        raise CheckpointError(path, str(error)) from error


def facts_of(container: Container) -> dict[str, Any]:
    """Return what an origin remembers of a container."""
    facts = dict(container.facts)
    if container.nesting:
        facts[NESTING] = list(container.nesting)
    if container.namespaces:
        facts[NAMESPACES] = list(container.namespaces)
    return facts


def config_of(model: ModelConfig, text_rule: str) -> dict[str, Any]:
    """Return the settings that a foreign file implies."""
    return {"model": asdict(model), "data": {"text_rule": text_rule}}


def under(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values whose names start with `prefix`, without it."""
    return {
        name.removeprefix(prefix): value
        for name, value in values.items()
        if name.startswith(prefix)
    }


def refuse_unknown(names: Collection[str], known: Collection[str], path: Path) -> None:
    """Refuse names that start with none of `known`.

    Raises:
        CheckpointError: If there is one; names it by its first part.
    """
    for name in names:
        if not any(name.startswith(prefix) for prefix in known):
            reason = f"holds {name!r}, for which there is no place in a model."
            raise CheckpointError(path, reason)
