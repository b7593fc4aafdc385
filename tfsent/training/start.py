"""The weights of a trained model as the start of a new run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfsent.config import ModelConfig, RunConfig

LoadModel = Callable[[str], Any]
"""Path -> a trained model, as `tfsent.load` gives it."""

_FREE = ("dropout", "initialization")
"""Settings of a model that say nothing of its trained weights."""


def start_weights(config: RunConfig, load_model: LoadModel) -> Mapping[str, np.ndarray]:
    """Return the weights that `config.training.start_from` names, float32.

    Args:
        config: Settings of the new run.
        load_model: Opens the model.

    Raises:
        CheckpointError: If there is no sound model; names the path.
        ValueError: If its shape or text rule are not those of the settings, or it has
            no output weights.
    """
    path = config.training.start_from
    assert path is not None
    trained = load_model(path)
    theirs = trained.model.config
    changes = [
        f"--model.{field.name.replace('_', '-')} {getattr(theirs, field.name)}"
        for field in dataclasses.fields(ModelConfig)
        if field.name not in _FREE
        and getattr(theirs, field.name) != getattr(config.model, field.name)
    ]
    if trained.text_rule != config.data.text_rule:
        changes.append(f"--data.text-rule {trained.text_rule}")
    if changes:
        raise ValueError(
            f"training.start_from: {path} is another model than the settings ask for; "
            f"{' '.join(changes)} will do."
        )
    if not trained.model.decoder:
        raise ValueError(
            f"training.start_from: {path} has no output weights; a model that gives "
            "bits per character will do."
        )
    return trained.named_weights()
