"""What the two formats of this project do alike: run folders <-> a model.

A model that came from elsewhere says so in its settings, under "converted": what is
needed to write it back as it was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from compare.checkpoint import Checkpoint, Origin, Training
from compare.containers import Container
from compare.containers.run import (
    EXTRAS_PART,
    KIND,
    TRAINING_PART,
    WEIGHTS_PART,
    named,
    part,
)
from compare.formats.origins import ONE_BLOCK
from compare.formats.table import Table, to_ours, to_theirs
from tfsent.checkpoint import CheckpointError, Layout
from tfsent.checkpoint.shapes import model_settings
from tfsent.checkpoint.strict_json import brief
from tfsent.checkpoint.weights import has_decoder, text_rule_of
from tfsent.config import ModelConfig

CONVERTED, DECODER = "converted", "decoder"
"""Entries of a configuration beside its settings."""


class Own(NamedTuple):
    """One of the two formats.

    Attributes:
        name: As `--to` spells it.
        layout: How its runs lie on disk.
        gates: Cell to the order of its blocks.
        table_of: `(model, gates)` to its table.
        state_to_ours: `(arrays, table, model, optimizer, path)` to Keras names.
        state_to_theirs: `(arrays, table, model, optimizer)` back.
    """

    name: str
    layout: Layout
    gates: Mapping[str, str]
    table_of: Callable[[ModelConfig, str | None], Table]
    state_to_ours: Callable[..., dict[str, np.ndarray]]
    state_to_theirs: Callable[..., dict[str, np.ndarray]]


def recognized(container: Container, own: Own) -> str | None:
    """Return a line if a container is a run of this format, else None."""
    if container.kind != KIND or container.facts["layout"] != own.layout.name:
        return None
    state = container.facts.get("progress")
    more = f", training state of step {state['step']}" if state else ""
    return f"run or checkpoint of the {own.name} format{more}"


def from_run(container: Container, own: Own, gates: str | None) -> Checkpoint:
    """Return the model of a run folder, with its training state.

    Raises:
        CheckpointError: If an array is missing, left over or of a wrong shape.
        ValueError: If the training state cannot cross; names the optimizer.
    """
    path, config = container.path, container.facts["config"]
    model = model_settings(config, path)
    weights = part(container, WEIGHTS_PART)
    checkpoint = from_arrays(weights, config, own, gates, path)
    training = None
    progress = container.facts.get("progress")
    if progress is not None:
        state = own.state_to_ours(
            part(container, TRAINING_PART),
            own.table_of(model, gates),
            model,
            optimizer_of(config),
            path,
        )
        training = Training(state, progress)
    extras = part(container, EXTRAS_PART)
    return dataclasses.replace(checkpoint, extras=extras, training=training)


def from_arrays(
    arrays: Mapping[str, np.ndarray],
    config: Mapping[str, Any],
    own: Own,
    gates: str | None,
    path: Path,
) -> Checkpoint:
    """Return a model from named arrays and a configuration that fits them.

    Raises:
        CheckpointError: If they do not fit.
    """
    model = model_settings(config, path)
    decoder = has_decoder(config, path)
    text_rule_of(config, path)  # Whoever asks later may trust it.
    mapped = to_ours(own.table_of(model, gates), arrays, model, path, decoder)
    here = Origin(own.name, _gates(own, model, gates), mapped.dtype)
    origin = origin_told(config, path) or here
    settings = {n: v for n, v in config.items() if n not in (CONVERTED, DECODER)}
    return Checkpoint(model, mapped.weights, decoder, origin, {}, settings)


def to_run(checkpoint: Checkpoint, own: Own) -> Container:
    """Return a model as a run folder of this format.

    Raises:
        ValueError: If the training state cannot cross; names the optimizer.
    """
    model = checkpoint.model
    table = own.table_of(model, None)
    weights = to_theirs(table, checkpoint.weights, model)
    arrays = named(WEIGHTS_PART, weights) | named(EXTRAS_PART, checkpoint.extras)
    facts = {"layout": own.layout.name, "config": config_for(checkpoint, own.name)}
    if checkpoint.training is not None:
        optimizer = optimizer_of(checkpoint.config)
        held = checkpoint.training.arrays
        state = own.state_to_theirs(held, table, model, optimizer)
        arrays |= named(TRAINING_PART, state)
        facts["progress"] = dict(checkpoint.training.progress)
    return Container(KIND, arrays, facts)


def order_given(config: Mapping[str, Any], gates: str | None, path: Path) -> str | None:
    """Return the order of blocks that `gates` asks for; None for the format's own.

    Raises:
        CheckpointError: If `gates` names another cell of one block.
    """
    if gates not in ONE_BLOCK:
        return gates
    cell = model_settings(config, path).cell
    if gates != cell:
        raise CheckpointError(path, f"is of {cell} cells; it has no gates {gates!r}.")
    return None


def config_for(checkpoint: Checkpoint, name: str) -> dict[str, Any]:
    """Return the configuration to write beside a model in the format `name`."""
    config = {**checkpoint.config, "model": dataclasses.asdict(checkpoint.model)}
    if not checkpoint.decoder:
        config[DECODER] = False
    if checkpoint.origin.format != name:
        config[CONVERTED] = checkpoint.origin._asdict()
    return config


def optimizer_of(config: Mapping[str, Any]) -> str:
    """Return the optimizer's name in the settings; Adam where they say none."""
    section = config.get("optimizer")
    name = section.get("name") if isinstance(section, Mapping) else None
    return name if isinstance(name, str) else "adam"


def _gates(own: Own, model: ModelConfig, gates: str | None) -> str:
    return own.gates[model.cell] if gates is None else gates


def origin_told(config: Mapping[str, Any], path: Path) -> Origin | None:
    """Return where settings say that a model came from, None if they do not.

    Raises:
        CheckpointError: If what they say is no origin.
    """
    facts = config.get(CONVERTED)
    if facts is None:
        return None
    kinds = {"format": str, "gates": str, "dtype": str, "symbols": int, "facts": dict}
    if not isinstance(facts, Mapping) or any(
        type(facts.get(name)) is not kind for name, kind in kinds.items()
    ):
        reason = f"its settings say converted: {brief(facts)}; no facts of an origin."
        raise CheckpointError(path, reason)
    return Origin(**{name: facts[name] for name in kinds})
