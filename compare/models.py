"""A checkpoint -> the PyTorch twin, and the twin's arrays -> our names.

Axes: B lanes, T time steps.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from compare.checkpoint import Checkpoint
from compare.formats.table import to_ours, to_theirs
from compare.formats.twin_table import table_of
from compare.twin import ByteLanguageModel
from tfsent.config import ModelConfig


def make_twin(checkpoint: Checkpoint) -> ByteLanguageModel:
    """Return the model of `checkpoint` on PyTorch, on the CPU."""
    # Weights are drawn only to be replaced, and orthogonal ones take long.
    config = dataclasses.replace(checkpoint.model, initialization="nvidia")
    rule = checkpoint.config.get("data", {}).get("text_rule", "openai")
    model = ByteLanguageModel(config, text_rule=rule, decoder=checkpoint.decoder)
    fill_twin(model, twin_arrays(checkpoint.weights, checkpoint.model))
    return model.eval()


@torch.no_grad()
def fill_twin(model: ByteLanguageModel, arrays: Mapping[str, np.ndarray]) -> None:
    """Give a twin all its weights, under the names of its parameters.

    Raises:
        ValueError: If one is missing, left over or of another shape.
    """
    parameters = dict(model.named_parameters())
    shapes = {name: tuple(p.shape) for name, p in parameters.items()}
    given = {name: array.shape for name, array in arrays.items()}
    if given != shapes:
        wrong = sorted(dict(given.items() ^ shapes.items()))
        raise ValueError(f"weights of the twin that do not fit: {', '.join(wrong)}.")
    for name, parameter in parameters.items():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(arrays[name])))


def twin_arrays(
    ours: Mapping[str, np.ndarray], model: ModelConfig
) -> dict[str, np.ndarray]:
    """Return arrays under our names of weights as the twin has them, float32."""
    return to_theirs(table_of(model), ours, model)


def our_arrays(
    theirs: Mapping[str, np.ndarray], model: ModelConfig
) -> dict[str, np.ndarray]:
    """Return arrays under the twin's names as ours, output weights if there are any."""
    decoder = "output.bias" in theirs
    return to_ours(table_of(model), theirs, model, Path("the twin"), decoder).weights
