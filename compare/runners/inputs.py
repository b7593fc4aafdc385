"""What a piece of work is given, as files: weights and inputs.

Runs in old environments too: NumPy and safetensors alone.

Axes: N batches, B lanes, T bytes in a window.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np


class Batches(NamedTuple):
    """What is trained on."""

    bytes_NBT1: np.ndarray
    """uint8[N, B, T+1]."""
    reset_NBT: np.ndarray
    """bool[N, B, T], True in the first column."""


def read_batches(inputs: str) -> Batches:
    """Return the batches of a file of inputs."""
    with np.load(inputs) as stored:
        return Batches(stored["bytes"], stored["reset"])


def read_texts(inputs: str) -> list[bytes]:
    """Return the texts of a file of inputs."""
    with np.load(inputs) as stored:
        joined, lengths = stored["joined"], stored["lengths"]
    ends = np.cumsum(lengths)
    return [
        joined[end - length : end].tobytes()
        for end, length in zip(ends, lengths, strict=True)
    ]


def read_prompt(inputs: str) -> tuple[bytes, int]:
    """Return the prompt of a file of inputs and how many bytes to write."""
    with np.load(inputs) as stored:
        return stored["prompt"].tobytes(), int(stored["length"])


def read_weights(folder: str) -> dict[str, np.ndarray]:
    """Return float32 weights by our names, as this process has just written them.

    For runners; a file from elsewhere goes through `tfsent.checkpoint.load_weights`.
    """
    from safetensors.numpy import load_file

    return dict(load_file(Path(folder) / "weights.safetensors"))
